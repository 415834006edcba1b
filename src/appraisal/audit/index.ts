export {
  AUDIT_FILE,
  type Audit,
  type AuditHead,
  auditFileName,
  auditFiles,
  type AuditOptions,
  currentAuditFile,
  openAudit,
} from './log.js'
export {AUDIT_EVENTS, type AuditEvent, type AuditEventName, type AuditRecord} from './record.js'
export {type AuditFile, type AuditProblem, type AuditVerification, verifyAudit, verifyAuditChain} from './verify.js'
