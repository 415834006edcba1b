/** What the planner says of machines an operator meets. */
import {describe, expect, it} from 'vitest'
import {type PlanBridge, type PlanDevice, type PlanInput, type PlanStream, planStreams} from '../../src/ide/index.js'
import {known, unknown} from '../../src/known.js'

const BRIDGE = 'pci0000:00'
const range = (length: number, from = 0): number[] => Array.from({length}, (_, i) => from + i)
const bridge = (fields: Partial<PlanBridge> = {}): PlanBridge => ({
  name: BRIDGE,
  freeSlots: known(range(4)),
  heldIds: known([]),
  limit: null,
  ...fields,
})
const port = (bdf: string, free: readonly number[] = range(4)) => ({bdf, bridge: BRIDGE, free: known(free)})
const device = (bdf: string, rootPort = 'P', free: readonly number[] = [0]): PlanDevice => ({
  bdf,
  standing: {can: 'yes', rootPort, free},
})
const stream = (owner: string, slot: number, fields: Partial<PlanStream> = {}): PlanStream => ({
  device: owner,
  bridge: BRIDGE,
  rootPort: 'P',
  slot,
  rootPortBlock: 0,
  endpointBlock: 0,
  streamId: slot,
  ...fields,
})
const machine = (fields: Partial<PlanInput>): PlanInput => ({
  rule: 'slot',
  bridges: [bridge()],
  rootPorts: [port('P')],
  streams: [],
  wanted: [],
  ...fields,
})
const fitting = (input: PlanInput): string[] => planStreams(input).allocation.map(({bdf}) => bdf)

describe('allocation', () => {
  it('goes lowest first at all three places, around what is taken', () => {
    const input = machine({
      bridges: [bridge({freeSlots: known([1, 3])})],
      rootPorts: [port('P', [2, 5])],
      streams: [stream('A', 0), stream('X', 2, {rootPortBlock: 1})],
      wanted: [device('B', 'P', [1]), device('A'), device('C')],
    })
    expect(planStreams(input).allocation.map(row => Object.values(row))).toEqual([
      ['B', BRIDGE, 1, 'P', 2, 1, 1, false],
      ['A', BRIDGE, 0, 'P', 0, 0, 0, true],
      ['C', BRIDGE, 3, 'P', 5, 0, 3, false],
    ])
  })

  it('rule any takes the lowest ID that nobody below the host bridge has', () => {
    const input = machine({
      rule: 'any',
      bridges: [bridge({freeSlots: known([1, 2]), heldIds: known([0, 2])})],
      streams: [stream('A', 0, {streamId: 1})],
      wanted: [device('B'), device('C')],
    })
    expect(planStreams(input).allocation.map(({slot, streamId}) => [slot, streamId])).toEqual([
      [1, 3],
      [2, 4],
    ])
  })

  it.each(['slot', 'any'] as const)('rule %s never gives out ID 255', rule => {
    const wanted = range(256).map(i => device(`D${i}`))
    const input = machine({
      rule,
      bridges: [bridge({freeSlots: known(range(256))})],
      rootPorts: [port('P', range(256))],
      wanted,
    })
    const {allocation, conflicts} = planStreams(input)
    expect([allocation.length, Math.max(...allocation.map(({streamId}) => streamId!))]).toEqual([255, 254])
    expect(conflicts).toMatchObject([
      {resource: rule === 'slot' ? {kind: 'held-id', streamId: 255} : {kind: 'ids'}, leftOut: ['D255']},
    ])
  })
})

describe('conflicts', () => {
  it.each([
    ['slots', {bridges: [bridge({freeSlots: known([0])})]}, {kind: 'pool', bridge: BRIDGE}],
    ['a held ID', {bridges: [bridge({heldIds: known([1])})]}, {kind: 'held-id', bridge: BRIDGE, streamId: 1}],
    ["the operator's limit", {bridges: [bridge({limit: 1})]}, {kind: 'limit', bridge: BRIDGE}],
    ['root port blocks', {rootPorts: [port('P', [3])]}, {kind: 'root-port', bdf: 'P'}],
    ['IDs', {rule: 'any', bridges: [bridge({heldIds: known(range(254))})]} as const, {kind: 'ids', bridge: BRIDGE}],
  ])('two devices and one of %s: the less wanted is left out', (_, fields, resource) => {
    const {allocation, conflicts} = planStreams(machine({...fields, wanted: [device('A'), device('B')]}))
    expect(allocation.map(({bdf}) => bdf)).toEqual(['A'])
    expect(conflicts).toEqual([{resource, size: 1, among: ['A'], leftOut: ['B'], heldBy: []}])
  })

  it('a held ID in the next free slot stops every connect', () => {
    const held = machine({bridges: [bridge({heldIds: known([0])})], wanted: [device('A'), device('B')]})
    expect(planStreams(held).conflicts).toMatchObject([{size: 0, among: [], leftOut: ['A', 'B']}])
    expect(fitting({...held, rule: 'any'})).toEqual(['A', 'B'])
  })

  it('a device whose own blocks are all taken is in conflict with nobody', () => {
    const {conflicts} = planStreams(machine({wanted: [device('A', 'P', [])]}))
    expect(conflicts).toEqual([
      {resource: {kind: 'endpoint', bdf: 'A'}, size: 0, among: [], leftOut: ['A'], heldBy: []},
    ])
  })

  it('the smaller of two full families is the conflict', () => {
    const input = machine({
      bridges: [bridge({freeSlots: known([0, 1])})],
      rootPorts: [port('P', [0]), port('Q')],
      wanted: [device('A'), device('B', 'Q'), device('C')],
    })
    expect(planStreams(input).conflicts).toMatchObject([{resource: {kind: 'root-port'}, among: ['A'], leftOut: ['C']}])
  })
})

