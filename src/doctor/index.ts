export {
  count,
  diagnose,
  DOCTOR_CHECK_IDS,
  DOCTOR_CHECKS,
  type DoctorCheckId,
  groupOf,
  likelyUse,
  type Result,
} from './diagnose.js'
export {type Cpu, type HostFacts, PARAMETERS, parseCpuinfo, readHostFacts} from './facts.js'
export {type DiagnosedDevice, diagnosedMachine, type DiagnosedMachine, type MachineParts} from './machine.js'
export type {Answer, Check, Status, Use} from './types.js'
