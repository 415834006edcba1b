/** Machines for the checks of `doctor`: a healthy one of each kind, and what to change in it. */
import {diagnosedMachine, type DiagnosedDevice, type DiagnosedMachine, type HostFacts} from '../../src/doctor/index.js'
import {accountOf, decodeIde, encodeIde, type Fabric, type Ide} from '../../src/ide/index.js'
import {ABSENT, type Known, known, type Present, unknown} from '../../src/known.js'
import {type DoeFeature, NO_TSM_ATTRIBUTES, bdfParts, PORT_TYPE, ridOf} from '../../src/pci/index.js'
import {classify, type Probe, type ProbeFacts} from '../../src/tsm/index.js'

export const there = <T>(value: T): Present<T> => ({present: true, value: known(value)})
/** What an unprivileged process is told. */
export const REFUSED = unknown('EACCES (permission denied); run as root')
export const refused: Present<never> = {present: true, value: REFUSED}

const CMA: readonly DoeFeature[] = [0, 1, 2].map(type => ({vendor: 1, type}))

const parametersOf = (values: Readonly<Record<string, string>>): HostFacts['parameters'] =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, there(value)])) as HostFacts['parameters']

const COMMON = {
  held: true,
  privileged: known(true),
  release: known('7.3.4'),
  config: known(new Map(['TSM', 'PCI_TSM', 'PCI_IDE', 'PCI_DOE', 'INTEL_TDX_HOST'].map(name => [name, 'y']))),
  commandLine: known(['quiet']),
  lockdown: there('none'),
  iommus: known(['ivhd0']),
  hibernation: there('disabled'),
  cpus: known({present: '0-63', online: '0-63'}),
  vmpl: ABSENT,
}

export const AMD: HostFacts = {
  ...COMMON,
  modules: known(new Set(['ccp', 'kvm_amd'])),
  cpu: known({vendor: 'AMD', vendorId: 'AuthenticAMD', flags: new Set(['sev_snp'])}),
  parameters: {
    ...parametersOf({'ccp/tio': 'Y', 'ccp/psp_init_on_probe': 'Y', 'kvm_amd/sev_snp': 'Y'}),
    'kvm_intel/tdx': ABSENT,
  },
  tdxModule: ABSENT,
  miscCapacity: ABSENT,
}

export const INTEL: HostFacts = {
  ...COMMON,
  modules: known(new Set(['kvm_intel'])),
  cpu: known({
    vendor: 'Intel',
    vendorId: 'GenuineIntel',
    flags: new Set(['tdx_host_platform']),
  }),
  parameters: {
    'ccp/tio': ABSENT,
    'ccp/psp_init_on_probe': ABSENT,
    'kvm_amd/sev_snp': ABSENT,
    'kvm_intel/tdx': there('Y'),
  },
  tdxModule: there('1.5.06'),
  miscCapacity: there(new Map([['tdx', '31']])),
}

export const GUEST: HostFacts = {
  ...AMD,
  cpu: known({
    vendor: 'Intel',
    vendorId: 'GenuineIntel',
    flags: new Set(['hypervisor', 'tdx_guest']),
  }),
}

/** Everything a process without privilege may be refused, is. */
export const REFUSED_HOST: HostFacts = {
  held: true,
  privileged: known(false),
  release: REFUSED,
  config: REFUSED,
  modules: REFUSED,
  commandLine: REFUSED,
  cpu: REFUSED,
  parameters: {
    'ccp/tio': refused,
    'ccp/psp_init_on_probe': refused,
    'kvm_amd/sev_snp': refused,
    'kvm_intel/tdx': refused,
  },
  lockdown: refused,
  iommus: REFUSED,
  hibernation: refused,
  tdxModule: refused,
  miscCapacity: refused,
  cpus: REFUSED,
  vmpl: refused,
}

/** IDE with `blocks` idle Selective blocks; `held` enables the first under that Stream ID, as firmware does. */
export function ide(blocks = 2, held?: number): Ide {
  const selective = Array.from({length: blocks}, (_, i) =>
    i === 0 && held !== undefined
      ? {enable: true, streamId: held, state: 2, ridValid: true, ridBase: 0, ridLimit: 0xffff, defaultStream: true}
      : {streamId: 255},
  )
  return decodeIde(encodeIde({capability: {id: 0x30, version: 1}, selective}), 0)
}