describe('disconnecting', () => {
  it('names the one that makes room, and what each single one would do', () => {
    const input = machine({
      bridges: [bridge({freeSlots: known([])})],
      rootPorts: [port('P', []), port('Q')],
      streams: [stream('X', 0), stream('Y', 1, {rootPort: 'Q'}), stream('Z', 2, {rootPort: 'Q', rootPortBlock: 1})],
      wanted: [device('A'), device('B', 'Q')],
    })
    expect(planStreams(input)).toMatchObject({
      disconnects: [
        {bdf: 'X', frees: 'A', others: 1},
        {bdf: 'Y', frees: 'B', others: 0},
        {bdf: 'Z', frees: 'B', others: 0},
      ],
      room: {disconnect: ['X', 'Y'], admits: ['A', 'B'], conflicts: []},
    })
  })

  it('behind a held ID it frees a block of the root port, but nothing of the host bridge', () => {
    const input = machine({
      bridges: [bridge({freeSlots: known([1, 3]), heldIds: known([1])})],
      rootPorts: [port('P', []), port('Q', [])],
      streams: [stream('X', 2), stream('Y', 0, {rootPort: 'Q'})],
      wanted: [device('A'), device('B', 'Q')],
    })
    const {room, disconnects} = planStreams(input)
    // X would free a block of P, which is of no use without a slot; Y serves B on its own
    expect(disconnects).toEqual([{bdf: 'Y', frees: 'B', others: 0}])
    expect(room).toMatchObject({disconnect: ['Y'], admits: ['B'], conflicts: [{leftOut: ['A']}]})
  })

  it('does not count on a device with several streams, or one that nobody can name', () => {
    const input = machine({
      bridges: [bridge({freeSlots: known([])})],
      streams: [stream('X', 0), stream('X', 1), stream('?', 2, {device: null}), stream('Y', 3, {rootPort: null})],
      wanted: [device('A')],
    })
    const {room, disconnects} = planStreams(input)
    expect([disconnects, room?.disconnect]).toEqual([[], []])
  })
})

describe('what is not known', () => {
  const why = 'config: EACCES; run as root'
  const refused = unknown(why)
  it.each([
    ['free slots', {bridges: [bridge({freeSlots: refused})]}, why],
    ['held IDs', {bridges: [bridge({heldIds: refused})]}, why],
    ['blocks of the root port', {rootPorts: [{...port('P'), free: refused}]}, why],
    ['the host bridge', {bridges: []}, `nothing is known of host bridge ${BRIDGE}`],
    ['the root port', {rootPorts: []}, 'nothing is known of root port P'],
    [
      'the ID of a stream',
      {streams: [stream('X', 0, {streamId: null})]},
      'the Stream ID of stream0.0.0 of pci0000:00 is not known',
    ],
    [
      'who has an ID',
      {bridges: [bridge({heldIds: known([0])})], streams: [stream('X', 0)]},
      'stream0.0.0 of pci0000:00 has Stream ID 0, which is not its alone',
    ],
    [
      'the rule of the TSM',
      {streams: [stream('X', 0, {streamId: 7})]},
      'stream0.0.0 of pci0000:00 has Stream ID 7: this TSM does not take the slot for it; plan with Stream ID rule any',
    ],
    [
      'a limit that is exceeded',
      {bridges: [bridge({limit: 0})], streams: [stream('X', 0)]},
      'streams below pci0000:00: 1, more than the given limit of 0',
    ],
  ])('%s: the device is unknown, and never fits', (_, fields, reason) => {
    const {allocation, unknown: said, conflicts} = planStreams(machine({...fields, wanted: [device('A')]}))
    expect([allocation, conflicts, said]).toEqual([[], [], [{bdf: 'A', reason}]])
  })

  it('what is connected stays connected', () => {
    const input = machine({bridges: [], streams: [stream('A', 0)], wanted: [device('A')]})
    expect(planStreams(input).allocation).toMatchObject([{bdf: 'A', keeps: true}])
  })

  it('a device that says so itself', () => {
    const wanted: PlanDevice[] = [
      {bdf: 'A', standing: {can: 'never', reason: 'no IDE capability'}},
      {bdf: 'B', standing: {can: 'unknown', reason: 'config: EACCES'}},
    ]
    expect(planStreams(machine({wanted}))).toMatchObject({
      allocation: [],
      never: [{bdf: 'A', reason: 'no IDE capability'}],
      unknown: [{bdf: 'B', reason: 'config: EACCES'}],
      room: null,
    })
  })
})

it('20,000 devices on 64 host bridges: each is in the plan once', () => {
  const bridges = range(64).map(i => bridge({name: `B${i}`, freeSlots: known(range(256)), heldIds: known([200])}))
  const rootPorts = range(64 * 16).map(i => ({bdf: `P${i}`, bridge: `B${i % 64}`, free: known(range(16))}))
  const wanted = range(20_000).map(i => device(`D${i}`, `P${i % rootPorts.length}`))
  const {allocation, conflicts} = planStreams(machine({bridges, rootPorts, wanted}))
  expect(allocation).toHaveLength(64 * 200)
  expect(new Set([...allocation.map(({bdf}) => bdf), ...conflicts.flatMap(({leftOut}) => leftOut)]).size).toBe(20_000)
})
