export {acceptPlan, bindPlan, HOLD, lockPlan, unlockPlan} from './guest-plans.js'
export {collectPciTsm, type CollectedEvidence, readDigests} from './pci-tsm-provider.js'
export {type Plan, PlanError, planLines, runPlan, type RunOptions, type Step} from './plan.js'
export {chooseTsm, devicePath, type KernelTdiState, observe, readTdi, type Tdi} from './tdi.js'
