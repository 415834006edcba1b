export {anchorProblem, certificateOf, isOutside, resolveAnchors, type TrustAnchor} from './anchors.js'
export {type EffectiveRule, effectiveRule} from './effective.js'
export {type Relaxation, relaxationCosts, relaxationsOf} from './relaxations.js'
export {keysOf, LINT_RULES, type LintRule, matchesGlob, type PolicyFinding, productionFindings} from './lint/index.js'
export {
  filesOf,
  findingLine,
  loadPolicy,
  type NamedBytes,
  placeProblems,
  type Policy,
  type PolicyExtras,
  type PolicyFile,
  requireUsable,
} from './load.js'
export {HASHES, type MeasurementValue, type PolicyDocument, type Rule, VALUE_TYPES, type Waiver} from './schema.js'
export {matchesClaims, matchesName, matchingRules} from './select.js'
export {isSignatureOf, keyText, policyKeyOf, policySignature, signingKeyOf} from './signature.js'
export {explainPolicy, type PolicyExplanation, type RuleExplanation} from './explain/index.js'
export {POLICY_KEYS} from './keys.js'
export {readYaml} from './yaml.js'
