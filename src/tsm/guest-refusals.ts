/**
 * What a refused lock, unlock, accept or binding meant, for the guest what `refusals.ts` is for the host: one errno has
 * several causes, which only a second look tells apart. The look is taken before anything is undone.
 */
import {describeErrno, type ErrorKind, printable} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {listTsms} from '../pci/index.js'
import {devicePath, observe} from './tdi.js'

export type GuestVerb = 'lock' | 'unlock' | 'accept' | 'bind' | 'unbind' | 'driver_override'

/** The device directly after a refusal; undefined is what could not be read. */
export interface GuestAftermath {
  readonly bdf: string
  /** Is the function still there? */
  readonly device: boolean
  /** TSM that was named, or that had the device. */
  readonly tsm: string
  readonly registered: boolean | undefined
  /** What `tsm/lock` reads: `''` for nothing, null when the attribute is gone. */
  readonly locked: string | null | undefined
  readonly accepted: string | null | undefined
  /** What `tsm/connect` reads, in a kernel with both kinds of TSM. */
  readonly connected: string | null | undefined
  readonly driver: string | null | undefined
}

export type GuestRefusalKey =
  | 'device-gone'
  | 'tsm-gone'
  | 'not-permitted'
  | 'read-only'
  | 'interrupted'
  | 'not-devsec'
  | 'driver-bound'
  | 'already-locked'
  | 'link-connected'
  | 'locked-all-the-same'
  | 'locked-elsewhere'
  | 'not-locked'
  | 'relocked'
  | 'already-accepted'
  | 'no-report'
  | 'evidence-changed'
  | 'tsm-timeout'
  | 'tsm-failed'
  | 'probe-deferred'
  | 'probe-failed'
  | 'other-driver'
  | 'not-bound'

export interface GuestRefusal {
  readonly key: GuestRefusalKey
  /** Null: what the errno stands for anyway. */
  readonly kind: ErrorKind | null
  readonly meaning: string
  readonly remedy: string
}

interface Row {
  readonly key: GuestRefusalKey
  readonly verbs: readonly GuestVerb[] | 'any'
  /** Null: the write was taken and had no effect, or was not made; `any`: whatever it was. */
  readonly errnos: readonly (string | null)[] | 'any'
  readonly kind?: ErrorKind
  readonly when?: (after: GuestAftermath, errno: string | null) => boolean
  readonly meaning: (after: GuestAftermath, errno: string | null) => string
  readonly remedy: (after: GuestAftermath) => string
}

const show = ({bdf}: GuestAftermath): string => `tsmctl show ${bdf} says how it is now.`
const isLocked = ({locked}: GuestAftermath): boolean => typeof locked === 'string' && locked !== ''
const TRANSITIONS = ['lock', 'unlock', 'accept'] as const

