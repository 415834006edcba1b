/**
 * One pass of the planner: who gets a stream, and what stops the others.
 *
 * A new stream below root port Y and host bridge B takes a block of Y, and a slot and an ID of B. Streams that exist
 * stay where they are, so for new ones this is: at most r(Y) below each Y, at most c(B) below each B (and the
 * operator's limit). The families nest (all of Y is below one B), so the sets that fit are the independent sets of a
 * laminar matroid, and taking devices in order of preference, each that still fits, gives a largest set, and of all
 * largest sets the first in that order. Keeping what is connected costs nothing: giving up one stream makes room for at
 * most one other, since it raises each bound by at most one.
 *
 * Conflicts count connected wanted devices as well, and there families do not nest: a stream in a slot behind a held ID
 * takes a block of Y but nothing that a new stream of B could have. Still, with A what is planned so far and x one that
 * does not fit, a subset of A+x does not fit only if it contains all of A+x in some full family (A alone fits, and x
 * adds one). The minimal conflicts are therefore these sets, as far as none contains another; the smallest is one.
 */
import {type Known, mapKnown, thenKnown, unknown as unknownFact} from '../known.js'
import {groupBy} from '../group-by.js'
import {type Pool, poolOf} from './plan-pool.js'
import type {Allocation, Conflict, PlanDevice, PlanInput, PlanStream, Refusal, Resource} from './plan-types.js'

/** Devices that share a bounded resource. */
interface Family {
  readonly resource: Resource
  readonly size: number
  /** How many more it takes. */
  room: number
  readonly members: Set<string>
  readonly leftOut: string[]
  readonly heldBy: Set<string>
}

export interface PortState {
  readonly bdf: string
  readonly blocks: readonly number[]
  readonly family: Family
  /** Wanted devices without a stream that have a block of their own. */
  demand: number
  /** Those of them that do not fit, the most wanted first. */
  readonly leftOut: string[]
}

export interface BridgeState {
  readonly pool: Pool
  readonly usable: Family
  readonly limit: Family
  /** Root ports with wanted devices, in order of preference. */
  readonly ports: Map<string, PortState>
  readonly streams: readonly PlanStream[]
  /** How many new streams the plan makes. */
  taken: number
}

export interface Pass {
  readonly allocation: readonly Allocation[]
  readonly conflicts: readonly Conflict[]
  readonly never: readonly Refusal[]
  readonly unknown: readonly Refusal[]
  /** Bridges with wanted devices. */
  readonly bridges: readonly BridgeState[]
}

/** The machine by the names that devices and streams use. */
const index = ({bridges, rootPorts, streams, wanted}: PlanInput) => ({
  bridges: new Map(bridges.map(bridge => [bridge.name, bridge])),
  ports: new Map(rootPorts.map(port => [port.bdf, port])),
  ofDevice: groupBy(streams, ({device}) => device),
  ofBridge: groupBy(streams, ({bridge}) => bridge),
  ofPort: groupBy(streams, ({rootPort}) => rootPort),
  wanted: new Set(wanted.map(({bdf}) => bdf)),
})

/** The value of `key`, made on first use. */
function once<V>(map: Map<string, V>, key: string, make: (key: string) => V): V {
  const seen = map.get(key)
  if (seen !== undefined) return seen
  const made = make(key)
  map.set(key, made)
  return made
}