/** Link IDE only: no Selective block that Linux could use. */
export const linkIde = (): Ide => decodeIde(encodeIde({capability: {id: 0x30, version: 1}, link: [{streamId: 255}]}), 0)

export interface Fn {
  readonly bdf: string
  readonly ports?: readonly string[]
  readonly type?: Known<number | undefined>
  readonly tee?: Known<boolean>
  readonly ide?: Known<Ide | undefined>
  readonly physfn?: string
  readonly device?: Partial<DiagnosedDevice>
}

const ROOT = '0000:00:01.0'
export const rootPort = (extra: Partial<Fn> = {}): Fn => ({
  bdf: ROOT,
  type: known(PORT_TYPE.rootPort),
  ide: known(ide()),
  device: {doeFeatures: ABSENT, iommuGroup: ABSENT, tsm: NO_TSM_ATTRIBUTES},
  ...extra,
})
export const endpoint = (extra: Partial<Fn> = {}): Fn => ({
  bdf: '0000:01:00.0',
  ports: [ROOT],
  tee: known(true),
  ide: known(ide()),
  ...extra,
})
/** What Linux knows nothing of but its BDF. */
export const unreadFunction = (bdf: string, ports: readonly string[] = []): Fn => ({
  bdf,
  ports,
  type: REFUSED,
  tee: REFUSED,
  ide: REFUSED,
  device: {extended: REFUSED, doeFeatures: ABSENT, iommuGroup: ABSENT, tsm: NO_TSM_ATTRIBUTES},
})

const fabricFunction = ({bdf, ports = [], type = known(PORT_TYPE.endpoint), tee = known(false), ...fn}: Fn) => ({
  bdf,
  domain: bdfParts(bdf).domain,
  rid: ridOf(bdf),
  bridge: 'pci0000:00',
  ports,
  portType: type,
  teeIo: tee,
  physfn: fn.physfn ?? null,
  buses: undefined,
  ide: fn.ide ?? known(undefined),
})

export interface Parts {
  readonly host?: HostFacts
  readonly functions?: readonly Fn[]
  readonly available?: Present<number>
  readonly probe?: Probe
  /** Stream links of the host bridge. */
  readonly links?: Fabric['bridges'][number]['links']
}

/** A machine of `functions`; a root port with one device below unless given. */
export function machine(parts: Parts = {}): DiagnosedMachine {
  const {host = AMD, functions = [rootPort(), endpoint()], available = there(4), probe = LINK} = parts
  const {links = known([])} = parts
  const fabric: Fabric = {
    bridges: [{name: 'pci0000:00', available, links}],
    functions: functions.map(fabricFunction),
  }
  const devices = functions.map((fn, i): DiagnosedDevice => {
    const {bdf, ports, portType, teeIo, physfn} = fabric.functions[i]!
    return {
      bdf,
      ports,
      portType,
      teeIo,
      virtual: physfn !== null,
      extended: known(3),
      doeFeatures: there(CMA),
      iommuGroup: there('7'),
      tsm: {...NO_TSM_ATTRIBUTES, connect: there(''), dsm: there('')},
      ...fn.device,
    }
  })
  return diagnosedMachine({host, probe, devices, account: accountOf(fabric)})
}

const TSM0 = {name: 'tsm0', parent: undefined, parentBdf: undefined, mode: ABSENT}

/** What the probe makes of these facts; the provider of tsm0 is the Secure Processor unless given. */
export const probeOf = (
  facts: Partial<ProbeFacts> & {readonly mode?: Present<string>; readonly none?: boolean},
  kind: Probe['tsms'][number]['kind'] = 'sev-tio',
): Probe => {
  const {mode = ABSENT, none = false, ...rest} = facts
  const tsms = none ? [] : [{...TSM0, mode}]
  return classify(
    {
      core: known(true),
      tsms,
      connect: known(false),
      lock: known(false),
      families: {pciTsm: known(null), deviceEvidence: known(null)},
      ...rest,
    },
    tsms.map(() => ({tsm: 'tsm0', kind, words: 'the provider', makesStreams: true})),
  )
}

export const LINK = probeOf({connect: known(true)})
export const DEVSEC = probeOf({lock: known(true)}, 'platform')
export const NO_CORE = probeOf({core: known(false), none: true})
export const EMPTY_CLASS = probeOf({none: true})
export const UNREAD_CLASS = probeOf({core: REFUSED, none: true})
