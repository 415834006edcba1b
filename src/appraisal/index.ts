export {type AppraisalInput, appraise} from './appraise.js'
export {openAudit, AUDIT_FILE, type Audit, type AuditHead} from './audit.js'
export type {Actor, AuditEvent, AuditEventName, AuditRecord} from './audit-record.js'
export {type AuditProblem, type AuditVerification, verifyAuditChain} from './audit-verify.js'
export type {NonceHistory} from './checks/index.js'
export {type Approval, commitChecks, type CommitInput, postCommitChecks} from './commit.js'
export {type Decoded, type Facts, gatherFacts} from './facts.js'
export {burnNonce, type Moment, nonceHistory} from './nonce-ledger.js'
export {
  anchorFilesOf,
  effectiveRule,
  type EffectiveRule,
  findingLine,
  loadPolicy,
  matchesClaims,
  type Policy,
  type PolicyDocument,
  type PolicyFile,
  type PolicyFinding,
  relaxationsOf,
  requireUsable,
} from './policy/index.js'
export {ATTACKS, CHECK_IDS, type CheckId, type CheckSpec, REGISTRY, SKIP_NAMES} from './registry/index.js'
export {renderAppraisal, renderChecks} from './render.js'
export * from './types.js'
export {BANNER, countersText, DEBUG, GLYPH} from './words.js'
export {earOf, type EarStatus, trustVector, type TrustVector, type Verifier} from './verdict.js'
