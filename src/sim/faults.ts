/** Scripted misfortune: what goes wrong, where, and how often. Faults are part of the machine's state. */
import type {EvidenceLabel} from '../kernel/index.js'
import type {MachineStore} from './store.js'

/** A verb, a dump of evidence, this moment, or the reading of an attribute named relative to the device directory. */
export type FaultPoint = (typeof POINTS)[number] | `read:${string}`

/** `now` is no occasion to wait for: what is injected there happens at once. */
export const POINTS = ['lock', 'accept', 'unlock', 'evidence', 'connect', 'disconnect', 'now'] as const

/**
 * What happens:
 *
 * - `errno`: the operation is refused with `errno`, at the point where the TSM or the driver would refuse it;
 * - `flip-bit`: the lowest bit of byte `offset` of `object` (evidence) or of the attribute (reading) is inverted on its
 *   way to the reader; the TSM's digests are of what it holds itself;
 * - `replay`: the measurements before the current ones are served;
 * - `relock`: a rival unlocks and locks the device: before a verb, after a dump;
 * - `vanish`: the device is removed first;
 * - `bind-driver`: a rival binds the device's driver, override or not: before a verb, after a dump;
 * - `delay`: the operation first takes `ms` milliseconds; of readings only those through `query`, which may block;
 * - `stuck`: a write succeeds and has no effect;
 *
 * and on a host:
 *
 * - `rival`: somebody else connects or disconnects the device first;
 * - `tsm-gone`, `tsm-back`: the TSM is unregistered, registered;
 * - `insecure`: the stream's `end` does not become Secure, or no longer is;
 * - `one-sided`: the stream's `end` is not enabled;
 * - `stream-id`: the TSM asks for Stream ID `id`;
 * - `ide-fail`: `block` reports that it received an IDE fail message;
 * - `vfs`: the driver makes `count` virtual functions;
 * - `rescan`: what was removed is found again.
 */
export type FaultKind =
  | 'errno'
  | 'flip-bit'
  | 'replay'
  | 'relock'
  | 'vanish'
  | 'bind-driver'
  | 'delay'
  | 'stuck'
  | 'rival'
  | 'tsm-gone'
  | 'tsm-back'
  | 'insecure'
  | 'one-sided'
  | 'stream-id'
  | 'ide-fail'
  | 'vfs'
  | 'rescan'

export interface Fault {
  readonly device: string
  readonly at: FaultPoint
  readonly do: FaultKind
  readonly errno?: string
  readonly object?: EvidenceLabel
  readonly offset?: number
  readonly ms?: number
  /** How often it strikes; once unless given. */
  readonly times?: number | 'always'
  /** Occasions that pass unharmed first. */
  readonly after?: number
  /** The end that is wrong: the root port's unless given. */
  readonly end?: 'root-port' | 'endpoint'
  /** Stream ID. */
  readonly id?: number
  /** Selective block of the device. */
  readonly block?: number
  /** Virtual functions. */
  readonly count?: number
}

/** Kinds that make sense at a point: the guest's verbs, `reading` for every `read:` point, and the others by name. */
export const KINDS_AT: Readonly<
  Record<'verb' | 'evidence' | 'reading' | 'connect' | 'disconnect' | 'now', readonly FaultKind[]>
> = {
  verb: ['errno', 'relock', 'vanish', 'bind-driver', 'delay', 'stuck'],
  evidence: ['errno', 'flip-bit', 'replay', 'relock', 'vanish', 'bind-driver', 'delay'],
  reading: ['errno', 'flip-bit', 'vanish', 'delay', 'tsm-gone', 'rival'],
  connect: ['errno', 'delay', 'stuck', 'vanish', 'rival', 'tsm-gone', 'insecure', 'one-sided', 'stream-id'],
  disconnect: ['errno', 'delay', 'stuck', 'vanish', 'rival', 'tsm-gone'],
  now: ['tsm-gone', 'tsm-back', 'vanish', 'rescan', 'rival', 'insecure', 'ide-fail', 'vfs'],
}

export function kindsAt(at: FaultPoint): readonly FaultKind[] {
  if (at === 'evidence' || at === 'connect' || at === 'disconnect' || at === 'now') return KINDS_AT[at]
  return at.startsWith('read:') ? KINDS_AT.reading : KINDS_AT.verb
}

/** What can happen on a host only. */
const HOST_KINDS: readonly FaultKind[] = ['rival', 'tsm-gone', 'tsm-back', 'insecure', 'ide-fail', 'vfs', 'rescan']
export const isHostFault = ({at, do: what}: Fault): boolean =>
  at === 'connect' || at === 'disconnect' || HOST_KINDS.includes(what)

const later = (fault: Fault): Fault => ({...fault, after: fault.after! - 1})

/** `fault` after striking once more, or nothing when that was the last time. */
function spent(fault: Fault): Fault[] {
  const {times = 1} = fault
  if (times === 'always') return [fault]
  return times > 1 ? [{...fault, times: times - 1}] : []
}

/** The fault that strikes now, used up by one; undefined when all is well. `concerns` narrows the choice. */
export function takeFault(
  store: MachineStore,
  device: string,
  at: FaultPoint,
  concerns: (fault: Fault) => boolean = () => true,
): Fault | undefined {
  const matches = (fault: Fault): boolean => fault.device === device && fault.at === at && concerns(fault)
  if (!store.state().faults.some(matches)) return undefined
  return store.update(state => {
    let struck: Fault | undefined
    state.faults = state.faults.flatMap(fault => {
      if (struck !== undefined || !matches(fault)) return [fault]
      if ((fault.after ?? 0) > 0) return [later(fault)]
      struck = fault
      return spent(fault)
    })
    return struck
  })
}

/** A copy with the lowest bit of byte `offset` inverted; an offset behind the end counts from the start again. */
export function flipped(bytes: Uint8Array, offset = 0): Uint8Array {
  const out = new Uint8Array(bytes)
  if (out.length === 0) return out
  const at = offset % out.length
  out[at]! += out[at]! % 2 === 0 ? 1 : -1
  return out
}
