export {type Ear, EAR_PROFILE, earOf, type EarOptions, earStatus, type Verifier} from './ear.js'
export {keyId, signingKey, signJws, verificationKey, verifyJws} from './jws.js'
export {platformVerdict} from './platform.js'
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
export {againstBlock, findingRow, inReadingOrder, markOf, MOST_FINDINGS} from './against.js'
export type {Block, Row} from './block.js'
export {APPROVAL_SECONDS, type Banner, type BlockOptions, reviewBlocks, type ReviewBlocks} from './blocks.js'
export {renderAppraisal, renderChecks, type RenderOptions} from './render.js'
export {CLAIMS, type Tier, tierOf, trustVector, type TrustVector} from './trust-vector.js'
export {BANNER, countersText, DEBUG, GLYPH, type Mark, measurementStatus} from './words.js'
