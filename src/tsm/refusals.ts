/**
 * What a refused connect or disconnect meant. One errno has several causes (three for EBUSY and for ENXIO), which only
 * a second look at the machine tells apart; the table below says how, as data.
 */
import type {ErrorKind} from '../errors.js'
import {printable} from '../errors.js'

export type HostVerb = 'connect' | 'disconnect'

/** The machine after a refusal or a write without effect, as far as it could be read. */
export interface Aftermath {
  readonly bdf: string
  /** TSM that was named. */
  readonly tsm: string
  /** Is the function still there? */
  readonly device: boolean
  /** Is the TSM still registered? */
  readonly registered: boolean
  /** What `tsm/connect` reads: `''` for nothing, null when the attribute is gone, undefined when it cannot be read. */
  readonly connected: string | null | undefined
  /** Functions that hold the Stream ID that connect would have used; null when that is not known. */
  readonly idHolders: readonly string[] | null
  /** Does a DOE mailbox of the device offer CMA-SPDM? Null when that is not known. */
  readonly offersCma: boolean | null
}

export type RefusalKey =
  | 'device-gone'
  | 'tsm-gone'
  | 'already-connected'
  | 'connected-elsewhere'
  | 'stream-id-in-use'
  | 'platform-busy'
  | 'no-cma-mailbox'
  | 'stream-refused'
  | 'no-secured-cma-or-no-stream'
  | 'spdm-or-firmware-failure'
  | 'platform-timeout'
  | 'abandoned'
  | 'interrupted'
  | 'not-permitted'
  | 'read-only'
  | 'attribute-gone'
  | 'not-connected'
  | 'rival-disconnected'
  | 'rival-connected'
  | 'refused'

export interface Refusal {
  readonly key: RefusalKey
  readonly kind: ErrorKind
  readonly meaning: string
  readonly remedy: string
}

interface Row {
  readonly key: RefusalKey
  readonly verb: HostVerb | 'either'
  /** Null: the write was taken and had no effect, or was undone by somebody else; `any`: whatever it was. */
  readonly errno: string | null | 'any'
  readonly kind: ErrorKind
  readonly when?: (after: Aftermath) => boolean
  readonly meaning: (after: Aftermath) => string
  readonly remedy: string
}

const name = ({connected}: Aftermath): string => printable(connected ?? '')
const isElsewhere = ({connected, tsm}: Aftermath): boolean =>
  typeof connected === 'string' && connected !== '' && connected !== tsm

