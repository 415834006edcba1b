/** Plans against a simulated kernel that carries them out. */
import {expect, it} from 'vitest'
import {errnoOf} from '../../src/errors.js'
import {attributeBytes, type Kernel} from '../../src/kernel/index.js'
import {deviceDirectory} from '../../src/pci/index.js'
import {type IdePlan, idePlanText, planFailure, planIde} from '../../src/operations/index.js'
import {simKernel} from '../../src/sim/index.js'
import {machines} from '../sim/machines.js'
import {guest, guestDirectory} from '../support/guest.js'

const machineOf = machines()

const planOf = (kernel: Kernel, bdfs: readonly string[] = []): Promise<IdePlan> =>
  planIde(kernel, {rule: 'slot', pools: [], bdfs})

/** What the kernel answers to `tsm/connect` or `tsm/disconnect` of each device, one after the other. */
async function tell(kernel: Kernel, verb: 'connect' | 'disconnect', bdfs: readonly string[]): Promise<string[]> {
  const answers: string[] = []
  for (const bdf of bdfs)
    answers.push(
      // the order is what is tested
      // oxlint-disable-next-line no-await-in-loop
      await Promise.resolve(kernel.write(`${deviceDirectory(bdf)}/tsm/${verb}`, attributeBytes('tsm0'))).then(
        () => 'ok',
        (error: unknown) => errnoOf(error) ?? String(error),
      ),
    )
  return answers
}

const planned = ({allocation}: IdePlan): string[] => allocation.map(({bdf}) => bdf)
const leftOut = ({conflicts}: IdePlan): string[] => conflicts.flatMap(conflict => conflict.leftOut)

it('of everything it says which device with IDE is left aside, and why', async () => {
  const {kernel} = await guest('firmware-stream')
  const plan = await planOf(kernel)
  expect(plan.aside).toMatchObject([{bdf: '0000:01:00.0', reason: expect.stringContaining('Stream ID 5')}])
  expect(idePlanText(plan)).toMatch(/^left aside, Linux ignores its IDE: 0000:01:00.0: its selective block 0/m)
  // a device asked for by name is in the plan, so nothing is aside
  const named = await planOf(kernel, ['0000:01:00.0'])
  expect([named.aside, named.never.map(({bdf}) => bdf)]).toEqual([[], ['0000:01:00.0']])
})

it.each([
  ['gpu-host', 2, []],
  ['nvme-host', 2, []],
  ['multi-segment', 3, []],
  ['few-streams', 4, ['pool', 'root-port']],
  ['firmware-stream', 1, ['held-id']],
])(
  '%s: connecting in the order of the plan gives what it says, and refuses the rest',
  async (name, fitting, lacking) => {
    const {kernel} = await guest(name)
    const plan = await planOf(kernel)
    expect([plan.allocation.length, plan.conflicts.map(({resource}) => resource)]).toEqual([fitting, lacking])
    expect(await tell(kernel, 'connect', planned(plan))).toEqual(planned(plan).map(() => 'ok'))
    const after = await planOf(kernel, planned(plan))
    expect(after.allocation).toEqual(plan.allocation.map(row => ({...row, keeps: true})))
    const refused = lacking.includes('held-id') ? 'EBUSY' : 'EFAULT'
    expect(await tell(kernel, 'connect', leftOut(plan))).toEqual(leftOut(plan).map(() => refused))
  },
)

it('few-streams: the disconnects it asks for make the room it promises', async () => {
  const {kernel} = await guest('few-streams')
  expect(await tell(kernel, 'connect', ['0000:01:00.0', '0000:02:00.0', '0000:43:00.0'])).toEqual(['ok', 'ok', 'ok'])
  const wanted = ['0000:03:00.0', '0000:45:00.0', '0000:44:00.0', '0000:02:00.0']
  const plan = await planOf(kernel, wanted)
  expect(planned(plan)).toEqual(['0000:45:00.0', '0000:02:00.0'])
  expect(plan.disconnects).toEqual([
    {bdf: '0000:01:00.0', frees: '0000:03:00.0', others: 0},
    {bdf: '0000:43:00.0', frees: '0000:44:00.0', others: 0},
  ])
  expect(plan.room).toMatchObject({disconnect: ['0000:01:00.0', '0000:43:00.0'], conflicts: []})
  expect(await tell(kernel, 'disconnect', plan.room!.disconnect)).toEqual(['ok', 'ok'])
  const roomy = await planOf(kernel, wanted)
  expect([roomy.fits, planned(roomy)]).toEqual([true, wanted])
  expect(await tell(kernel, 'connect', wanted.slice(0, 3))).toEqual(['ok', 'ok', 'ok'])
  expect((await planOf(kernel, wanted)).allocation).toEqual(roomy.allocation.map(row => ({...row, keeps: true})))
})

it('without privilege nothing is planned, and everything is not known', async () => {
  const plan = await planOf(simKernel(await guestDirectory('gpu-host'), {privileged: false}))
  expect([planned(plan), leftOut(plan), plan.never]).toEqual([[], [], []])
  expect(plan.unknown.map(({bdf}) => bdf)).toEqual(expect.arrayContaining(['0000:01:00.0', '0000:41:00.0']))
  expect(planFailure(plan)).toMatchObject({kind: 'not-permitted', got: expect.stringContaining('CAP_SYS_ADMIN')})
})

it('an ID that Linux never claimed stops nobody', async () => {
  // the root port has no IDE, so Linux never looked at the endpoint below it, in which firmware left Stream ID 0 live
  const text = `
title: a live Stream ID out of sight
tsm: link
bridges: [{at: "0000:00", pool: 4}]
ports:
  - {at: "0000:00:01.0", bus: 1, ide: {selective: 2}}
  - {at: "0000:00:02.0", bus: 2}
devices:
  - {at: "0000:01:00.0", kind: gpu}
  - {at: "0000:02:00.0", kind: gpu, ide: {selective: 1, streams: [{block: 0, id: 0}]}}
`
  const {kernel} = await machineOf({name: 'out of sight', text})
  const plan = await planOf(kernel, ['0000:01:00.0'])
  expect(plan.allocation).toMatchObject([{bdf: '0000:01:00.0', slot: 0, streamId: 0}])
  expect(await tell(kernel, 'connect', ['0000:01:00.0'])).toEqual(['ok'])
})
