/** Everything a diagnosis looks at. Whoever walks the machine fills it in; the checks only compare. */
import type {Known, Present} from '../known.js'
import type {IdeAccount, PortAccount} from '../ide/index.js'
import type {DoeFeature, TsmAttributes} from '../pci/index.js'
import type {Probe} from '../tsm/index.js'
import type {HostFacts} from './facts.js'

export interface DiagnosedDevice {
  readonly bdf: string
  /** Ports above, the root port first. */
  readonly ports: readonly string[]
  /** Device/Port Type, PCIe r6.2 §7.5.3.2; undefined when the function is not PCI Express. */
  readonly portType: Known<number | undefined>
  readonly teeIo: Known<boolean>
  /** Virtual function of another. */
  readonly virtual: boolean
  /** Number of extended capabilities; unknown when configuration space could not be read that far. */
  readonly extended: Known<number>
  readonly doeFeatures: Present<readonly DoeFeature[]>
  readonly iommuGroup: Present<string>
  readonly tsm: TsmAttributes
}

export interface MachineParts {
  readonly host: HostFacts
  /** Which side of TDISP the kernel shows, and who provides it. */
  readonly probe: Probe
  /** In BDF order. */
  readonly devices: readonly DiagnosedDevice[]
  readonly account: IdeAccount
}

export interface DiagnosedMachine extends MachineParts {
  readonly deviceAt: ReadonlyMap<string, DiagnosedDevice>
  /** Functions with an IDE capability, or that may have one. */
  readonly portAt: ReadonlyMap<string, PortAccount>
  /** A dump of configuration spaces: ports and functions may have been left out of it. */
  readonly bare: boolean
}

/**
 * A dump of configuration spaces does not know the streams of a host bridge, where every kernel has the attribute or
 * has not. What a kernel says about devices is then neither there nor absent, and least of all is there no TSM core.
 */
function isBareDump({host, account}: MachineParts): boolean {
  return !host.held && account.bridges.some(({available}) => available.present && !available.value.known)
}

const BARE = 'a dump of configuration spaces says nothing about the kernel'

export function diagnosedMachine(parts: MachineParts): DiagnosedMachine {
  const {probe, devices, account} = parts
  const bare = probe.tsms.length === 0 && isBareDump(parts)
  return {
    ...parts,
    bare,
    probe: bare ? {...probe, profile: 'unknown', meaning: BARE} : probe,
    deviceAt: new Map(devices.map(device => [device.bdf, device])),
    portAt: new Map(account.ports.map(port => [port.bdf, port])),
  }
}