/** First match wins: what is gone explains every errno, so it comes first. */
export const REFUSALS: readonly Row[] = [
  {
    key: 'device-gone',
    verb: 'either',
    errno: 'any',
    kind: 'not-found',
    when: ({device}) => !device,
    meaning: ({bdf}) => `${bdf} was removed meanwhile; the kernel ends a removed device's connection`,
    remedy: 'Look with tsmctl list; after a rescan the device starts unconnected.',
  },
  {
    key: 'tsm-gone',
    verb: 'either',
    errno: 'any',
    kind: 'not-found',
    when: ({registered}) => !registered,
    meaning: ({tsm}) =>
      `${tsm} is not registered, or was unregistered meanwhile, which ends all its connections at once`,
    remedy: 'tsmctl list says which TSMs there are; on AMD hosts unloading kvm_amd takes the TSM away.',
  },
  {
    key: 'abandoned',
    verb: 'either',
    errno: 'abandoned',
    kind: 'interrupted',
    meaning: () => 'it was abandoned while the kernel was still at it, and the kernel may yet complete it',
    remedy: 'Look with tsmctl show in a while: until the kernel is done, every look at tsm/ waits for it.',
  },
  {
    key: 'not-permitted',
    verb: 'either',
    errno: 'EACCES',
    kind: 'not-permitted',
    meaning: ({tsm}) => `only root may hand devices to ${tsm}`,
    remedy: 'Run as root.',
  },
  {
    key: 'read-only',
    verb: 'either',
    errno: 'EROFS',
    kind: 'not-permitted',
    meaning: () => 'this host cannot be changed',
    remedy: 'A replayed machine cannot be changed; use a live or simulated one.',
  },
  {
    key: 'already-connected',
    verb: 'connect',
    errno: 'EBUSY',
    kind: 'busy',
    when: ({connected, tsm}) => connected === tsm,
    meaning: ({tsm}) => `somebody else connected it to ${tsm} meanwhile`,
    remedy: 'If that is what you wanted, there is nothing left to do: tsmctl connect checks both ends of it.',
  },
  {
    key: 'connected-elsewhere',
    verb: 'connect',
    errno: 'EBUSY',
    kind: 'busy',
    when: isElsewhere,
    meaning: after => `somebody else connected it to ${name(after)} meanwhile`,
    remedy: 'Disconnect it there first, if it is yours to disconnect.',
  },
  {
    key: 'stream-id-in-use',
    verb: 'connect',
    errno: 'EBUSY',
    kind: 'busy',
    when: ({idHolders}) => idHolders !== null && idHolders.length > 0,
    meaning: ({idHolders}) =>
      `the Stream ID that would have been used is live already, in ${printable(idHolders!.join(', '), 200)}`,
    remedy:
      'Every attempt takes the same ID, so trying again changes nothing: disconnect or reset what holds it. Then see that no block of this device stayed enabled: tsmctl ide list.',
  },
  {
    key: 'platform-busy',
    verb: 'connect',
    errno: 'EBUSY',
    kind: 'busy',
    meaning: ({tsm}) => `${tsm} or the device's DOE mailbox is busy, or the platform's firmware stopped answering`,
    remedy:
      'Try again; nothing else may use the mailbox meanwhile. If it stays so, the kernel log tells a dead secure processor from a busy mailbox.',
  },
  {
    // `pci_ide_stream_enable` and `pci_ide_stream_register` of drivers/pci/ide.c answer with it, too
    key: 'stream-refused',
    verb: 'connect',
    errno: 'ENXIO',
    kind: 'transition',
    when: ({offersCma}) => offersCma === true,
    meaning: ({tsm}) =>
      `the device offers CMA-SPDM, so its IDE stream did not become secure or got an impossible Stream ID, or ${tsm} is not a host-side TSM`,
    remedy: 'The kernel log has the reason. See the IDE settings of root port and device: tsmctl ide show.',
  },
  {
    key: 'no-cma-mailbox',
    verb: 'connect',
    errno: 'ENXIO',
    kind: 'unsupported',
    meaning: ({tsm}) =>
      `${tsm} will not take this device: it has no CMA-SPDM mailbox, or ${tsm} is not a host-side TSM`,
    remedy: 'tsmctl show lists its DOE features; the kernel log has the reason.',
  },
  {
    key: 'no-secured-cma-or-no-stream',
    verb: 'connect',
    errno: 'EFAULT',
    kind: 'unsupported',
    meaning: () =>
      'it has no Secured CMA-SPDM on its mailbox, or no IDE stream could be had: device type, IDE at both ends, free slot and blocks',
    remedy: 'tsmctl connect --dry-run shows which of these; the kernel does not say.',
  },
  {
    key: 'platform-timeout',
    verb: 'connect',
    errno: 'ETIMEDOUT',
    kind: 'timeout',
    meaning: ({tsm}) => `the firmware behind ${tsm} did not answer in time, and the kernel gives up on it then`,
    remedy: 'Every later attempt will be refused as busy until the module is reloaded or the machine rebooted.',
  },
  {
    key: 'spdm-or-firmware-failure',
    verb: 'connect',
    errno: 'EIO',
    kind: 'transition',
    meaning: ({tsm}) => `SPDM with the device failed, or the firmware behind ${tsm} refused; the kernel tells no more`,
    remedy:
      'See the kernel log. A mailbox that lost step recovers by an abort, or by removing and rescanning the function.',
  },
  {
    key: 'rival-disconnected',
    verb: 'connect',
    errno: null,
    kind: 'busy',
    when: ({connected}) => connected === '',
    meaning: () => 'the kernel took the write, but the device is not connected: somebody else disconnected it at once',
    remedy: 'Find out who else manages this device before trying again.',
  },
  {
    key: 'rival-connected',
    verb: 'connect',
    errno: null,
    kind: 'busy',
    when: isElsewhere,
    meaning: after => `somebody else disconnected it and connected it to ${name(after)}`,
    remedy: 'Find out who else manages this device before trying again.',
  },
  {
    key: 'rival-connected',
    verb: 'disconnect',
    errno: null,
    kind: 'busy',
    when: ({connected}) => typeof connected === 'string' && connected !== '',
    meaning: after =>
      `the kernel took the write, but the device is connected to ${name(after)}: somebody else connected it anew`,
    remedy: 'Find out who else manages this device before trying again.',
  },
  {
    key: 'not-connected',
    verb: 'disconnect',
    errno: 'ENXIO',
    kind: 'busy',
    meaning: () => 'it is not connected any more: somebody else disconnected it',
    remedy: 'Nothing to do.',
  },
  {
    key: 'connected-elsewhere',
    verb: 'disconnect',
    errno: 'EINVAL',
    kind: 'busy',
    when: isElsewhere,
    meaning: after => `it is connected to ${name(after)} by now: somebody else disconnected it and connected it anew`,
    remedy: 'A connection that was not there when you asked is not ended; ask again if you mean it.',
  },
  {
    key: 'interrupted',
    verb: 'either',
    errno: 'EINTR',
    kind: 'interrupted',
    meaning: () => 'the wait for the kernel ended by a signal',
    remedy: 'Look with tsmctl show before trying again.',
  },
  ...['ENOENT', 'ENODEV'].map((errno): Row => ({
    key: 'attribute-gone',
    verb: 'either',
    errno,
    kind: 'not-found',
    meaning: () => 'the attribute vanished while it was used: the device or its TSM is being torn down',
    remedy: 'Look with tsmctl list.',
  })),
]

/** What it meant that `verb` ended with `errno` (null: taken, without effect) on a machine that now looks like `after`. */
export function explainRefusal(verb: HostVerb, errno: string | null, after: Aftermath): Refusal {
  const found = REFUSALS.find(
    row =>
      (row.verb === verb || row.verb === 'either') &&
      (row.errno === errno || row.errno === 'any') &&
      (row.when?.(after) ?? true),
  )
  return found === undefined
    ? {key: 'refused', kind: 'transition', meaning: 'the kernel refused it', remedy: 'See the kernel log.'}
    : {
        key: found.key,
        kind: found.kind,
        meaning: found.meaning({...after, tsm: printable(after.tsm)}),
        remedy: found.remedy,
      }
}
