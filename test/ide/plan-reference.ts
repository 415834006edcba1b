/** What the kernel does, one connect after the other, and exhaustive search on top of it: the planner's yardstick. */
import fc from 'fast-check'
import type {Allocation, PlanInput, PlanStream} from '../../src/ide/index.js'
import {known, valueOf} from '../../src/known.js'

const lowest = (numbers: Iterable<number>): number | undefined => [...numbers].sort((a, b) => a - b)[0]

/** Connects `devices` in turn after disconnecting `gone`; undefined when the kernel refuses one of them. */
export function connectAll(
  input: PlanInput,
  devices: readonly string[],
  gone: ReadonlySet<string>,
): Allocation[] | undefined {
  const standing = new Map(input.wanted.map(device => [device.bdf, device.standing]))
  const streams: (PlanStream & {readonly streamId: number})[] = input.streams
    .filter(({device}) => device === null || !gone.has(device))
    .map(stream => ({...stream, streamId: stream.streamId!}))
  const freed = input.streams.filter(({device}) => device !== null && gone.has(device))
  const made: Allocation[] = []
  for (const bdf of devices) {
    if (streams.some(({device}) => device === bdf)) continue
    const own = standing.get(bdf)!
    if (own.can !== 'yes') return undefined
    const port = input.rootPorts.find(candidate => candidate.bdf === own.rootPort)!
    const bridge = input.bridges.find(({name}) => name === port.bridge)!
    const here = streams.filter(stream => stream.bridge === bridge.name)
    if (bridge.limit !== null && here.length >= bridge.limit) return undefined
    const slots = [
      ...valueOf(bridge.freeSlots)!,
      ...freed.filter(stream => stream.bridge === bridge.name).map(({slot}) => slot),
    ].filter(slot => here.every(stream => stream.slot !== slot))
    const blocks = [
      ...valueOf(port.free)!,
      ...freed.filter(({rootPort}) => rootPort === port.bdf).map(({rootPortBlock}) => rootPortBlock),
    ].filter(block => streams.every(({rootPort, rootPortBlock}) => rootPort !== port.bdf || rootPortBlock !== block))
    const slot = lowest(slots)
    const rootPortBlock = lowest(blocks)
    const endpointBlock = lowest(own.free)
    if (slot === undefined || rootPortBlock === undefined || endpointBlock === undefined) return undefined
    const taken = new Set([255, ...valueOf(bridge.heldIds)!, ...here.map(({streamId}) => streamId)])
    const streamId = input.rule === 'slot' ? slot : range(256).find(id => !taken.has(id))
    if (streamId === undefined || taken.has(streamId)) return undefined
    const place = {bridge: bridge.name, slot, rootPort: port.bdf, rootPortBlock, endpointBlock, streamId}
    streams.push({device: bdf, ...place})
    made.push({bdf, ...place, keeps: false})
  }
  return made
}

export const subsets = <T>(items: readonly T[]): T[][] =>
  items.reduce<T[][]>((all, item) => [...all, ...all.map(subset => [...subset, item])], [[]])

const range = (length: number): number[] => Array.from({length}, (_, i) => i)

const FEW = {maxLength: 4}
const numbers = (max: number): fc.Arbitrary<number[]> =>
  fc.uniqueArray(fc.nat({max}), FEW).map(list => list.sort((a, b) => a - b))

interface Shape {
  readonly rule: 'slot' | 'any'
  readonly bridges: readonly {readonly pool: number; readonly held: readonly number[]; readonly spare: number | null}[]
  readonly ports: readonly {readonly bridge: number; readonly blocks: number}[]
  readonly devices: readonly {
    readonly port: number
    readonly own: readonly number[]
    readonly wanted: boolean
    readonly slot: number | null
    readonly id: number
  }[]
}

const anySlot = fc.nat({max: 6})
const placed = {port: fc.nat({max: 2}), id: fc.nat({max: 9})}

/** Crowded on purpose: few blocks, a held ID in the middle of the pool, streams of others on both sides of it. */
const shape: fc.Arbitrary<Shape> = fc.record({
  rule: fc.constantFrom('slot', 'slot', 'slot', 'any'),
  bridges: fc.array(
    fc.record({
      pool: fc.integer({min: 1, max: 7}),
      held: fc.oneof(numbers(7), fc.tuple(fc.integer({min: 1, max: 3}))),
      spare: fc.option(fc.nat({max: 2}), {freq: 2}),
    }),
    {minLength: 1, maxLength: 2},
  ),
  ports: fc.array(fc.record({bridge: fc.constantFrom(0, 0, 1), blocks: fc.nat({max: 3})}), {
    minLength: 1,
    maxLength: 3,
  }),
  devices: fc
    .tuple(
      fc.array(
        fc.record({
          ...placed,
          own: fc.oneof({weight: 9, arbitrary: fc.constant([0, 1])}, {weight: 1, arbitrary: numbers(1)}),
          wanted: fc.constant(true),
          slot: fc.option(anySlot, {freq: 2}),
        }),
        {minLength: 1, maxLength: 5},
      ),
      fc.array(fc.record({...placed, own: fc.constant([]), wanted: fc.constant(false), slot: anySlot}), {maxLength: 5}),
    )
    .map(lists => lists.flat()),
})

/** A machine of that shape; what cannot be (a slot twice, an ID twice, no block left) becomes a device without stream. */
function machine({rule, bridges, ports, devices}: Shape): PlanInput {
  const streams: PlanStream[] = []
  const portOf = (index: number) => {
    const at = index % ports.length
    return {...ports[at]!, bdf: `port${at}`, bridge: ports[at]!.bridge % bridges.length}
  }
  devices.forEach(({port, wanted, slot, id}, i) => {
    const {bdf, bridge, blocks} = portOf(port)
    const streamId = rule === 'slot' ? slot : id
    if (slot === null || streamId === null || slot >= bridges[bridge]!.pool) return
    const here = streams.filter(stream => stream.bridge === `bridge${bridge}`)
    if (here.some(stream => stream.slot === slot || stream.streamId === streamId)) return
    if (bridges[bridge]!.held.includes(streamId)) return
    const rootPortBlock = streams.filter(({rootPort}) => rootPort === bdf).length
    if (rootPortBlock >= blocks) return
    const place = {bridge: `bridge${bridge}`, rootPort: bdf, slot, rootPortBlock, endpointBlock: 0, streamId}
    streams.push({device: `${wanted ? 'wanted' : 'other'}${i}`, ...place})
  })
  return {
    rule,
    streams,
    bridges: bridges.map(({pool, held, spare}, i) => {
      const here = streams.filter(({bridge}) => bridge === `bridge${i}`)
      return {
        name: `bridge${i}`,
        freeSlots: known(range(pool).filter(slot => here.every(stream => stream.slot !== slot))),
        heldIds: known(held),
        limit: spare === null ? null : here.length + spare,
      }
    }),
    rootPorts: ports.map((_, i) => {
      const {bdf, bridge, blocks} = portOf(i)
      const used = streams.filter(({rootPort}) => rootPort === bdf).length
      return {bdf, bridge: `bridge${bridge}`, free: known(range(blocks).slice(used))}
    }),
    wanted: devices.flatMap(({port, own, wanted}, i) =>
      wanted ? [{bdf: `wanted${i}`, standing: {can: 'yes', rootPort: portOf(port).bdf, free: own} as const}] : [],
    ),
  }
}

export const machines: fc.Arbitrary<PlanInput> = shape.map(machine)
