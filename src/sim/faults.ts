/** Scripted misfortune: what goes wrong, where, and how often. Faults are part of the machine's state. */
import type {EvidenceLabel} from '../kernel/index.js'
import {type ConnectStep, CONVERSATION, type ConversationKind} from './conversation.js'
import type {TdispErrorName, TdispRequestName} from '../tdisp/index.js'
import type {MachineStore} from './store.js'

/**
 * A verb, a dump of evidence or its validation, a step of driver binding (`probe` is `drivers_probe`, `override` is
 * `driver_override`), this moment, or the reading of an attribute named relative to the device directory.
 */
export type FaultPoint = (typeof POINTS)[number] | `read:${string}`

/** `now` is no occasion to wait for: what is injected there happens at once. */
export const POINTS = [
  'lock',
  'accept',
  'unlock',
  'evidence',
  'validate',
  'unbind',
  'bind',
  'probe',
  'override',
  'connect',
  'disconnect',
  'now',
] as const

/** What happens to a guest from outside, at whatever moment. */
const WORLD = [
  'relock',
  'vanish',
  'rescan',
  'bind-driver',
  'unbind',
  'rival-accept',
  'reset',
  'bme-clear',
  'regenerate',
  'clock',
  'host-refuses',
  'host-relents',
  'tsm-gone',
  'tsm-back',
] as const
export type WorldKind = (typeof WORLD)[number]

/** What becomes of the messages of a dump. */
const MESSAGE = ['truncate', 'duplicate', 'unrequested', 'oversize', 'double-fetch', 'unknown-attribute'] as const
type MessageKind = (typeof MESSAGE)[number]

/** What a device does to one TDISP exchange. */
const AT_TDISP = ['tdisp-error', 'no-answer', 'wrong-interface', 'wrong-version', 'session-end', 'stream-fail'] as const

/**
 * What happens:
 *
 * - `errno`: the operation is refused with `errno`, at the point where the TSM or the driver would refuse it;
 * - `flip-bit`: the lowest bit of byte `offset` of `object` (evidence) or of the attribute (reading) is inverted on its
 *   way to the reader; the TSM's digests are of what it holds itself;
 * - `replay`: the measurements before the current ones are served; with `object: measurements` those of another day, with
 *   `object: report` the report of another lock;
 * - `swap`: `object` of function `with` is served;
 * - `delay`: the operation first takes `ms` milliseconds; of readings only those through `query`, which may block;
 * - `errno-after`: a verb is carried out, and refused with `errno` all the same;
 * - `stuck`: a write or a validation succeeds and has no effect;
 *
 * to a dump of evidence, on its way to the reader:
 *
 * - `interrupted`: it ends with EINTR, as a dump does during which something changed;
 * - `hostile-text`: `errno`, with words that try to drive a terminal; also of a validation;
 * - `truncate`: of `object` only `offset` bytes come, whatever was announced;
 * - `duplicate`: `object` comes twice;
 * - `unrequested`: an object comes that nobody asked for;
 * - `oversize`: `object` has `offset` bytes, one more than the largest object may have unless given;
 * - `double-fetch`: `object` ends in other bytes at every reading;
 * - `unknown-attribute`: every object comes with an attribute that the family does not define;
 * - `family-version`: the family announces another version;
 *
 * to a guest, `when` the operation has not begun, is under way (`during`, of `regenerate`) or is over; unless given,
 * before a verb or a reading and after a dump, but for `vanish`, which then comes first:
 *
 * - `relock`: a rival unlocks and locks the device;
 * - `vanish`: the device is removed; `rescan`: what was removed is found again;
 * - `bind-driver`: a rival binds the device's driver, override or not; `unbind`: a rival unbinds it;
 * - `rival-accept`: a rival accepts the locked device;
 * - `reset`: the function is reset; `bme-clear`: somebody turns off bus mastering;
 * - `regenerate`: somebody else has the evidence refreshed;
 * - `clock`: the wall clock jumps by `seconds`;
 * - `host-refuses`, `host-relents`: the host no longer does what a TSM needs it for; does it again;
 * - `tsm-gone`, `tsm-back`: the TSM is unregistered, registered;
 *
 * while the TSM and the device carry out a verb, at the TDISP request `request` (the verb's own unless given):
 *
 * - `tdisp-error`: the device refuses with TDISP_ERROR `code` (UNSPECIFIED unless given);
 * - `no-answer`: it obeys, and its answer is lost;
 * - `wrong-interface`, `wrong-version`: its answer is for another interface, of another TDISP version;
 * - `session-end`: it gives up its SPDM session first, and with it what was locked in it; also at `now`;
 * - `stream-fail`: the IDE stream goes to Insecure first; also at `now`;
 *
 * and on a host:
 *
 * - `rival`: somebody else connects or disconnects the device first;
 * - `insecure`: the stream's `end` does not become Secure, or no longer is;
 * - `one-sided`: the stream's `end` is not enabled;
 * - `stream-id`: the TSM asks for Stream ID `id`;
 * - `ide-fail`: `block` reports that it received an IDE fail message;
 * - `vfs`: the driver makes `count` virtual functions;
 *
 * and in what the TSM says to a device while it connects it:
 *
 * - `bad-signature`, `bad-certificate`: the device's signature, or its own certificate's, does not verify;
 * - `spdm-error`: the device answers the message `step` with ERROR;
 * - `no-answer`: it is silent from `step` on, and the TSM waits as long as Linux does;
 * - `km-refuses`: it takes no key; `wrong-registers`: its QUERY_RESP contradicts configuration space.
 *
 * At disconnect, after `spdm-error` and `no-answer` the device keeps session and keys.
 */
