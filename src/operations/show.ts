/** `show`: everything the machine says about one function, with the reason for whatever it does not say. */
import {type Finding, hex, type Json} from '../bits/index.js'
import type {Ide} from '../ide/index.js'
import type {Kernel} from '../kernel/index.js'
import {type Known, mapKnown, type Present} from '../known.js'
import {
  type DsmPrediction,
  type FunctionFacts,
  hostBridgePath,
  inspectFunction,
  listTsms,
  readHostBridge,
  type Tsms,
} from '../pci/index.js'
import {doeName, roleName} from './columns.js'
import {ideOf, registersText, viewConfigSpace} from './config-space-view.js'
import {acceptedBy} from './accepted-by.js'
import {openDevices} from './device.js'
import {type DeviceRow, rowOf} from './list.js'
import {type HeldView, heldView} from './held-view.js'
import {type Meaning, meaningOf} from './meaning.js'
import {textOf} from './show-text.js'
import {streamsByFunction} from './streams.js'

export interface BarView {
  readonly index: number
  readonly kind: string
  /** Bytes, `0x…`; null for the upper half of a 64-bit BAR or an unknown size. */
  readonly size: string | null
  readonly address: string | null
  readonly prefetchable: boolean
}

export interface DeviceView extends DeviceRow {
  readonly revision: string | null
  readonly subsystem: string | null
  /** PCI Express device or port type; null for a function that is not PCI Express. */
  readonly role: string | null
  /** Ports above with their roles, root port first. */
  readonly path: readonly {readonly bdf: string; readonly role: string | null}[]
  readonly iommuGroup: string | null
  readonly numaNode: number | null
  readonly powerState: string | null
  readonly driverOverride: string | null
  /** What tsmctl itself keeps of the device; null for nothing. */
  readonly held: HeldView | null
  readonly physfn: string | null
  readonly virtfns: readonly string[]
  readonly sriov: {readonly totalVfs: number | null; readonly numVfs: number | null} | null
  readonly siblings: readonly string[]
  readonly doeFeatures: readonly string[] | null
  readonly bars: readonly BarView[]
  readonly dsm: string | null
  /** Which function will hold the DSM once it is connected, by the topology alone. */
  readonly topologyDsm: DsmPrediction | null
  readonly bound: string | null
  readonly authenticated: string | null
  /** What `authenticated`, `tsm/` and `bound` mean here, and what they do not. */
  readonly meaning: readonly {readonly attribute: string; readonly text: string}[]
  /**
   * Selective IDE streams: promised by the capability, in blocks that Linux can use, enabled by anybody. Whether Linux
   * takes the capability at all depends on the machine: the accounting of `ide list` says.
   */
  readonly ideStreams: {readonly capability: number; readonly usable: number; readonly inUse: number} | null
  /** Streams of the kernel that end here. */
  readonly streams: readonly string[] | null
  readonly config: Json
  readonly findings: readonly Finding[]
  /** Fields above that are null because they could not be read, with the reason. */
  readonly unreadable: readonly {readonly field: string; readonly reason: string}[]
}

/** Collects the reasons while facts become values. */
class Values {
  readonly unreadable: {field: string; reason: string}[] = []

  known<T>(field: string, fact: Known<T>): T | null {
    if (fact.known) return fact.value ?? null
    this.unreadable.push({field, reason: fact.reason})
    return null
  }

  present<T>(field: string, fact: Present<T>): T | null {
    return fact.present ? this.known(field, fact.value) : null
  }
}

function barsOf(facts: FunctionFacts, values: Values): BarView[] {
  const resources = values.known('bars', facts.resources)
  return (resources?.bars ?? []).map(bar =>
    bar.kind === 'upper-half'
      ? {index: bar.index, kind: bar.kind, size: null, address: null, prefetchable: false}
      : {
          index: bar.index,
          kind: bar.kind,
          size: bar.size.known ? hex(bar.size.value) : null,
          address: bar.assigned ? hex(bar.start) : null,
          prefetchable: bar.prefetchable,
        },
  )
}

/** What `show` knows beside the function itself. */
interface Surroundings {
  readonly tsms: Tsms
  readonly role: Known<string | null>
  readonly path: DeviceView['path']
  readonly topologyDsm: Known<DsmPrediction>
  readonly streams: Known<readonly string[]>
  readonly accepted: (state: string | null) => readonly Meaning[]
  readonly held: (now: Pick<DeviceView, 'state' | 'driver' | 'driverOverride'>) => HeldView | null
}

