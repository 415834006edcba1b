/** Random hosts and random events: what tsmctl says is what the simulated kernel knows, and plans come true. */
import fc from 'fast-check'
import {expect, it} from 'vitest'
import {errnoOf, TsmctlError} from '../../src/errors.js'
import {attributeBytes} from '../../src/kernel/index.js'
import {connect, disconnect, listIde, planIde} from '../../src/operations/index.js'
import {type FaultKind, injectFault, machineStatus} from '../../src/sim/index.js'
import {attributePath, machines, type TestMachine} from '../sim/machines.js'
import {randomHost} from '../sim/random-host.js'
import {runs} from '../support/runs.js'

const make = machines()
const RUNS = runs(6)

/** Undefined for a scenario that the simulator refuses. */
async function hostOf(text: string): Promise<TestMachine | undefined> {
  try {
    return await make({name: 'random', text})
  } catch (error) {
    if (error instanceof TsmctlError && error.kind === 'malformed') return undefined
    throw error
  }
}

const truthOf = ({directory}: TestMachine) => machineStatus(directory).host!

/**
 * The same without sessions that a device has and no TSM knows of: AMD's driver, whose stream clashes with another ID only
 * at the very end, leaves the device its session, and no user space can take that back.
 */
const reachableTruth = (machine: TestMachine): string => JSON.stringify({...truthOf(machine), strays: []})

/** Functions that may be tried; on a machine without any, all of them. */
function choiceOf({kernel}: TestMachine): readonly string[] {
  const all = kernel.list('/sys/bus/pci/devices')
  const offered = all.filter(bdf => kernel.stat(attributePath(bdf, 'tsm/connect')) !== undefined)
  return offered.length === 0 ? all : offered
}

/** Rows in an order of their own. */
const sorted = (rows: readonly (readonly unknown[])[]): string[] => rows.map(row => JSON.stringify(row)).sort()

/** Streams as `ide list` tells them, and as they are. */
async function expectTruth(machine: TestMachine): Promise<void> {
  const {streams, bridges} = truthOf(machine)
  const {list} = await listIde(machine.kernel)
  const told = list.streams.filter(({name}) => name !== null)
  const isSecure = ({rootPortState, endpointState}: (typeof streams)[number]): boolean =>
    rootPortState === 'secure' && endpointState === 'secure'
  expect(
    sorted(told.map(({bridge, name, near, far, state}) => [bridge, name, near?.bdf, far?.bdf, state === 'secure'])),
  ).toEqual(sorted(streams.map(one => [one.bridge, one.name, one.rootPort, one.endpoint, isSecure(one)])))
  const pooled = list.bridges.filter(({hasPool}) => hasPool)
  expect(sorted(pooled.map(({name, pool, available}) => [name, pool, available]))).toEqual(
    sorted(bridges.filter(({pool}) => pool > 0).map(({name, pool, available}) => [name, pool, available])),
  )
}

/** Carries out a verb and holds its answer against what the machine knows before and after. */
async function expectTrueAnswer(machine: TestMachine, verb: 'connect' | 'disconnect', bdf: string): Promise<void> {
  const {kernel} = machine
  const power = (): string | undefined =>
    kernel.stat(attributePath(bdf, 'power/control')) && machine.read(bdf, 'power/control')
  const before = {truth: reachableTruth(machine), power: power()}
  const isConnected = (): boolean => truthOf(machine).connected.some(one => one.bdf === bdf)
  try {
    const {failure, changed, after} = await (verb === 'connect' ? connect : disconnect)(kernel, bdf, {force: true})
    expect(after.tsm !== null).toBe(isConnected())
    expect(changed).toBe(reachableTruth(machine) !== before.truth)
    if (failure === null) expect(isConnected()).toBe(verb === 'connect')
    if (failure === null && verb === 'connect')
      expect((after.streams ?? []).filter(({state}) => state !== 'secure')).toEqual([])
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    expect(error.kind).not.toBe('bug')
    // whatever was begun has been taken back
    expect(reachableTruth(machine)).toBe(before.truth)
  }
  expect(power()).toBe(before.power)
}

