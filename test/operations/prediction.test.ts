/** What the preflight says, compared with what the kernel of a simulated host then answers, over all host scenarios. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {errnoOf, TsmctlError} from '../../src/errors.js'
import {attributeBytes, type Kernel} from '../../src/kernel/index.js'
import {connect} from '../../src/operations/index.js'
import {injectFault, type ScenarioSource} from '../../src/sim/index.js'
import {CHECKS, type Preflight} from '../../src/tsm/index.js'
import {attributePath, machines, type TestMachine, withoutSpdm} from '../sim/machines.js'

const make = machines()

/** A machine that has one of everything that can be wrong with a device, under a TSM that makes streams. */
const ODDITIES: ScenarioSource = {
  name: 'oddities',
  text: `
title: Everything that can be wrong with a device
provider: {like: sev-tio, parent: "0000:c0:00.5"}
bridges: [{at: "0000:00", pool: 2}, {at: "0000:c0"}]
ports:
  - {at: "0000:00:01.0", bus: 0x01, ide: {selective: 2}}
  - {at: "0000:00:02.0", bus: 0x02, ide: {selective: 0, link: 1}}
  - {at: "0000:00:03.0", bus: 0x03}
  - {at: "0000:00:04.0", bus: 0x04, ide: {selective: 3, streams: [{block: 1, id: 1}]}}
  - {at: "0000:00:05.0", bus: 0x05, ide: {selective: 1}}
devices:
  - {at: "0000:01:00.0", kind: gpu, ide: {selective: 1}}
  - {at: "0000:02:00.0", kind: gpu, ide: {selective: 1}}
  # a live ID that Linux does not see: no IDE in the root port above
  - {at: "0000:03:00.0", kind: gpu, ide: {selective: 1, streams: [{block: 0, id: 0}]}}
  # and another: in a block that Linux drops
  - {at: "0000:04:00.0", kind: gpu, ide: {selective: 2, associations: [1, 2], streams: [{block: 1, id: 0}]}}
  - {at: "0000:05:00.0", kind: gpu, ide: {selective: 0}}
  - {at: "0000:00:10.0", kind: gpu}
  - {at: "0000:00:11.0", kind: nic, tee: false, ide: {selective: 0}}
  - {at: "0000:c0:00.5", kind: psp}
`,
}

const SCENARIOS: readonly ScenarioSource[] = [
  'gpu-host',
  'nvme-host',
  'multi-segment',
  'few-streams',
  'firmware-stream',
  ODDITIES,
].map(withoutSpdm)

/** `ok`, or the errno of the kernel itself: nothing of tsmctl is in between. */
async function answer(kernel: Kernel, bdf: string, verb: 'connect' | 'disconnect'): Promise<string> {
  try {
    await kernel.write(attributePath(bdf, `tsm/${verb}`), attributeBytes('tsm0'))
    return 'ok'
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === undefined) throw error
    return errno
  }
}

async function prediction(kernel: Kernel, bdf: string): Promise<Preflight> {
  const {preflight, failure} = await connect(kernel, bdf, {dryRun: true})
  // a dry run fails exactly where the real one would
  const isRefused = preflight.verdict.outcome === 'will-fail' && preflight.verdict.check !== 'not-connected'
  expect(failure instanceof TsmctlError).toBe(isRefused)
  return preflight
}

/** Errnos of what is not known, up to the first check that speaks against it, for certain or not. */
function doubts({checks}: Preflight): string[] {
  const last = checks.findIndex(({result}) => result === 'fail' || result === 'warn')
  return CHECKS.slice(0, last < 0 ? CHECKS.length : last + 1).flatMap(({errno}, index) =>
    index === last || checks[index]!.result === 'unknown' ? [errno] : [],
  )
}

/** What was predicted, what came, and whether the one contradicts the other. */
async function compare({kernel}: TestMachine, bdf: string) {
  const said = await prediction(kernel, bdf)
  const {outcome, errno} = said.verdict
  const got = await answer(kernel, bdf, 'connect')
  const isWrong =
    (outcome === 'will-fail' && got !== errno) ||
    (outcome === 'will-succeed' && got !== 'ok') ||
    // no refusal comes unannounced
    (got !== 'ok' && !doubts(said).includes(got))
  return {bdf, outcome, errno, got, isWrong}
}

const functionsOf = ({kernel}: TestMachine): readonly string[] =>
  kernel.list('/sys/bus/pci/devices').filter(bdf => kernel.stat(attributePath(bdf, 'tsm/connect')) !== undefined)

interface Step {
  readonly what: 'connect' | 'disconnect' | 'rival' | 'remove'
  readonly which: number
}

const STEP: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('connect', 'connect', 'connect', 'disconnect', 'rival', 'remove'),
  which: fc.nat(99),
})

/** The wrong predictions on the way. */
async function wrongOf(machine: TestMachine, steps: readonly Step[]) {
  const functions = functionsOf(machine)
  const compared: Awaited<ReturnType<typeof compare>>[] = []
  for (const {what, which} of steps) {
    const bdf = functions[which % functions.length]!
    if (machine.kernel.stat(attributePath(bdf, 'tsm')) === undefined) continue
    if (what === 'connect') compared.push(await compare(machine, bdf))
    else if (what === 'disconnect') await answer(machine.kernel, bdf, 'disconnect')
    else if (what === 'rival') await injectFault(machine.directory, {device: bdf, at: 'now', do: 'rival'})
    else {
      await machine.write(bdf, 'remove', '1')
      await machine.kernel.write('/sys/bus/pci/rescan', attributeBytes('1'))
    }
  }
  return compared.filter(({isWrong}) => isWrong)
}

describe.each(SCENARIOS)('$name', source => {
  it('every function alone, on a machine where nothing is connected', async () => {
    const first = await make(source)
    const compared: Awaited<ReturnType<typeof compare>>[] = []
    for (const bdf of first.kernel.list('/sys/bus/pci/devices')) compared.push(await compare(await make(source), bdf))
    expect(compared.filter(({isWrong}) => isWrong)).toEqual([])
    expect(compared.map(({outcome}) => outcome)).toContain('will-fail')
  })

  it('one after the other, in any order, with disconnects, removals and rivals between', async () => {
    const sequence = fc.array(STEP, {minLength: 4, maxLength: 10})
    await fc.assert(
      fc.asyncProperty(sequence, async steps => {
        expect(await wrongOf(await make(source), steps)).toEqual([])
      }),
      {numRuns: 4},
    )
  })
})