export type FaultKind =
  | WorldKind
  | MessageKind
  | 'errno'
  | 'errno-after'
  | 'swap'
  | 'flip-bit'
  | 'replay'
  | 'delay'
  | 'stuck'
  | 'interrupted'
  | 'hostile-text'
  | 'family-version'
  | (typeof AT_TDISP)[number]
  | 'rival'
  | 'insecure'
  | 'one-sided'
  | 'stream-id'
  | 'ide-fail'
  | 'vfs'
  | ConversationKind

export interface Fault {
  readonly device: string
  readonly at: FaultPoint
  readonly do: FaultKind
  /** Of what happens to a guest: relative to the operation. */
  readonly when?: 'before' | 'during' | 'after'
  readonly errno?: string
  readonly object?: EvidenceLabel
  /** Function that `swap` takes the object from. */
  readonly with?: string
  readonly offset?: number
  readonly request?: TdispRequestName
  readonly code?: TdispErrorName
  readonly ms?: number
  /** By how much the wall clock jumps, backwards if negative. */
  readonly seconds?: number
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
  /** The message of a connect. */
  readonly step?: ConnectStep
}

/** Kinds that make sense at a point: the guest's verbs, driver binding, every `read:` point, and the others by name. */
export const KINDS_AT: Readonly<
  Record<
    'verb' | 'evidence' | 'validate' | 'binding' | 'reading' | 'connect' | 'disconnect' | 'now',
    readonly FaultKind[]
  >
> = {
  verb: ['errno', 'errno-after', 'delay', 'stuck', ...AT_TDISP, ...WORLD],
  evidence: [
    'errno',
    'flip-bit',
    'replay',
    'swap',
    'delay',
    'interrupted',
    'hostile-text',
    'family-version',
    ...MESSAGE,
    ...WORLD,
  ],
  validate: ['errno', 'delay', 'stuck', 'hostile-text', ...WORLD],
  binding: ['errno', 'delay', 'stuck', ...WORLD],
  reading: ['errno', 'flip-bit', 'delay', 'rival', ...WORLD],
  connect: [
    'errno',
    'delay',
    'stuck',
    'vanish',
    'rival',
    'tsm-gone',
    'insecure',
    'one-sided',
    'stream-id',
    ...CONVERSATION,
  ],
  disconnect: ['errno', 'delay', 'stuck', 'vanish', 'rival', 'tsm-gone', 'spdm-error', 'no-answer'],
  now: [...WORLD, 'session-end', 'stream-fail', 'rival', 'insecure', 'ide-fail', 'vfs'],
}

const BINDING: readonly string[] = ['unbind', 'bind', 'probe', 'override']
const BY_NAME = ['evidence', 'validate', 'connect', 'disconnect', 'now'] as const

/** What comes between a TSM and a device, at one TDISP request. */
export const isTdispFault = ({do: what}: Fault): boolean => AT_TDISP.some(kind => kind === what)

export function kindsAt(at: FaultPoint): readonly FaultKind[] {
  const named = BY_NAME.find(name => name === at)
  if (named !== undefined) return KINDS_AT[named]
  if (BINDING.includes(at)) return KINDS_AT.binding
  return at.startsWith('read:') ? KINDS_AT.reading : KINDS_AT.verb
}

/** What can happen on a host only. */
const HOST_KINDS: readonly FaultKind[] = ['rival', 'insecure', 'ide-fail', 'vfs']
export const isHostFault = ({at, do: what}: Fault): boolean =>
  at === 'connect' || at === 'disconnect' || HOST_KINDS.includes(what)

export const isWorldFault = ({do: what}: Fault): boolean => (WORLD as readonly FaultKind[]).includes(what)

/** Where an event of the world falls, relative to the operation it was injected at. */
export function momentOf({at, do: what, when}: Fault): 'before' | 'during' | 'after' {
  return when ?? (at === 'evidence' && what !== 'vanish' ? 'after' : 'before')
}

const later = (fault: Fault): Fault => ({...fault, after: fault.after! - 1})

/** `fault` after striking once more, or nothing when that was the last time. */
function spent(fault: Fault): Fault[] {
  const {times = 1} = fault
  if (times === 'always') return [fault]
  return times > 1 ? [{...fault, times: times - 1}] : []
}

/**
 * The fault that strikes now, used up by one; undefined when all is well. `concerns` narrows the choice, `null` stands for
 * any device.
 */
export function takeFault(
  store: MachineStore,
  device: string | null,
  at: FaultPoint,
  concerns: (fault: Fault) => boolean = () => true,
): Fault | undefined {
  const matches = (fault: Fault): boolean =>
    (device === null || fault.device === device) && fault.at === at && concerns(fault)
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
