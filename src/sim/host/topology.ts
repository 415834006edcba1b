/** Who sits below whom: the flat lists of a host scenario as a tree, with addresses for everything. */
import {bdfOfRid, bdfParts, compareBdf, PORT_TYPE, ridOf, ridOfVf} from '../../pci/index.js'
import {type BarSpec, kindNamed} from '../kinds.js'
import type {PlacedBar} from '../resources.js'
import type {HostDeviceSpec, HostScenario, PortSpec} from './schema.js'
import type {WindowText} from './types.js'

interface Common {
  readonly at: string
  /** Name of the host bridge. */
  readonly bridge: string
  readonly portType: number
  /** Ports above, the root port first. */
  readonly above: readonly PlacedPort[]
}

export interface PlacedPort extends Common {
  readonly spec: PortSpec
  readonly buses: {readonly first: number; last: number}
  memory: WindowText | null
  prefetchable: WindowText | null
}

export interface PlacedDevice extends Common {
  readonly spec: HostDeviceSpec
  bars: readonly PlacedBar[]
  readonly vfs: readonly string[]
}

export interface HostTopology {
  readonly ports: readonly PlacedPort[]
  readonly devices: readonly PlacedDevice[]
}

export type RefuseScenario = (got: string) => never

const DEVICE_TYPE = {
  endpoint: PORT_TYPE.endpoint,
  legacy: PORT_TYPE.legacyEndpoint,
  rciep: PORT_TYPE.rcIntegratedEndpoint,
} as const

const domainText = (at: string): string => at.slice(0, at.indexOf(':'))
const busKey = (at: string): string => at.slice(0, at.lastIndexOf(':'))
const keyOf = (domain: string, bus: number): string => `${domain}:${bus.toString(16).padStart(2, '0')}`

function vfsOf({at, kind, totalVfs, vfOffset, vfStride}: HostDeviceSpec): string[] {
  const count = totalVfs ?? kindNamed(kind).totalVfs
  const {domain} = bdfParts(at)
  return Array.from({length: count}, (_, i) =>
    bdfOfRid(domain, ridOfVf(ridOf(at), {firstVfOffset: vfOffset, vfStride}, i)),
  )
}

const portTypeBelow = (above: PlacedPort | undefined): number => {
  if (above === undefined) return PORT_TYPE.rootPort
  return above.portType === PORT_TYPE.upstreamPort ? PORT_TYPE.downstreamPort : PORT_TYPE.upstreamPort
}

/** Throws through `refuse` what no machine can look like. */
export function placeHost({bridges, ports, devices}: HostScenario, refuse: RefuseScenario): HostTopology {
  const roots = new Map(bridges.map(({at}) => [at, `pci${at}`]))
  if (roots.size < bridges.length) refuse('bridges: a host bridge is there twice')
  const byBus = new Map<string, PlacedPort>()
  const taken = new Set<string>()
  const take = (at: string, where: string): void => {
    if (taken.has(at)) refuse(`${where}.at: ${at} is there already`)
    taken.add(at)
  }

  function common(at: string, where: string): Omit<Common, 'portType'> {
    take(at, where)
    const port = byBus.get(busKey(at))
    const bridge = port?.bridge ?? roots.get(busKey(at))
    if (bridge === undefined) return refuse(`${where}.at: bus ${busKey(at)} is behind no port and no host bridge`)
    return {at, bridge, above: port === undefined ? [] : [...port.above, port]}
  }

  // a port's own bus is smaller than the one behind it, so parents come first
  const order = [...ports.entries()].sort(([, a], [, b]) => compareBdf(a.at, b.at))
  const placedPorts = order.map(([i, spec]) => {
    const where = `ports[${i}]`
    const {bus} = bdfParts(spec.at)
    if (spec.bus <= bus) refuse(`${where}.bus: not above the port's own bus`)
    const base = common(spec.at, where)
    const key = keyOf(domainText(spec.at), spec.bus)
    if (byBus.has(key) || roots.has(key)) refuse(`${where}.bus: bus ${key} is behind something else already`)
    const portType = portTypeBelow(base.above.at(-1))
    const buses = {first: spec.bus, last: spec.bus}
    const port: PlacedPort = {...base, portType, spec, buses, memory: null, prefetchable: null}
    byBus.set(key, port)
    for (const above of base.above) above.buses.last = Math.max(above.buses.last, spec.bus)
    return port
  })

  const placedDevices = devices.map((spec, i) => {
    const where = `devices[${i}]`
    const base = common(spec.at, where)
    const type = spec.type ?? (base.above.length === 0 ? 'rciep' : 'endpoint')
    const vfs = vfsOf(spec)
    for (const vf of vfs) {
      take(vf, `${where}.totalVfs`)
      const {bus} = bdfParts(vf)
      if (byBus.has(busKey(vf)) && busKey(vf) !== busKey(spec.at)) refuse(`${where}.totalVfs: ${vf} is on another bus`)
      for (const above of base.above) above.buses.last = Math.max(above.buses.last, bus)
    }
    return {...base, portType: DEVICE_TYPE[type], spec, bars: [] as readonly PlacedBar[], vfs}
  })

  const topology = {ports: placedPorts, devices: placedDevices}
  assignAddresses(topology, refuse)
  return topology
}

const MIB = 1n << 20n
/** Non-prefetchable BARs lie below 4 GiB and the interrupt controllers. */
const FIRST_LOW = 1n << 31n
const END_LOW = 0xfec0_0000n
const FIRST_HIGH = 1n << 45n

const roundUp = (value: bigint, unit: bigint): bigint => ((value + unit - 1n) / unit) * unit

/** One address space, handed out upwards; what is opened and closed in order becomes nested windows. */
function space(first: bigint) {
  let next = first
  return {
    place(size: bigint): bigint {
      const address = roundUp(next, size)
      next = address + size
      return address
    },
    align: (): bigint => (next = roundUp(next, MIB)),
  }
}

const windowOf = (first: bigint, end: bigint): WindowText | null =>
  end > first ? [first.toString(16), (end - 1n).toString(16)] : null

const below = (port: PlacedPort | undefined) => (one: Common) => one.above.at(-1) === port

function assignAddresses({ports, devices}: HostTopology, refuse: RefuseScenario): void {
  const low = space(FIRST_LOW)
  const high = space(FIRST_HIGH)
  const placeBar = (bar: BarSpec): PlacedBar => ({
    ...bar,
    address: (bar.prefetchable && bar.kind === 'mem64' ? high : low).place(BigInt(bar.size)),
  })
  const placeDevice = (device: PlacedDevice): void => {
    const bars = device.spec.bars ?? kindNamed(device.spec.kind).bars
    // the largest first: nothing is lost to alignment
    const placed = new Map(bars.toSorted((a, b) => b.size - a.size).map(bar => [bar.bar, placeBar(bar)]))
    device.bars = bars.map(({bar}) => placed.get(bar)!)
  }

  function placeBelow(port: PlacedPort | undefined): void {
    for (const device of devices.filter(below(port))) placeDevice(device)
    for (const inner of ports.filter(below(port))) {
      const from = {low: low.align(), high: high.align()}
      placeBelow(inner)
      inner.memory = windowOf(from.low, low.align())
      inner.prefetchable = windowOf(from.high, high.align())
    }
  }
  placeBelow(undefined)
  if (low.align() > END_LOW) refuse('devices: their BARs do not fit below 4 GiB')
}
