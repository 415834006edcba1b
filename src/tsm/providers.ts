/** Who provides a TSM, told by the device it sits on: `/sys/class/tsm/tsmN` leads there, the TSM itself says nothing. */
import {printable} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {valueOf} from '../known.js'
import {readFunction, type Tsm} from '../pci/index.js'

export type ProviderKind = 'sev-tio' | 'tdx-host' | 'pci' | 'faux' | 'platform' | 'virtual' | 'unknown'

export interface Provider {
  /** `tsmN`. */
  readonly tsm: string
  readonly kind: ProviderKind
  /** The device, in words an operator can use. */
  readonly words: string
  /**
   * Every connect through it makes an IDE stream, or fails. False where that is not known: there are TSMs that protect
   * a link by other means.
   */
  readonly makesStreams: boolean
}

/** The driver registers the TSM, not the device. Linux drivers/crypto/ccp/sev-dev-tsm.c. */
const SECURE_PROCESSOR_DRIVER = 'ccp'

/** Buses below `/sys/devices` that need no hardware behind a device. */
const ROOTS: readonly [string, ProviderKind, string][] = [
  ['/sys/devices/faux/', 'faux', 'faux device'],
  ['/sys/devices/platform/', 'platform', 'platform device'],
  ['/sys/devices/virtual/', 'virtual', 'virtual device'],
]

/** Names the provider; `driver` is that of the parent when it is a PCI function. */
export function classifyProvider({name, parent, parentBdf}: Tsm, driver?: string): Provider {
  const is = (kind: ProviderKind, words: string, makesStreams = false): Provider => ({
    tsm: name,
    kind,
    words,
    makesStreams,
  })
  if (parent === undefined) return is('unknown', 'an unknown device (its class link could not be read)')
  if (parentBdf !== undefined)
    return driver === SECURE_PROCESSOR_DRIVER
      ? is('sev-tio', `AMD Secure Processor ${parentBdf} (SEV-TIO)`, true)
      : is('pci', `PCI function ${parentBdf}`)
  const last = printable(parent.slice(parent.lastIndexOf('/') + 1))
  const root = ROOTS.find(([directory]) => parent.startsWith(directory))
  if (root === undefined) return is('unknown', `device ${last}`)
  const [, kind, words] = root
  return kind === 'faux' && last === 'tdx_host'
    ? is('tdx-host', `Intel TDX module (faux device ${last})`)
    : is(kind, `${words} ${last}`)
}

/** The provider of `tsm` on this machine. */
export function readProvider(kernel: Kernel, tsm: Tsm): Provider {
  const parent = tsm.parentBdf === undefined ? undefined : readFunction(kernel, tsm.parentBdf)
  return classifyProvider(tsm, parent && valueOf(parent.driver))
}