/** First match wins: what is gone explains every errno, so it comes first. */
export const GUEST_REFUSALS: readonly Row[] = [
  {
    key: 'device-gone',
    verbs: 'any',
    errnos: 'any',
    kind: 'not-found',
    when: ({device}) => !device,
    meaning: ({bdf}) => `${bdf} was removed meanwhile, and with it every lock`,
    remedy: () => 'Look with tsmctl list; after a rescan the device starts CONFIG_UNLOCKED and must be verified anew.',
  },
  {
    key: 'tsm-gone',
    verbs: 'any',
    errnos: 'any',
    kind: 'not-found',
    when: ({tsm, registered, locked}) => tsm !== '' && (registered === false || locked === null),
    meaning: ({tsm}) => `${printable(tsm)} was unregistered meanwhile, which ends every lock it held`,
    remedy: () => 'tsmctl list says which TSMs there are.',
  },
  {
    key: 'not-permitted',
    verbs: 'any',
    errnos: ['EACCES', 'EPERM'],
    kind: 'not-permitted',
    meaning: () => 'only root may do that',
    remedy: () => 'Run as root.',
  },
  {
    key: 'read-only',
    verbs: 'any',
    errnos: ['EROFS'],
    kind: 'not-permitted',
    meaning: () => 'a recorded machine cannot be changed',
    remedy: () => 'Use a live or simulated machine.',
  },
  {
    key: 'not-devsec',
    verbs: ['lock'],
    errnos: ['ENXIO'],
    kind: 'unsupported',
    meaning: ({tsm}) => `${printable(tsm)} is registered, but it is not a TSM that locks TDIs`,
    remedy: () => 'tsmctl list names the TSMs of this machine; choose with --tsm.',
  },
  {
    key: 'driver-bound',
    verbs: TRANSITIONS,
    errnos: ['EBUSY', null],
    kind: 'busy',
    when: ({driver}) => typeof driver === 'string',
    meaning: ({driver}) => `driver ${printable(driver ?? '')} was bound to it in between`,
    remedy: () => 'Find out who binds drivers here: udev rules, driverctl, a script writing to bind or drivers_probe.',
  },
  {
    key: 'locked-elsewhere',
    verbs: ['lock'],
    errnos: ['EBUSY', null],
    kind: 'busy',
    when: after => isLocked(after) && after.locked !== after.tsm,
    meaning: ({locked}) => `somebody else locked it with ${printable(locked ?? '')}`,
    remedy: () => 'Find out which program; only one may move a device.',
  },
  {
    key: 'already-locked',
    verbs: ['lock'],
    errnos: ['EBUSY'],
    kind: 'busy',
    when: isLocked,
    meaning: () => 'somebody else locked it in between',
    remedy: () => 'Find out which program; only one may move a device.',
  },
  {
    key: 'link-connected',
    verbs: ['lock'],
    errnos: ['EBUSY'],
    kind: 'busy',
    when: ({connected}) => typeof connected === 'string' && connected !== '',
    meaning: ({connected}) => `it is connected through ${printable(connected ?? '')} on the host's side`,
    remedy: ({bdf}) => `tsmctl disconnect ${bdf} first: a device is either connected or locked by one kernel.`,
  },
  {
    key: 'already-accepted',
    verbs: ['lock', 'accept'],
    errnos: [null],
    kind: 'busy',
    when: after => isLocked(after) && after.accepted === '1',
    meaning: () => 'somebody else accepted it in between, on whatever evidence',
    remedy: show,
  },
  {
    key: 'not-locked',
    verbs: ['accept', 'unlock'],
    errnos: ['EINVAL', null],
    kind: 'busy',
    when: ({locked}) => locked === '',
    meaning: () => 'it is no longer locked: somebody else unlocked it in between',
    remedy: ({bdf}) => `Lock and verify again: tsmctl admit ${bdf}.`,
  },
  {
    key: 'relocked',
    verbs: ['accept', 'unlock'],
    errnos: ['EINVAL', null],
    kind: 'busy',
    when: after => isLocked(after) && after.locked !== after.tsm,
    meaning: ({locked}) => `somebody else locked it anew with ${printable(locked ?? '')}`,
    remedy: ({bdf}) => `tsmctl unlock ${bdf} gives it up; then lock and verify again.`,
  },
  {
    key: 'locked-all-the-same',
    verbs: ['lock'],
    errnos: 'any',
    when: (after, errno) => isLocked(after) && errno !== null,
    meaning: (_, errno) =>
      `it was locked after ${describeErrno(errno!)} all the same, by this write or by somebody else in between, which cannot be told apart`,
    remedy: ({bdf}) =>
      `Should another program have locked ${bdf}, its lock is gone if it was unlocked again: only one may move a device.`,
  },
  {
    key: 'evidence-changed',
    verbs: ['lock'],
    errnos: ['EINVAL'],
    meaning: () => 'the TSM holds other digests of the evidence than the device just gave',
    remedy: () =>
      'Try again; if it comes back, the host or the device does not say the same twice. The kernel log has more.',
  },
  {
    key: 'no-report',
    verbs: ['lock'],
    errnos: ['ENODEV'],
    kind: 'transition',
    meaning: () => 'the device is there, but gave the TSM no interface report',
    remedy: () => 'The kernel log has the reason; the host must have assigned the device as a TDI.',
  },
  {
    key: 'interrupted',
    verbs: 'any',
    errnos: ['EINTR'],
    kind: 'interrupted',
    meaning: () => 'the write was interrupted, and whether it took effect only a look tells',
    remedy: show,
  },
  {
    key: 'tsm-timeout',
    verbs: TRANSITIONS,
    errnos: ['ETIMEDOUT'],
    meaning: () => 'the TSM or the device did not answer in time',
    remedy: () => 'The kernel log has the reason. It is safe to try again from the start.',
  },
  {
    key: 'tsm-failed',
    verbs: ['accept'],
    errnos: 'any',
    meaning: (_, errno) =>
      errno === null
        ? 'the kernel took the write, and the device does not run'
        : `the TSM failed (${describeErrno(errno)}); what the device made of it is unknown, so accept is not tried again`,
    remedy: ({bdf}) =>
      `The kernel log has the reason. A device that was reset, or whose memory or bus mastering was switched off, is in ERROR: tsmctl admit ${bdf} starts over.`,
  },
  {
    key: 'tsm-failed',
    verbs: ['lock', 'unlock'],
    errnos: 'any',
    meaning: (_, errno) =>
      errno === null
        ? 'the kernel took the write, and nothing changed'
        : 'the TSM or the device refused, or did not answer',
    remedy: () => 'The kernel log has the reason.',
  },
  {
    key: 'relocked',
    verbs: ['bind', 'driver_override'],
    errnos: [null],
    kind: 'transition',
    when: after => isLocked(after) && after.accepted !== '1',
    meaning: ({locked}) =>
      `somebody else locked it with ${printable(locked ?? '')} in between, so no driver may use it`,
    remedy: ({bdf}) => `tsmctl unlock ${bdf} gives it up; then lock and verify again.`,
  },
  {
    key: 'not-locked',
    verbs: ['bind', 'driver_override'],
    errnos: [null],
    kind: 'transition',
    when: ({locked, tsm}) => locked === '' && tsm !== '',
    meaning: () => 'it no longer runs: somebody else unlocked it in between',
    remedy: ({bdf}) => `Lock and verify again: tsmctl admit ${bdf}.`,
  },
  {
    key: 'probe-deferred',
    verbs: ['bind'],
    errnos: ['EAGAIN'],
    kind: 'transition',
    meaning: () => 'the driver put its probe off and did not come back within 5 s',
    remedy: show,
  },
  {
    key: 'other-driver',
    verbs: ['bind'],
    errnos: 'any',
    kind: 'transition',
    when: ({driver}) => typeof driver === 'string',
    meaning: ({driver}) => `driver ${printable(driver ?? '')} is bound to it`,
    remedy: () => 'Another driver matches the device as well: set driver_override to the one you want before the lock.',
  },
  {
    key: 'not-bound',
    verbs: ['bind'],
    errnos: [null, 'ENODEV'],
    kind: 'transition',
    meaning: () => 'no driver was bound: none that is loaded matches the device, or its probe failed',
    remedy: () => 'The kernel log says which; modprobe the driver and write the address to drivers_probe.',
  },
  {
    key: 'probe-failed',
    verbs: ['bind'],
    errnos: 'any',
    kind: 'transition',
    meaning: () => 'the driver refused the device',
    remedy: () => 'The kernel log has the reason.',
  },
]