export function plan(input: PlanInput): Pass {
  const machine = index(input)
  const bridges = new Map<string, Known<BridgeState>>()
  const families: Family[] = []
  const allocation: Allocation[] = []
  const never: Refusal[] = []
  const unknown: Refusal[] = []

  /** A family with `room` for new streams; `streams` are those that hold part of the same resource. */
  function familyOf(resource: Resource, room: number, streams: readonly PlanStream[]): Family {
    const devices = streams.flatMap(({device}) => device ?? [])
    const kept = devices.filter(device => machine.wanted.has(device))
    const others = devices.filter(device => !machine.wanted.has(device))
    const size = room + kept.length
    const family = {resource, size, room, members: new Set(kept), leftOut: [], heldBy: new Set(others)}
    families.push(family)
    return family
  }

  function bridgeOf(name: string): Known<BridgeState> {
    const facts = machine.bridges.get(name)
    if (facts === undefined) return unknownFact(`nothing is known of host bridge ${name}`)
    const streams = machine.ofBridge.get(name) ?? []
    return mapKnown(poolOf(facts, input.rule, streams), pool => {
      const behindNoWall = streams.filter(({slot}) => pool.counts(slot))
      return {
        pool,
        usable: familyOf(pool.resource, pool.next.length, behindNoWall),
        limit: familyOf({kind: 'limit', bridge: name}, pool.slack, streams),
        ports: new Map(),
        streams,
        taken: 0,
      }
    })
  }

  function portOf(bdf: string, blocks: readonly number[]): PortState {
    const family = familyOf({kind: 'root-port', bdf}, blocks.length, machine.ofPort.get(bdf) ?? [])
    return {bdf, blocks, family, demand: 0, leftOut: []}
  }

  /** Root port and host bridge of a device, as far as planned. */
  function placeOf(rootPort: string): Known<{port: PortState; bridge: BridgeState; name: string}> {
    const facts = machine.ports.get(rootPort)
    if (facts === undefined) return unknownFact(`nothing is known of root port ${rootPort}`)
    return thenKnown(facts.free, blocks =>
      mapKnown(once(bridges, facts.bridge, bridgeOf), bridge => ({
        port: once(bridge.ports, rootPort, () => portOf(rootPort, blocks)),
        bridge,
        name: facts.bridge,
      })),
    )
  }

  function add({bdf, standing}: PlanDevice): void {
    const kept = machine.ofDevice.get(bdf)
    if (kept !== undefined) {
      for (const stream of kept) allocation.push(keptAllocation(bdf, stream))
      return
    }
    if (standing.can !== 'yes') {
      const refusals = standing.can === 'never' ? never : unknown
      refusals.push({bdf, reason: standing.reason})
      return
    }
    const {rootPort} = standing
    const [endpointBlock] = standing.free
    if (endpointBlock === undefined) {
      familyOf({kind: 'endpoint', bdf}, 0, []).leftOut.push(bdf)
      return
    }
    const place = placeOf(rootPort)
    if (!place.known) {
      unknown.push({bdf, reason: place.reason})
      return
    }
    const {port, bridge, name} = place.value
    port.demand++
    const concerned = [port.family, bridge.usable, bridge.limit]
    const full = concerned.filter(({room}) => room === 0)
    if (full.length > 0) {
      full.reduce((least, family) => (family.members.size < least.members.size ? family : least)).leftOut.push(bdf)
      port.leftOut.push(bdf)
      return
    }
    const rootPortBlock = port.blocks[port.blocks.length - port.family.room]!
    const {slot, streamId} = bridge.pool.next[bridge.taken]!
    allocation.push({bdf, bridge: name, slot, rootPort, rootPortBlock, endpointBlock, streamId, keeps: false})
    bridge.taken++
    for (const family of concerned) {
      family.room--
      family.members.add(bdf)
    }
  }

  for (const device of input.wanted) add(device)
  return {
    allocation,
    conflicts: families.filter(({leftOut}) => leftOut.length > 0).map(conflictOf),
    never,
    unknown,
    bridges: [...bridges.values()].flatMap(bridge => (bridge.known ? [bridge.value] : [])),
  }
}

const keptAllocation = (bdf: string, stream: PlanStream): Allocation => {
  const {bridge, slot, rootPort, rootPortBlock, endpointBlock, streamId} = stream
  return {bdf, bridge, slot, rootPort, rootPortBlock, endpointBlock, streamId, keeps: true}
}

const conflictOf = ({resource, size, members, leftOut, heldBy}: Family): Conflict => ({
  resource,
  size,
  among: [...members],
  leftOut,
  heldBy: [...heldBy],
})
