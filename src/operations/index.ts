export {parseBdf} from '../pci/index.js'
export {accept, type AcceptOptions, type AcceptResult, denied} from './accept.js'
export {admit, type AdmitResult, planAdmission} from './admit.js'
export {approvalText, type GivenApproval} from './approval.js'
export {auditText, type AuditView, readAudit} from './audit.js'
export {collectEvidence, type CollectOptions, keptBundle} from './collect.js'
export {cellText} from './column.js'
export {chosenColumns, columnNamed, COLUMNS, type ListColumn, STANDARD_NAMES} from './columns.js'
export {connect, type ConnectResult, type HostOptions} from './connect.js'
export {decode, type Decoded, type DecodeKind, decodeKinds, inputBytes, parseContext} from './decode.js'
export {decodeDump, type DumpedSpace, type DumpedSpaces} from './decode-dump.js'
export {disconnect, type DisconnectResult} from './disconnect.js'
export {type Diagnosis, type DoctorOptions, examineMachine, shortcoming} from './doctor.js'
export {evidenceText, type EvidenceView, evidenceView} from './evidence-view.js'
export {readFabric} from './fabric.js'
export {type ConflictRow, type IdePlan, type IdePlanOptions, planFailure, planIde} from './ide-plan.js'
export {idePlanText} from './ide-plan-text.js'
export {type IdeList} from './ide-rows.js'
export {listIde, streamWords} from './ide-list.js'
export {BLOCK_LINES} from './ide-blocks.js'
export {type IdeSubject, showIde, type StreamView} from './ide-show.js'
export {checkText, connectionText, type HostConnection} from './host-state.js'
export {chosenItem, IMPORT_FORMATS, importEvidence, importItems} from './import-evidence.js'
export {ALL_LAYOUTS} from './layouts.js'
export {type DeviceList, type DeviceRow, hostNote, listDevices, STANDARD_COLUMNS} from './list.js'
export {type Listed, type ListedDevice, listColumns, type ListRequest, rowJson} from './list-columns.js'
export {lock, type LockOptions} from './lock.js'
export {defaultSimDirectory, openHost} from './open-host.js'
export {readDiagnosedMachine} from './read-diagnosed.js'
export {readPolicy} from './read-policy.js'
export {recordMachine, type Recorded, type RecordOptions} from './record.js'
export {reject, type RejectOptions} from './reject.js'
export {appraiseLive, type Review, reviewDevice, type ReviewOptions, verifyBundle} from './review.js'
export {type DeviceView, showDevice} from './show.js'
export {
  createSimMachine,
  type CreatedMachine,
  explainScenario,
  injectSimFault,
  type MachineStatus,
  resetSimMachine,
  simScenarios,
  simStatus,
} from './sim.js'
export {stateText, type TransitionOptions, type TransitionResult} from './transition.js'
export {unlock, type UnlockOptions} from './unlock.js'