async function happen(machine: TestMachine, event: string, bdf: string): Promise<void> {
  const {kernel, directory} = machine
  if (event === 'rescan') return kernel.write('/sys/bus/pci/rescan', attributeBytes('1'))
  if (kernel.stat(attributePath(bdf, 'config')) === undefined) return undefined
  if (event === 'connect' || event === 'disconnect') return expectTrueAnswer(machine, event, bdf)
  if (event === 'remove') return machine.write(bdf, 'remove', '1')
  // not every device can do everything
  const more = event === 'vfs' ? {count: 2} : event === 'insecure' ? {end: 'endpoint' as const} : {}
  return injectFault(directory, {device: bdf, at: 'now', do: event as FaultKind, ...more}).catch((error: unknown) =>
    expect(error).toBeInstanceOf(TsmctlError),
  )
}

const EVENTS = ['connect', 'connect', 'disconnect', 'rival', 'rival', 'insecure', 'insecure', 'vfs', 'remove', 'rescan']
const events = fc.array(fc.tuple(fc.constantFrom(...EVENTS), fc.nat(99)), {minLength: 6, maxLength: 16})

it('whatever happens, what is said is so', async () => {
  let made = 0
  await fc.assert(
    fc.asyncProperty(randomHost(), events, async (text, steps) => {
      const machine = await hostOf(text)
      if (machine === undefined) return
      made++
      await expectTruth(machine)
      const all = choiceOf(machine)
      // somebody else was here first
      // oxlint-disable-next-line no-await-in-loop
      for (const bdf of all.filter((_, i) => i % 2 === 0)) await happen(machine, 'rival', bdf)
      for (const [event, index] of steps) {
        const candidates = event === 'insecure' ? truthOf(machine).streams.map(({endpoint}) => endpoint) : all
        const bdf = candidates[index % candidates.length]
        // one after the other: that is the history
        // oxlint-disable-next-line no-await-in-loop
        if (bdf !== undefined) await happen(machine, event, bdf)
        // oxlint-disable-next-line no-await-in-loop
        await expectTruth(machine)
      }
    }),
    {numRuns: RUNS},
  )
  expect(made).toBeGreaterThan(RUNS / 2)
})

it('what is planned is what the kernel gives, and what is left out gets no stream', async () => {
  let planned = 0
  await fc.assert(
    fc.asyncProperty(randomHost(true), events, async (text, steps) => {
      const machine = await hostOf(text)
      if (machine === undefined) return
      const {kernel} = machine
      const all = choiceOf(machine)
      for (const [event, index] of steps)
        // a removed device takes IDs with it that nobody can see any more
        // oxlint-disable-next-line no-await-in-loop
        if (event === 'connect' || event === 'disconnect') await happen(machine, event, all[index % all.length]!)
      const plan = await planIde(kernel, {rule: 'slot', pools: [], bdfs: []}).catch((error: unknown) => {
        expect(error).toMatchObject({kind: 'not-found'})
      })
      if (plan === undefined) return
      const streamOf = (bdf: string) => truthOf(machine).streams.find(({endpoint}) => endpoint === bdf)
      const tell = (bdf: string): Promise<void> =>
        kernel.write(attributePath(bdf, 'tsm/connect'), attributeBytes('tsm0')).catch((error: unknown) => {
          expect(errnoOf(error)).toBeDefined()
        })
      for (const {bdf, bridge, slot, rootPortBlock, endpointBlock, streamId} of plan.allocation) {
        // in the order of the plan
        // oxlint-disable-next-line no-await-in-loop
        await tell(bdf)
        const name = `stream${slot}.${rootPortBlock}.${endpointBlock}`
        expect(streamOf(bdf)).toMatchObject({bridge, name, streamId})
        planned++
      }
      for (const bdf of plan.conflicts.flatMap(({leftOut}) => leftOut)) {
        // oxlint-disable-next-line no-await-in-loop
        await tell(bdf)
        expect(streamOf(bdf)).toBeUndefined()
      }
    }),
    {numRuns: 2 * RUNS},
  )
  expect(planned).toBeGreaterThan(0)
})
