/**
 * A TDI as the guest kernel shows it: `tsm/lock`, `tsm/accept`, the driver link (Linux staging ABI of the guest series,
 * generation G2). The kernel does not report a TDI that the DSM moved to ERROR; only evidence or a failing accept does.
 */
import {errnoOf, ErrnoError, printable, quoted, TsmctlError} from '../errors.js'
import {attributeText, type Kernel} from '../kernel/index.js'
import {tsmMode} from '../pci/index.js'
import {withoutTsm} from './read-probe.js'

/** TDISP state (PCIe r7.0 §11.3.3) as far as the kernel's attributes tell. */
export type KernelTdiState = 'CONFIG_UNLOCKED' | 'CONFIG_LOCKED' | 'RUN'

export interface Tdi {
  readonly bdf: string
  readonly state: KernelTdiState
  /** The TSM that holds the lock. */
  readonly lockedBy: string | null
  readonly driver: string | null
  /** Null when unset, which the kernel prints as `(null)`. */
  readonly driverOverride: string | null
}

export const devicePath = (bdf: string): string => `/sys/bus/pci/devices/${bdf}`

/** What an attribute or link says now: its text, a link's last component, or null when there is nothing. */
export async function observe(kernel: Kernel, path: string, signal?: AbortSignal): Promise<string | null> {
  const stat = kernel.stat(path)
  if (stat === undefined) return null
  try {
    if (stat.type === 'link') return kernel.readlink(path).split('/').at(-1)!
    return attributeText(await kernel.query(path, signal))
  } catch (error) {
    // between stat and read a device or attribute may vanish: that is "nothing there", not a failure
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENODEV') return null
    throw error
  }
}

/** Whether there is no such function, or no longer. */
export const isGone = (kernel: Kernel, bdf: string): boolean => kernel.stat(devicePath(bdf)) === undefined

const noDevice = (bdf: string): TsmctlError =>
  new TsmctlError({
    kind: 'not-found',
    attempted: `find ${bdf}`,
    subject: bdf,
    got: 'no such PCI function on this host',
    hint: 'tsmctl list shows the functions there are.',
  })

/**
 * Reads the TDI. Throws TsmctlError: `not-found` when there is no such function, `unsupported` when it has no guest-side
 * TSM attributes.
 */
export async function readTdi(kernel: Kernel, bdf: string, signal?: AbortSignal): Promise<Tdi> {
  if (isGone(kernel, bdf)) throw noDevice(bdf)
  const lock = await observe(kernel, `${devicePath(bdf)}/tsm/lock`, signal)
  // the attribute may have gone with the whole device
  if (lock === null) throw isGone(kernel, bdf) ? noDevice(bdf) : noGuestTsm(kernel, bdf)
  return readUnder(kernel, bdf, lock, signal)
}

/**
 * The same, also of a device whose TSM was unregistered, which unlocked it and took the attributes away: whoever took
 * something from such a device must still be able to give it back.
 */
export async function readTdiOrOrphan(kernel: Kernel, bdf: string, signal?: AbortSignal): Promise<Tdi> {
  const isOrphan = !isGone(kernel, bdf) && kernel.stat(`${devicePath(bdf)}/tsm/lock`) === undefined
  return isOrphan ? readUnder(kernel, bdf, '', signal) : readTdi(kernel, bdf, signal)
}

async function readUnder(kernel: Kernel, bdf: string, lock: string, signal?: AbortSignal): Promise<Tdi> {
  const device = devicePath(bdf)
  const accept = await observe(kernel, `${device}/tsm/accept`, signal)
  const isLocked = lock !== '' && !servesHost(kernel, lock)
  const override = await observe(kernel, `${device}/driver_override`, signal)
  return {
    bdf,
    state: !isLocked ? 'CONFIG_UNLOCKED' : accept === '1' ? 'RUN' : 'CONFIG_LOCKED',
    lockedBy: isLocked ? lock : null,
    driver: await observe(kernel, `${device}/driver`, signal),
    driverOverride: override === '(null)' || override === '' ? null : override,
  }
}

const HOST_SIDE =
  "This is the host's side: tsmctl connect is for it. TDIs are locked and accepted in the guest that gets them."
const NO_GUEST_KERNEL = 'A guest kernel with a devsec TSM is needed; `--host sim` lets you rehearse without one.'
const NO_TDI = 'Choose a function whose STATE is not "-" in tsmctl list.'

function noGuestTsm(kernel: Kernel, bdf: string): TsmctlError {
  const host = kernel.stat(`${devicePath(bdf)}/tsm/connect`) !== undefined
  const nowhere = host ? null : withoutTsm(kernel)
  return new TsmctlError({
    kind: 'unsupported',
    attempted: `use ${bdf} as a TDI`,
    subject: bdf,
    got: host
      ? 'the kernel offers host-side connect for it, but no lock, unlock or accept'
      : (nowhere?.meaning ?? 'the kernel offers no tsm/lock for it'),
    hint: host ? HOST_SIDE : nowhere !== null || kernel.host.kind === 'live' ? NO_GUEST_KERNEL : NO_TDI,
  })
}

/** Is `tsm` one that connects devices on the host's side? */
const servesHost = (kernel: Kernel, tsm: string): boolean => tsmMode(kernel, tsm) === 'link'

/**
 * A function has one context: what a link TSM connected cannot be locked, and its `tsm/lock` names that TSM. Throws
 * TsmctlError `busy`.
 */
export async function refuseConnected(kernel: Kernel, bdf: string, signal?: AbortSignal): Promise<void> {
  const tsm = await observe(kernel, `${devicePath(bdf)}/tsm/lock`, signal)
  if (tsm === null || tsm === '' || !servesHost(kernel, tsm)) return
  throw new TsmctlError({
    kind: 'busy',
    attempted: `lock ${bdf}`,
    subject: bdf,
    got: `it is connected to ${printable(tsm)}, which serves the host's side`,
    hint: `tsmctl disconnect ${bdf} first: on one kernel a function is either connected or locked.`,
  })
}

/** The one guest-side TSM of this machine. Throws TsmctlError when there is none or more than one without `wanted`. */
export function chooseTsm(kernel: Kernel, wanted?: string): string {
  let names: readonly string[]
  try {
    names = kernel.list('/sys/class/tsm')
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error
    names = []
  }
  if (wanted !== undefined) {
    if (names.includes(wanted)) {
      if (!servesHost(kernel, wanted)) return wanted
      throw new TsmctlError({
        kind: 'usage',
        attempted: `lock with TSM ${quoted(wanted)}`,
        got: "it serves the host's side: its pci_mode is link",
        hint: 'tsmctl connect is for it. Name the one whose pci_mode is devsec, or none.',
      })
    }
    throw new TsmctlError({
      kind: 'not-found',
      attempted: `use TSM ${quoted(wanted)}`,
      got: names.length === 0 ? 'this machine has no TSM' : `this machine has ${printable(names.join(', '), 200)}`,
    })
  }
  const guestSide = names.filter(name => !servesHost(kernel, name))
  const [only] = guestSide
  if (guestSide.length === 1 && only !== undefined) return only
  const all = printable(names.join(', '), 200)
  throw new TsmctlError({
    kind: only === undefined ? 'unsupported' : 'usage',
    attempted: 'choose a TSM',
    got:
      names.length === 0
        ? 'this machine has no TSM'
        : only === undefined
          ? `no TSM here serves the guest's side: ${all}`
          : `there are several: ${all}`,
    hint:
      only === undefined
        ? 'A kernel with a registered TSM is needed; `--host sim` lets you try everything without one.'
        : 'Name one with --tsm.',
  })
}
