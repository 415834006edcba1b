/**
 * Evidence that the host's side collected of a device it connected to a link TSM. There is no locked interface there, no
 * report, and the driver of the host is bound by right: what is only about those does not apply. Who the device is and
 * what runs on it must be proven as ever, and nothing on the host's side leads to accept.
 */
import type {Bundle} from '../evidence/index.js'
import type {CheckId} from './registry/index.js'
import type {CheckResult} from './types.js'

export const isHostSide = ({manifest}: Bundle): boolean => manifest.provider.kind === 'host-link'

/** Checks of what only a machine that locked the interface has. */
const OF_A_LOCK: readonly CheckId[] = ['acq.state.locked', 'acq.driver.unbound', 'kernel.autoprobe']

export const isOfALock = (id: CheckId): boolean => OF_A_LOCK.includes(id) || id.startsWith('tdisp.')

/** The same check where it does not apply: decided here, by no policy. */
export const withoutLock = (result: CheckResult): CheckResult => ({
  ...result,
  result: 'skip',
  reason: 'na',
  blocking: false,
  word: 'not applicable',
  text: "the host's side has no locked interface, and accepts nothing",
  code: 'skip:na',
  relaxedBy: null,
  remedy: null,
})
