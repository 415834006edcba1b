export {type AppraisalInput, appraise} from './appraise.js'
export * from './audit/index.js'
export type {NonceHistory, PlatformVerdict, TsmNow} from './checks/index.js'
export {
  APPROVAL_LIMIT,
  type ApprovalClaims,
  approverKey,
  decodeApproval,
  signApproval,
  type SignedApproval,
  WINDOW_SECONDS,
} from './approvals.js'
export {type Approval, commitChecks, type CommitInput, needsReason, postCommitChecks, REASON_LENGTH} from './commit.js'
export {externalAnswer, externalQuestion, objection, withExternal} from './external.js'
export {type Decoded, type Facts, gatherFacts} from './facts.js'
export {burnNonce, type Moment, nonceHistory} from './nonce-ledger.js'
export {
  filesOf,
  isOutside,
  effectiveRule,
  type EffectiveRule,
  explainPolicy,
  findingLine,
  loadPolicy,
  matchesClaims,
  isSignatureOf,
  keyText,
  LINT_RULES,
  type NamedBytes,
  placeProblems,
  type Policy,
  POLICY_KEYS,
  type PolicyDocument,
  type PolicyExplanation,
  type PolicyExtras,
  type PolicyFile,
  type PolicyFinding,
  policyKeyOf,
  policySignature,
  productionFindings,
  readYaml,
  relaxationsOf,
  requireUsable,
  signingKeyOf,
} from './policy/index.js'
export {ATTACKS, CHECK_IDS, type CheckId, type CheckSpec, REGISTRY, SKIP_NAMES} from './registry/index.js'
export * from './types.js'
export * from './pins/index.js'
export {
  type DeviceFacts,
  type Provenance,
  readReferenceFile,
  type Reference,
  type ReferenceFile,
  type ReferenceSet,
  referencesIn,
} from './references/index.js'
export * from './verdict/index.js'
