export {anchorProblem, certificateOf, type TrustAnchor} from './anchors.js'
export {type EffectiveRule, effectiveRule, relaxationsOf} from './effective.js'
export {matchesGlob, type PolicyFinding} from './lint.js'
export {
  filesOf,
  findingLine,
  loadPolicy,
  type NamedBytes,
  type Policy,
  type PolicyExtras,
  type PolicyFile,
  requireUsable,
} from './load.js'
export {HASHES, type MeasurementValue, type PolicyDocument, type Rule, VALUE_TYPES, type Waiver} from './schema.js'
export {matchesClaims, matchesName, matchingRules} from './select.js'
