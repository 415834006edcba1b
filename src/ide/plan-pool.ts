/** What a host bridge has to give to new streams under a Stream ID rule. */
import {type Known, known, unknown} from '../known.js'
import {IDLE_STREAM_ID} from './decode.js'
import type {PlanBridge, PlanStream, Resource, StreamIdRule} from './plan-types.js'

export interface Pool {
  /** Slot and Stream ID of the next streams, in order: as many as there can be. */
  readonly next: readonly {readonly slot: number; readonly streamId: number}[]
  /** What runs out behind the last of them. */
  readonly resource: Resource
  /** How many streams more the operator's limit allows. */
  readonly slack: number
  /** Does a new stream fit in for a stream that gives up this slot? */
  readonly counts: (slot: number) => boolean
}

/** Why nothing can be said about new streams below this bridge; undefined when it can. */
function doubt(rule: StreamIdRule, held: ReadonlySet<number>, streams: readonly PlanStream[]): string | undefined {
  const ids = new Set<number>()
  for (const {slot, rootPortBlock, endpointBlock, streamId, bridge} of streams) {
    const name = `stream${slot}.${rootPortBlock}.${endpointBlock} of ${bridge}`
    if (streamId === null) return `the Stream ID of ${name} is not known`
    if (held.has(streamId) || ids.has(streamId) || streamId === IDLE_STREAM_ID)
      return `${name} has Stream ID ${streamId}, which is not its alone`
    if (rule === 'slot' && streamId !== slot)
      return `${name} has Stream ID ${streamId}: this TSM does not take the slot for it; plan with Stream ID rule any`
    ids.add(streamId)
  }
  return undefined
}

/**
 * Slots go lowest first. Under rule `slot` the first free slot whose ID is held is a wall: the kernel takes it, the ID
 * is refused, the slot is given back, and the next connect meets it again. ID 255 is reserved.
 */
export function poolOf(bridge: PlanBridge, rule: StreamIdRule, streams: readonly PlanStream[]): Known<Pool> {
  const {name, freeSlots, heldIds, limit} = bridge
  if (!freeSlots.known) return freeSlots
  if (!heldIds.known) return heldIds
  const held = new Set(heldIds.value)
  const doubtful = doubt(rule, held, streams)
  if (doubtful !== undefined) return unknown(doubtful)

  const slack = limit === null ? Infinity : limit - streams.length
  if (slack < 0) return unknown(`streams below ${name}: ${streams.length}, more than the given limit of ${limit}`)
  const pool: Resource = {kind: 'pool', bridge: name}
  held.add(IDLE_STREAM_ID)
  if (rule === 'slot') {
    const wall = freeSlots.value.find(slot => held.has(slot))
    const open = freeSlots.value.filter(slot => wall === undefined || slot < wall)
    return known({
      next: open.map(slot => ({slot, streamId: slot})),
      resource: wall === undefined ? pool : {kind: 'held-id', bridge: name, streamId: wall},
      slack,
      counts: slot => wall === undefined || slot < wall,
    })
  }
  for (const {streamId} of streams) held.add(streamId!)
  const ids = Array.from({length: IDLE_STREAM_ID}, (_, id) => id).filter(id => !held.has(id))
  return known({
    next: freeSlots.value.slice(0, ids.length).map((slot, i) => ({slot, streamId: ids[i]!})),
    resource: freeSlots.value.length <= ids.length ? pool : {kind: 'ids', bridge: name},
    slack,
    counts: () => true,
  })
}
