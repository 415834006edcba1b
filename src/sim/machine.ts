/**
 * What a simulated machine is. `machine.json` holds what was made at creation and never changes: functions, keys,
 * certificates, measurements, reports; `identities.json` has keys and certificates of a host. `state.json` holds what has
 * happened since. Bytes are base64 in all of them.
 */
import type {MeasurementTypeName} from '../spdm/index.js'
import type {TdiState} from '../tdisp/index.js'
import type {Abi} from './abi.js'
import {type EventRing, noEvents} from './event-ring.js'
import type {Fault} from './faults.js'
import type {HostFunction, HostPlatform, HostState} from './host/types.js'
import type {StoredLink} from './tsm/index.js'

export const FORMAT = 'tsmctl-sim-2'

/**
 * `devsec`: a guest kernel with a TSM. `none`: a kernel with TSM core and nothing registered. `absent`: a kernel without
 * TSM core. `link`: a host kernel with a TSM that connects devices; with `devsec` beside it a kernel that has both sides,
 * as the kernel's own samples make it.
 */
export type TsmKind = 'devsec' | 'link' | 'none' | 'absent'

/**
 * What the provider does with a requester's nonce: sign fresh measurements with it, ignore it and serve those taken at
 * lock (as the posting of generation G2 did), or refuse with EOPNOTSUPP.
 */
export type NonceMode = 'honoured' | 'ignored' | 'refused'

/** The TSM that registers first; the second one gets the next number. */
export const FIRST_TSM = 'tsm0'
export const SECOND_TSM = 'tsm1'

/** Path of the guest-side TSM below `/sys`. */
export const guestTsmPath = ({devsec}: Pick<Machine, 'devsec'>): string =>
  `/devices/faux/sim_devsec_tsm/tsm/${devsec ?? FIRST_TSM}`

export interface Ids {
  readonly vendor: number
  readonly device: number
  readonly subsystemVendor: number
  readonly subsystemDevice: number
  readonly classCode: number
  readonly revision: number
}

export type NegotiatedHash = 'sha256' | 'sha384'

/** The device security manager behind a function: a responder with its own key. */
export interface Dsm {
  /** Functions whose DSMs have the same name have the same DSM. */
  readonly name: string
  /** FUNCTION_ID of the interface: the requester ID of the function as its host sees it. */
  readonly interfaceId: number
  /** What the TSM has the DSM add to addresses in its report; decimal, bytes. */
  readonly mmioReportingOffset: string
  readonly model: string
  /** `ACME:<MODEL>:<serial>`, as in the leaf certificate. */
  readonly identity: string
  /** PKCS #8. */
  readonly key: string
  /** The slot that holds the chain, and that sessions and measurements are made with. */
  readonly slot: number
  /** The hash that is negotiated. */
  readonly hash: NegotiatedHash
  /** SPDM certificate chain object of that slot. */
  readonly chain: string
  readonly vca: string
  /** MeasurementRecord: all blocks back to back. */
  readonly measurements: string
  /** What the interface reports when it is locked as the TSM locks. */
  readonly report: string
}

/** Of a host's devices, in a file of their own: making them takes longer than making the machine. */
export interface Identities {
  /** The machine they belong to. */
  readonly machineId: string
  /** DER of the vendor's root. */
  readonly root: string
  /** By function. */
  readonly devices: Readonly<Record<string, Dsm>>
}

export interface SimFunction {
  readonly bdf: string
  /** Real directory below `/sys/devices`. */
  readonly path: string
  readonly ids: Ids
  readonly config: string
  /** Lines of the `resource` file. */
  readonly resources: readonly string[]
  readonly isBridge: boolean
  readonly iommuGroup: number | null
  /** Driver whose id table matches; bound at boot if `bound`. */
  readonly driver: string | null
  readonly bound: boolean
  readonly totalVfs: number
  readonly vfDevice: number
  /** Names in `doe_features`. */
  readonly doeFeatures: readonly string[]
  /** Text of `serial_number`. */
  readonly serialNumber: string | null
  readonly dsm: Dsm | null
  /** Null in a guest. */
  readonly host: HostFunction | null
}

/** One value a vendor would publish for a measurement index. */
export interface ReferenceValue {
  readonly index: number
  readonly type: MeasurementTypeName
  /** Lower-case hex SHA-384. */
  readonly digest?: string
  /** Lower-case hex. */
  readonly raw?: string
  /** Lowest acceptable secure version number. */
  readonly svn?: number
}

export interface ModelReferences {
  readonly model: string
  readonly reference: readonly ReferenceValue[]
}

export interface Machine {
  readonly format: typeof FORMAT
  readonly scenario: string
  readonly title: string
  readonly created: string
  readonly tsm: TsmKind
  /** Name of the TSM for the guest's side; null where there is none. */
  readonly devsec: string | null
  readonly nonce: NonceMode
  /** Generation of the guest ABI. */
  readonly abi: Abi
  /** The evidence family takes note of what user space has verified. */
  readonly validate: boolean
  readonly machineId: string
  readonly manufacturer: string
  /** DER of the vendor's root; null when no device has a DSM. */
  readonly root: string | null
  readonly functions: readonly SimFunction[]
  /** Registered drivers, sorted. */
  readonly drivers: readonly string[]
  readonly models: readonly ModelReferences[]
  /** Injected at every boot. */
  readonly faults: readonly Fault[]
  /** Null for a guest. */
  readonly host: HostPlatform | null
}

