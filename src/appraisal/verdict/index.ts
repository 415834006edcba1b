export {earOf, type EarStatus, trustVector, type TrustVector, type Verifier} from './ear.js'
export {renderAppraisal, renderChecks} from './render.js'
export {BANNER, countersText, DEBUG, GLYPH} from './words.js'
