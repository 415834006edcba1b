/**
 * Devices of kernels that have no interface for evidence. Nothing about such a device is verified, and nothing here calls
 * it so: a rule may say, with a reason, that a person decides all the same. What is set aside is every statement about
 * evidence that cannot exist; what the kernel itself shows (state, driver, identity, BARs) is required as ever. As soon
 * as the kernel has an interface the rule's word means nothing.
 */
import type {Bundle} from '../evidence/index.js'
import type {EffectiveRule} from './policy/index.js'
import type {CheckId} from './registry/index.js'
import type {CheckResult} from './types.js'

/** Checks on evidence; all others stand. */
const ABOUT_EVIDENCE: readonly CheckId[] = [
  'acq.abi.known',
  'acq.nonce.used',
  'acq.object.complete',
  'acq.source.live',
  'acq.time.trusted',
  'policy.age',
]
const FAMILIES_ABOUT_EVIDENCE = ['spdm.', 'tsm.', 'tdisp.', 'ide.', 'pci.sriov.'] as const

export const isAboutEvidence = (id: CheckId): boolean =>
  ABOUT_EVIDENCE.includes(id) || FAMILIES_ABOUT_EVIDENCE.some(prefix => id.startsWith(prefix))

/** Was there no evidence, and does the rule leave that to a person? */
export const isUnverified = ({manifest}: Bundle, rule: Pick<EffectiveRule, 'decision' | 'withoutEvidence'>): boolean =>
  manifest.provider.kind === 'none' &&
  manifest.objects.every(({label}) => OUR_OWN.has(label)) &&
  rule.withoutEvidence !== null &&
  rule.decision === 'review'

/** Objects that tsmctl itself writes about what it saw. */
const OUR_OWN: ReadonlySet<string> = new Set(['tsm', 'pci', 'collection'])

/** The same result, no longer standing against the device. What it found stays, and so does the word for it. */
export const setAside = (result: CheckResult): CheckResult => ({
  ...result,
  blocking: false,
  relaxedBy: 'withoutEvidence',
  word: result.result === 'blocked' ? 'NOT PROVEN' : 'RELAXED',
  remedy: null,
})
