export {type Ear, EAR_PROFILE, earOf, type EarOptions, earStatus, type Verifier} from './ear.js'
export {keyId, signingKey, signJws, verificationKey, verifyJws} from './jws.js'
export {
  comparisonText,
  findingText,
  isQuiet,
  machineReason,
  outcomeText,
  placeText,
  type Reason,
  reasonsOf,
  reasonText,
} from './reason.js'
export {renderAppraisal, renderChecks} from './render.js'
export {CLAIMS, type Tier, tierOf, trustVector, type TrustVector} from './trust-vector.js'
export {BANNER, countersText, DEBUG, GLYPH, measurementStatus} from './words.js'
