export type {Cockpit, CockpitDevice, TypedApproval} from './cockpit.js'
export {runCockpit} from './run.js'