const numbersOf = ({promised, selectiveStreams}: Ide): DeviceView['ideStreams'] => ({
  capability: promised.selective,
  usable: selectiveStreams.filter(({usableByLinux}) => usableByLinux).length,
  inUse: selectiveStreams.filter(({enabled}) => enabled).length,
})

function viewOf(facts: FunctionFacts, around: Surroundings): {view: DeviceView; text: string} {
  const values = new Values()
  const {ids} = facts
  const space = facts.config
  const bytes = facts.configBytes.known ? facts.configBytes.value : new Uint8Array()
  const config = space.known ? viewConfigSpace(space.value, bytes) : undefined
  if (!space.known) values.known('config', space)
  values.known('driver', facts.driver)
  const ide = space.known ? values.known('ideStreams', ideOf(space.value, bytes)) : null
  const sriov = values.present('sriov', facts.sriov)
  const row = rowOf(facts, facts.tsm, around.tsms)
  const driverOverride = values.known('driverOverride', facts.driverOverride) ?? null
  const view: DeviceView = {
    ...row,
    revision: hexOrNull(values.present('revision', facts.revision), 2),
    subsystem: ids.known ? `${four(ids.value.subsystemVendor)}:${four(ids.value.subsystemDevice)}` : null,
    role: values.known('role', around.role),
    path: around.path,
    iommuGroup: values.present('iommuGroup', facts.iommuGroup),
    numaNode: values.present('numaNode', facts.numaNode),
    powerState: values.present('powerState', facts.powerState),
    driverOverride,
    held: around.held({state: row.state, driver: row.driver, driverOverride}),
    physfn: values.present('physfn', facts.physfn),
    virtfns: values.known('virtfns', facts.virtfns) ?? [],
    sriov: sriov && {
      totalVfs: values.known('sriov.totalVfs', sriov.totalVfs),
      numVfs: values.known('sriov.numVfs', sriov.numVfs),
    },
    siblings: values.known('siblings', facts.siblings) ?? [],
    doeFeatures: values.present('doeFeatures', facts.doeFeatures)?.map(doeName) ?? null,
    bars: barsOf(facts, values),
    dsm: values.present('dsm', facts.tsm.dsm) || null,
    topologyDsm: values.known('topologyDsm', around.topologyDsm),
    bound: values.present('bound', facts.tsm.bound) || null,
    authenticated: values.present('authenticated', facts.tsm.authenticated) || null,
    meaning: [...meaningOf(facts.tsm, around.tsms), ...around.accepted(row.state)],
    ideStreams: ide ? numbersOf(ide) : null,
    streams: values.known('streams', around.streams),
    config: config?.fields ?? null,
    findings: config?.found ?? [],
    unreadable: values.unreadable,
  }
  const registers = space.known ? registersText(space.value) : ''
  return {view, text: textOf(view) + (config?.text ?? '') + registers}
}

const four = (value: number): string => value.toString(16).padStart(4, '0')
const hexOrNull = (value: number | null, digits: number): string | null => (value === null ? null : hex(value, digits))

/** Throws TsmctlError `not-found` when there is no such function. */
export async function showDevice(
  kernel: Kernel,
  bdf: string,
  signal?: AbortSignal,
): Promise<{view: DeviceView; text: string}> {
  const tsms = listTsms(kernel)
  const facts = await inspectFunction(kernel, bdf, signal)
  const {find, once} = openDevices(kernel, [facts])
  const device = once(facts)
  const bridge = facts.place.known ? hostBridgePath(facts.place.value) : undefined
  const bridges = bridge === undefined ? [] : [readHostBridge(kernel, bridge)]
  const streams = streamsByFunction(bridges, endpoint => find(endpoint)?.ports[0])
  return viewOf(facts, {
    tsms,
    role: mapKnown(device.portType, roleName),
    path: device.ports.map(port => {
      const type = find(port)?.portType
      return {bdf: port, role: type?.known ? roleName(type.value) : null}
    }),
    topologyDsm: device.predictedDsm,
    streams: streams(bridges[0]?.name, bdf),
    accepted: state => acceptedBy(kernel, bdf, state),
    held: now => heldView(kernel, bdf, now),
  })
}
