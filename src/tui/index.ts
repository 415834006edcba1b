export type {Cockpit, CockpitDevice, TypedApproval} from './cockpit.js'
export {operationsCockpit, type OperationsCockpitOptions} from './operations-cockpit.js'
export {runCockpit} from './run.js'
