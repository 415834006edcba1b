/**
 * What files say about kernel, processor and privilege, apart from PCI. A recording or simulation without
 * `/proc/cpuinfo`, which every Linux has, holds none of these facts: what it lacks is then unknown, not absent.
 */
import {get, mask} from '../bits/index.js'
import {errnoOf} from '../errors.js'
import {attributeText, type Kernel, readText} from '../kernel/index.js'
import {attempt, attemptPresent, type Known, known, mapKnown, type Present, thenKnown, unknown} from '../known.js'
import {type KernelConfig, readKernelConfig} from './kernel-config.js'

export interface Cpu {
  readonly vendor: 'AMD' | 'Intel' | 'other'
  /** As the kernel names it, `AuthenticAMD`; untrusted text. */
  readonly vendorId: string
  readonly flags: ReadonlySet<string>
}

/** Module parameters that decide whether a platform can register a TSM. */
export const PARAMETERS = ['ccp/tio', 'ccp/psp_init_on_probe', 'kvm_amd/sev_snp', 'kvm_intel/tdx'] as const
export type Parameter = (typeof PARAMETERS)[number]

export interface HostFacts {
  /** False for a recording or simulation that holds no host facts at all. */
  readonly held: boolean
  /** CAP_SYS_ADMIN is effective: the kernel shows all of configuration space. */
  readonly privileged: Known<boolean>
  readonly release: Known<string>
  readonly config: Known<KernelConfig>
  readonly modules: Known<ReadonlySet<string>>
  readonly commandLine: Known<readonly string[]>
  readonly cpu: Known<Cpu>
  readonly parameters: Readonly<Record<Parameter, Present<string>>>
  /** Chosen lockdown level: `none`, `integrity`, `confidentiality`. */
  readonly lockdown: Present<string>
  /** Names of IOMMUs; empty when none is in use. */
  readonly iommus: Known<readonly string[]>
  /** Ways to hibernate; `disabled` when there is none. Absent without CONFIG_HIBERNATION. */
  readonly hibernation: Present<string>
  /** Version of the TDX module; empty when the kernel has not initialised it. */
  readonly tdxModule: Present<string>
  /** Resources of the misc cgroup controller, by name. */
  readonly miscCapacity: Present<ReadonlyMap<string, string>>
  /** CPU lists as the kernel writes them: `0-63,96`. */
  readonly cpus: Known<{readonly present: string; readonly online: string}>
  /** VMPL of an SEV-SNP guest; absent outside of one. */
  readonly vmpl: Present<string>
}

const CPUINFO = '/proc/cpuinfo'
/** One processor's entry is 1 to 3 kB; all of them say the same. */
const CPUINFO_LENGTH = 8192
const NOT_HELD = 'not in this recording or simulation'

/** `CAP_SYS_ADMIN`, Linux include/uapi/linux/capability.h. */
const SYS_ADMIN = mask(21, 21)

const VENDORS: Readonly<Record<string, Cpu['vendor']>> = {AuthenticAMD: 'AMD', GenuineIntel: 'Intel'}

/** The first processor's entry. Arm has no vendor_id and calls its flags Features. */
export function parseCpuinfo(text: string): Cpu {
  const fields = new Map<string, string>()
  for (const line of text.split(/\n\s*\n/, 1)[0]!.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim())
  }
  const words = (name: string): Set<string> => new Set((fields.get(name) ?? '').split(/\s+/).filter(Boolean))
  const vendorId = fields.get('vendor_id') ?? `implementer ${fields.get('CPU implementer') ?? 'not named'}`
  return {
    vendor: VENDORS[vendorId] ?? 'other',
    vendorId,
    flags: fields.has('flags') ? words('flags') : words('Features'),
  }
}

/** CapEff of `/proc/<pid>/status`, 64 bits in hexadecimal; CAP_SYS_ADMIN is in the lower half. */
function hasSysAdmin(status: string): Known<boolean> {
  const lower = /^CapEff:\s*[0-9a-f]{8}([0-9a-f]{8})$/m.exec(status)?.[1]
  if (lower === undefined) return unknown('/proc/self/status names no effective capabilities')
  return known(get(SYS_ADMIN, Number.parseInt(lower, 16)) === 1)
}

/** `none [integrity] confidentiality`: the level in brackets is chosen. */
const chosen = (text: string): string => /\[([^\]]*)\]/.exec(text)?.[1] ?? text

/** ENXIO is the driver's answer before the module is initialised, not the absence of the file. */
function readTdxModule(kernel: Kernel): Present<string> {
  return attemptPresent('/sys/devices/faux/tdx_host/version', path => {
    try {
      return readText(kernel, path)
    } catch (error) {
      if (errnoOf(error) === 'ENXIO') return ''
      throw error
    }
  })
}

const parseCapacity = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .flatMap(([name, value]) => (name && value !== undefined ? [[name, value] as const] : [])),
  )

const mapPresent = <T, U>(fact: Present<T>, map: (value: T) => U): Present<U> =>
  fact.present ? {present: true, value: mapKnown(fact.value, map)} : fact

/** Reads every fact; none of the files can block. */
export function readHostFacts(kernel: Kernel): HostFacts {
  const held = kernel.stat(CPUINFO) !== undefined
  const must = <T>(path: string, read: (path: string) => T): Known<T> =>
    held ? attempt(path, read) : unknown(NOT_HELD)
  const may = <T>(fact: Present<T>): Present<T> =>
    fact.present || held ? fact : {present: true, value: unknown(NOT_HELD)}
  const text = (path: string): Present<string> => may(attemptPresent(path, at => readText(kernel, at)))
  const listing = (path: string): Known<readonly string[]> => {
    const names = may(attemptPresent(path, at => kernel.list(at)))
    return names.present ? names.value : known([])
  }
  const release = attempt('/proc/sys/kernel/osrelease', path => readText(kernel, path))
  const cpus = (name: string): Known<string> => must(`/sys/devices/system/cpu/${name}`, path => readText(kernel, path))
  return {
    held,
    privileged: thenKnown(
      must('/proc/self/status', path => readText(kernel, path)),
      hasSysAdmin,
    ),
    release,
    config: held ? readKernelConfig(kernel, release) : unknown(NOT_HELD),
    modules: mapKnown(listing('/sys/module'), names => new Set(names)),
    commandLine: mapKnown(
      must('/proc/cmdline', path => readText(kernel, path)),
      line => line.split(/\s+/).filter(Boolean),
    ),
    cpu: mapKnown(
      must(CPUINFO, path => attributeText(kernel.readAt(path, 0, CPUINFO_LENGTH))),
      parseCpuinfo,
    ),
    parameters: Object.fromEntries(
      PARAMETERS.map(name => [name, text(`/sys/module/${name.replace('/', '/parameters/')}`)]),
    ) as HostFacts['parameters'],
    lockdown: mapPresent(text('/sys/kernel/security/lockdown'), chosen),
    iommus: listing('/sys/class/iommu'),
    hibernation: mapPresent(text('/sys/power/disk'), chosen),
    tdxModule: may(readTdxModule(kernel)),
    miscCapacity: mapPresent(text('/sys/fs/cgroup/misc.capacity'), parseCapacity),
    cpus: thenKnown(cpus('present'), present => mapKnown(cpus('online'), online => ({present, online}))),
    vmpl: text('/sys/devices/system/cpu/sev/vmpl'),
  }
}
