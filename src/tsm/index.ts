export {
  assemble,
  type Assembled,
  chooseProvider,
  type CollectedEvidence,
  DEVICE_EVIDENCE_REPLY,
  deviceEvidence,
  type EvidenceProvider,
  type EvidenceState,
  none,
  PCI_TSM_REPLY,
  pciTsm,
  type ReplyAttributes,
} from './evidence/index.js'
export {acceptPlan, bindPlan, HOLD, holdPlan, lockPlan, unlockPlan} from './guest-plans.js'
export {
  explainGuestRefusal,
  GUEST_REFUSALS,
  type GuestAftermath,
  type GuestRefusal,
  type GuestRefusalKey,
  type GuestVerb,
  guestVerbOf,
  lookAfterRefusal,
} from './guest-refusals.js'
export {connectPlan, disconnectPlan, type HostDevice, sleepPlan} from './host-plans.js'
export {holdersOfNextId, type IdeView, leftovers, streamProblem, streamsOf, streamText} from './host-streams.js'
export {type Plan, PlanError, planLines, runPlan, type RunOptions, type Step} from './plan.js'
export {
  CHECKS,
  type ConnectFacts,
  predictConnect,
  type Preflight,
  type PreflightCheck,
  type Verdict,
} from './preflight.js'
export {classify, type GuestGeneration, type Probe, type ProbedTsm, type ProbeFacts, type Profile} from './probe.js'
export {classifyProvider, type Provider, type ProviderKind} from './providers.js'
export {probe, withoutTsm} from './read-probe.js'
export {type Aftermath, explainRefusal, type HostVerb, type Refusal, type RefusalKey, REFUSALS} from './refusals.js'
export {shutOutPlan} from './shut-out-plan.js'
export {
  chooseTsm,
  devicePath,
  isGone,
  type KernelTdiState,
  observe,
  readTdi,
  readTdiOrOrphan,
  refuseConnected,
  type Tdi,
} from './tdi.js'
