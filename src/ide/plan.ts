/**
 * The stream planner: which of the wanted devices can have an IDE stream, and who would have to go for the others.
 * Time and output are linear in devices, streams and slots.
 */
import {mapKnown} from '../known.js'
import {groupBy} from '../group-by.js'
import {type BridgeState, type Pass, plan, type PortState} from './plan-pass.js'
import type {Disconnect, PlanInput, PlanStream, Room, StreamPlan} from './plan-types.js'

/** A stream whose device could be disconnected to make room. */
interface Movable {
  readonly device: string
  readonly rootPort: string
  /** A new stream fits in below the host bridge. Without, only a block of the root port becomes free. */
  readonly counts: boolean
}

const ascending = (a: number, b: number): number => a - b

/** The machine after disconnecting `devices`. */
function afterDisconnect(input: PlanInput, devices: ReadonlySet<string>): PlanInput {
  const gone = input.streams.filter(({device}) => device !== null && devices.has(device))
  if (gone.length === 0) return input
  const ofBridge = groupBy(gone, ({bridge}) => bridge)
  const ofPort = groupBy(gone, ({rootPort}) => rootPort)
  return {
    ...input,
    streams: input.streams.filter(({device}) => device === null || !devices.has(device)),
    bridges: input.bridges.map(bridge => {
      const slots = (ofBridge.get(bridge.name) ?? []).map(({slot}) => slot)
      return {...bridge, freeSlots: mapKnown(bridge.freeSlots, free => [...free, ...slots].sort(ascending))}
    }),
    rootPorts: input.rootPorts.map(port => {
      const blocks = (ofPort.get(port.bdf) ?? []).map(({rootPortBlock}) => rootPortBlock)
      return {...port, free: mapKnown(port.free, free => [...free, ...blocks].sort(ascending))}
    }),
  }
}

/**
 * Streams of `bridge` that a disconnect can free: of devices nobody asked for, each with one stream at a known place.
 * Whoever holds several keeps them; no known TSM makes more than one.
 */
function movable({streams, pool}: BridgeState, wanted: ReadonlyMap<string, unknown>): Movable[] {
  const count = groupBy(streams, ({device}) => device)
  return streams.flatMap(({device, rootPort, slot}: PlanStream) =>
    device === null || rootPort === null || wanted.has(device) || count.get(device)!.length > 1
      ? []
      : [{device, rootPort, counts: pool.counts(slot)}],
  )
}

const countingFirst = (streams: readonly Movable[]): Movable[] => [
  ...streams.filter(({counts}) => counts),
  ...streams.filter(({counts}) => !counts),
]

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)

/**
 * The fewest disconnects below one host bridge with which `most` devices fit, `most` being what all of them together
 * achieve. With d disconnects, e of them counting, and d(Y) at root port Y, as many new streams fit as
 *
 *     min(c + e, slack + d, Σ over Y of min(demand(Y), r(Y) + d(Y))).
 *
 * The third term has to grow by some `lack`: every sufficient set contains that many disconnects at ports that lack
 * blocks, at most as many at each port as it lacks. Counting ones are taken first, because they serve the first term as
 * well: no such choice has more counting ones, so what the first term still lacks is the least that any set must have
 * beyond its choice. It is made up of counting ones anywhere; what the second term lacks after that, of any.
 */
function fewest(bridge: BridgeState, candidates: readonly Movable[]): Movable[] {
  const {pool, ports} = bridge
  const byPort = groupBy(candidates, ({rootPort}) => rootPort)
  const at = (port: PortState): readonly Movable[] => byPort.get(port.bdf) ?? []
  const all = [...ports.values()]
  const counting = candidates.filter(({counts}) => counts)
  const most = Math.min(
    pool.next.length + counting.length,
    pool.slack + candidates.length,
    sum(all.map(port => Math.min(port.demand, port.blocks.length + at(port).length))),
  )
  if (most <= bridge.taken) return []
  const lack = most - sum(all.map(port => Math.min(port.demand, port.blocks.length)))
  const useful = all.flatMap(port => countingFirst(at(port)).slice(0, Math.max(0, port.demand - port.blocks.length)))
  const chosen = new Set(countingFirst(useful).slice(0, Math.max(0, lack)))
  const choose = (from: readonly Movable[], missing: number): void => {
    for (const stream of from.filter(candidate => !chosen.has(candidate)).slice(0, Math.max(0, missing)))
      chosen.add(stream)
  }
  choose(counting, most - pool.next.length - [...chosen].filter(({counts}) => counts).length)
  choose(candidates, most - pool.slack - chosen.size)
  return [...chosen]
}

/** Whom each disconnect on its own would let in beside the plan. */
function singles(bridge: BridgeState, candidates: readonly Movable[], rank: ReadonlyMap<string, number>): Disconnect[] {
  const outside = [...bridge.ports.values()].filter(({family, leftOut}) => family.room > 0 && leftOut.length > 0)
  const number = sum(outside.map(({leftOut}) => leftOut.length))
  const first = (ports: readonly PortState[]): string =>
    ports.map(({leftOut}) => leftOut[0]!).reduce((a, b) => (rank.get(b)! < rank.get(a)! ? b : a))
  const firstOutside = outside.length === 0 ? undefined : first(outside)
  return candidates.flatMap(({device: bdf, rootPort, counts}) => {
    if (!counts && bridge.usable.room === 0) return []
    const port = bridge.ports.get(rootPort)
    // devices at a root port with free blocks wait for the host bridge; those at a full one only for this disconnect
    const own = port !== undefined && port.family.room === 0 ? port.leftOut : []
    const frees = [own[0], firstOutside].filter(name => name !== undefined)
    if (frees.length === 0) return []
    const best = frees.reduce((a, b) => (rank.get(b)! < rank.get(a)! ? b : a))
    return [{bdf, frees: best, others: number + own.length - 1}]
  })
}

/** Plans the streams of `input.wanted`. What the input does not know ends in `unknown`, never in the allocation. */
export function planStreams(input: PlanInput): StreamPlan {
  const {bridges, ...now} = plan(input)
  const rank = new Map(input.wanted.map(({bdf}, i) => [bdf, i]))
  const candidates = bridges.map(bridge => movable(bridge, rank))
  return {
    ...now,
    disconnects: bridges.flatMap((bridge, i) => singles(bridge, candidates[i]!, rank)),
    room: roomFor(
      input,
      now,
      bridges.flatMap((bridge, i) => fewest(bridge, candidates[i]!).map(({device}) => device)),
    ),
  }
}

function roomFor(
  input: PlanInput,
  {allocation, conflicts}: Pick<Pass, 'allocation' | 'conflicts'>,
  disconnect: readonly string[],
): Room | null {
  if (conflicts.length === 0) return null
  if (disconnect.length === 0) return {disconnect, admits: [], conflicts}
  const later = plan(afterDisconnect(input, new Set(disconnect)))
  const now = new Set(allocation.map(({bdf}) => bdf))
  return {
    disconnect,
    admits: later.allocation.map(({bdf}) => bdf).filter(bdf => !now.has(bdf)),
    conflicts: later.conflicts,
  }
}
