/**
 * Planning devices on 64 host bridges, too many for them, with allocation, conflicts and disconnects; against a JSON round
 * trip of the planner's input, the least that it costs any program to have these facts. Prints milliseconds of each and
 * their ratio.
 */
import {type PlanInput, planStreams} from '../src/ide/index.js'
import {known} from '../src/known.js'

const range = (length: number, from = 0): number[] => Array.from({length}, (_, i) => from + i)

/** Each host bridge has 16 slots, two of them taken and one behind a held ID, and four root ports of four blocks. */
function machine(devices: number, bridges: number): PlanInput {
  const rootPorts = range(bridges * 4).map(i => ({bdf: `port${i}`, bridge: `bridge${i % bridges}`}))
  return {
    rule: 'slot',
    bridges: range(bridges).map(i => ({
      name: `bridge${i}`,
      freeSlots: known(range(14, 2)),
      heldIds: known([15]),
      limit: null,
    })),
    rootPorts: rootPorts.map((port, i) => ({...port, free: known(range(i < 2 * bridges ? 3 : 4, 1))})),
    streams: range(2 * bridges).map(i => ({
      device: `other${i}`,
      bridge: `bridge${i % bridges}`,
      rootPort: `port${i}`,
      slot: Math.floor(i / bridges),
      rootPortBlock: 0,
      endpointBlock: 0,
      streamId: Math.floor(i / bridges),
    })),
    wanted: range(devices).map(i => ({
      bdf: `device${i}`,
      standing: {can: 'yes', rootPort: `port${i % rootPorts.length}`, free: [0, 1]},
    })),
  }
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!

const ROUNDS = 15
function milliseconds(plans: number, work: () => number): number {
  const started = process.hrtime.bigint()
  let sink = 0
  for (let i = 0; i < plans; i++) sink += work()
  if (!Number.isFinite(sink)) throw new RangeError('unreachable')
  return Number(process.hrtime.bigint() - started) / plans / 1e6
}

function compare(devices: number, plans: number) {
  const input = machine(devices, 64)
  const planner = () => planStreams(input).allocation.length
  const roundTrip = () => (JSON.parse(JSON.stringify(input)) as PlanInput).wanted.length
  if (planner() === 0 || roundTrip() !== devices) throw new RangeError('nothing to measure')
  milliseconds(plans, planner)
  milliseconds(plans, roundTrip)
  const pairs = range(ROUNDS).map(() => ({plan: milliseconds(plans, planner), json: milliseconds(plans, roundTrip)}))
  return {
    devices,
    plan: median(pairs.map(pair => pair.plan)),
    json: median(pairs.map(pair => pair.json)),
    ratio: median(pairs.map(pair => pair.plan / pair.json)),
  }
}

console.log(JSON.stringify([compare(1000, 100), compare(20_000, 10)]))