/** What `errno` on `verb` meant; undefined where the errno says it all. */
export function explainGuestRefusal(
  verb: GuestVerb,
  errno: string | null,
  after: GuestAftermath,
): GuestRefusal | undefined {
  const row = GUEST_REFUSALS.find(
    ({verbs, errnos, when}) =>
      (verbs === 'any' || verbs.includes(verb)) &&
      (errnos === 'any' || errnos.includes(errno)) &&
      (when === undefined || when(after, errno)),
  )
  if (row === undefined) return undefined
  return {key: row.key, kind: row.kind ?? null, meaning: row.meaning(after, errno), remedy: row.remedy(after)}
}

/** The verb that writes to `path`. */
export function guestVerbOf(path: string): GuestVerb | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (name === 'drivers_probe') return 'bind'
  return (['lock', 'unlock', 'accept', 'bind', 'unbind', 'driver_override'] as const).find(verb => verb === name)
}

/** The second look. Never throws. */
export async function lookAfterRefusal(kernel: Kernel, bdf: string, tsm: string): Promise<GuestAftermath> {
  const device = devicePath(bdf)
  const look = (name: string): Promise<string | null | undefined> =>
    observe(kernel, `${device}/${name}`).catch(() => undefined)
  const found = attempt(() => listTsms(kernel).list)
  return {
    bdf,
    device: kernel.stat(device) !== undefined,
    tsm,
    registered: found?.some(({name}) => name === tsm),
    locked: await look('tsm/lock'),
    accepted: await look('tsm/accept'),
    connected: await look('tsm/connect'),
    driver: await look('driver'),
  }
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