/** What the TSM and the DSM know about one interface. */
export interface TdiRecord {
  /** As the DSM has it now, whether anybody has asked or not. */
  state: TdiState
  /** TSM that holds the lock, as the kernel sees it; stays when the DSM moves to ERROR. */
  lockedBy: string | null
  accepted: boolean
  /** Number of locks so far. */
  epoch: number
  /** START_INTERFACE_NONCE as the TSM keeps it from LOCK to START or STOP, hex. */
  startNonce: string | null
  /** The interface report as the TSM read it at lock. */
  report: string | null
  /** How often measurements were taken in this epoch. */
  reports: number
  /** The measurement transcript the TSM holds. */
  measurements: string | null
  /** The one before, of any epoch. */
  previous: string | null
  /** Of the evidence the kernel holds: 1 at every lock, one more with every refresh, never 0 while locked. */
  generation: number
  /** Generation that user space has verified; refreshing the evidence revokes it. */
  validated: number | null
}

export interface FunctionState {
  present: boolean
  driver: string | null
  override: string | null
  /** The kernel's enable count. */
  enabled: number
  /** Switches of the kernel that somebody has set. */
  switches?: Record<string, boolean>
  tdi: TdiRecord
}

/** Something a careful user never does; tests assert that there is none. */
export interface Violation {
  readonly kind: 'bound-while-locked' | 'repeated-accept' | 'wrong-tsm'
  readonly device: string
  readonly detail: string
}

/** What happens around a guest, beyond its devices. */
export interface World {
  /** Seconds by which the wall clock is wrong. */
  clock: number
  /** The host carries nothing out that a TSM needs it for. */
  refuses: boolean
  /** The guest's TSM is registered. */
  tsm: boolean
}

export interface MachineState {
  revision: number
  bootId: string
  autoprobe: boolean
  functions: Record<string, FunctionState>
  /** Sessions and what is behind them, by the name of the DSM; none before it was first used. */
  links: Record<string, StoredLink>
  faults: Fault[]
  violations: Violation[]
  world: World
  events: EventRing
  /** Null for a guest. */
  host: HostState | null
}

export const unlockedTdi = (
  epoch: number,
  previous: string | null,
  state: TdiState = 'CONFIG_UNLOCKED',
): TdiRecord => ({
  state,
  lockedBy: null,
  accepted: false,
  epoch,
  startNonce: null,
  report: null,
  reports: 0,
  measurements: null,
  previous,
  generation: 0,
  validated: null,
})

const bootedFunction = ({driver, bound}: SimFunction): FunctionState => ({
  present: true,
  driver: bound ? driver : null,
  override: null,
  enabled: bound ? 1 : 0,
  tdi: unlockedTdi(0, null),
})

/** The machine directly after boot, without what only a host has. */
export const booted = (machine: Machine, revision: number, bootId: string): MachineState => ({
  revision,
  bootId,
  autoprobe: true,
  functions: Object.fromEntries(machine.functions.map(fn => [fn.bdf, bootedFunction(fn)])),
  links: {},
  faults: machine.faults.map(fault => ({...fault})),
  violations: [],
  world: {clock: 0, refuses: false, tsm: machine.devsec !== null},
  events: noEvents(),
  host: null,
})

export {fromBase64, toBase64} from './base64.js'

/** `machine` as written by this version: what earlier ones did not know is as it was then. */
export const currentMachine = (machine: Machine): Machine => ({
  ...machine,
  abi: machine.abi ?? (machine.host === null ? 'G2' : 'mainline'),
  validate: machine.validate ?? true,
  devsec: machine.devsec === undefined ? (machine.tsm === 'devsec' ? FIRST_TSM : null) : machine.devsec,
  functions: machine.functions.map((fn, i) => (fn.dsm === null ? fn : {...fn, dsm: {...aloneAt(fn, i), ...fn.dsm}})),
  host: machine.host && {
    ...machine.host,
    provider: {...machine.host.provider, spdm: machine.host.provider.spdm ?? 'session'},
  },
})

/** Requester ID of the first interface, as the host numbers them: nothing that a guest sees looks like it. */
export const FIRST_INTERFACE = 0x4100
const FUNCTIONS_OF_A_DEVICE = 8

type Newer = 'name' | 'interfaceId' | 'mmioReportingOffset' | 'slot' | 'hash'

/** What every DSM was before they differed in it. */
const aloneAt = ({bdf}: SimFunction, index: number): Pick<Dsm, Newer> => ({
  name: bdf,
  interfaceId: FIRST_INTERFACE + index * FUNCTIONS_OF_A_DEVICE,
  mmioReportingOffset: '0',
  slot: 0,
  hash: 'sha384',
})

/** Adds to a state that an earlier version wrote what was added to states since. */
export function upgradeState({devsec, functions}: Machine, state: MachineState): void {
  state.events ??= noEvents()
  state.world ??= {clock: 0, refuses: false, tsm: devsec !== null}
  state.links ??= {}
  for (const {bdf, dsm} of functions) {
    const {tdi} = state.functions[bdf]!
    if (tdi.report === undefined) tdi.report = tdi.lockedBy === null ? null : (dsm?.report ?? null)
  }
  for (const {tdi} of Object.values(state.functions)) {
    tdi.generation ??= tdi.lockedBy === null ? 0 : tdi.reports
    tdi.validated ??= null
  }
}
