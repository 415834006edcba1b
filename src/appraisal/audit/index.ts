export {openAudit, AUDIT_FILE, type Audit, type AuditHead} from './log.js'
export type {Actor, AuditEvent, AuditEventName, AuditRecord} from './record.js'
export {type AuditProblem, type AuditVerification, verifyAuditChain} from './verify.js'
