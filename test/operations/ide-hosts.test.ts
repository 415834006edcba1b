/** Accounts of simulated hosts: as they start, while devices come and go, and when something breaks. */
import {describe, expect, it} from 'vitest'
import {accountOf, type IdeAccount} from '../../src/ide/index.js'
import {valueOf} from '../../src/known.js'
import {readFabric} from '../../src/operations/index.js'
import {type Fault, injectFault} from '../../src/sim/index.js'
import {machines, type TestMachine} from '../sim/machines.js'

const make = machines()
const accountIn = async ({kernel}: TestMachine): Promise<IdeAccount> => accountOf(await readFabric(kernel))
const codes = ({findings}: IdeAccount) => findings.map(({code, subject}) => `${code} ${subject}`)
const errors = ({findings}: IdeAccount) =>
  findings.filter(({severity}) => severity === 'error').map(({code, subject}) => `${code} ${subject}`)
const streams = ({streams: all}: IdeAccount) =>
  all.map(({bridge, name, streamId, state}) => [bridge, name, streamId, state])
/** What must be as before when everything is disconnected. */
const counted = ({bridges, ports}: IdeAccount) => [
  bridges.map(({available, liveIds}) => [available, liveIds.size]),
  ports.map(({numbers, free}) => [valueOf(numbers), valueOf(free)]),
]
const connect = (machine: TestMachine, bdf: string) => machine.write(bdf, 'tsm/connect', 'tsm0')

const GPU = '0000:01:00.0'
const NVME = '0000:03:00.0'
const NIC = '0000:04:00.0'

describe('a host as it starts', () => {
  it.each([
    ['gpu-host', []],
    ['nvme-host', []],
    ['multi-segment', []],
    ['few-streams', ['blocks-dropped 0000:45:00.0']],
    [
      'firmware-stream',
      [
        'id-blocks-slot pci0000:40',
        'capability-ignored 0000:01:00.0',
        'stream-one-sided 0000:40:01.0',
        'stream-foreign 0000:01:00.0',
        'stream-foreign 0000:40:01.0',
      ],
    ],
  ])('%s: %j', async (scenario, expected) => expect(codes(await accountIn(await make(scenario)))).toEqual(expected))
})

describe('a host that connects', () => {
  it.each([
    ['gpu-host', [GPU, '0000:41:00.0']],
    ['nvme-host', [NVME, NIC]],
    ['multi-segment', ['0000:01:00.0', '10000:e1:00.0', '10001:01:00.0']],
    ['few-streams', ['0000:01:00.0', '0000:02:00.0', '0000:43:00.0', '0000:44:00.0']],
  ])('%s: %j are secure, take a slot each, and leave nothing behind', async (scenario, devices) => {
    const machine = await make(scenario)
    const before = await accountIn(machine)
    for (const [index, bdf] of devices.entries()) {
      await connect(machine, bdf)
      const now = await accountIn(machine)
      expect(now.streams.map(({state, endpoint}) => endpoint?.known && [state, endpoint.value.bdf]).toSorted()).toEqual(
        devices.slice(0, index + 1).map(connected => ['secure', connected]),
      )
      expect(errors(now)).toEqual([])
      expect(now.bridges.map(({pool}) => pool)).toEqual(before.bridges.map(({pool}) => pool))
      const taken = now.bridges.reduce((sum, {slots}) => sum + slots.length, 0)
      expect(taken).toBe(index + 1)
    }
    for (const bdf of devices) await machine.write(bdf, 'tsm/disconnect', 'tsm0')
    const after = await accountIn(machine)
    expect(counted(after)).toEqual(counted(before))
    expect(codes(after)).toEqual(codes(before))
  })

  it('names the switch that a stream passes', async () => {
    const machine = await make('nvme-host')
    await connect(machine, NVME)
    expect(codes(await accountIn(machine))).toEqual(
      ['cve-2025-9612', 'cve-2025-9613', 'cve-2025-9614'].map(code => `${code} pci0000:00/stream0.0.0`),
    )
  })

  it('says when the last slot is taken', async () => {
    const machine = await make('few-streams')
    for (const bdf of ['0000:01:00.0', '0000:02:00.0']) await connect(machine, bdf)
    expect(codes(await accountIn(machine))).toContain('pool-exhausted pci0000:00')
    await machine.write('0000:01:00.0', 'tsm/disconnect', 'tsm0')
    expect(codes(await accountIn(machine))).not.toContain('pool-exhausted pci0000:00')
  })

  it.each([
    ['before', false],
    ['after', true],
  ])('virtual functions enabled %s the connect are left out: %j', async (when, expected) => {
    const machine = await make('nvme-host')
    const vfs = () => injectFault(machine.directory, {device: NVME, at: 'now', do: 'vfs', count: 4})
    if (when === 'before') await vfs()
    await connect(machine, NVME)
    if (when === 'after') await vfs()
    expect(codes(await accountIn(machine)).includes('rid-misses-vfs pci0000:00/stream0.0.0')).toBe(expected)
  })
})

describe('a host on which something breaks', () => {
  const STREAM = 'pci0000:00/stream0.0.0'
  const [at, now] = ['connect', 'now'] as const

  it.each<[string, string, Omit<Fault, 'device'>, string, unknown[]]>([
    ['gpu-host', GPU, {at, do: 'insecure', end: 'endpoint'}, `stream-half-secure ${STREAM}`, [0, 'insecure']],
    ['gpu-host', GPU, {at, do: 'insecure', end: 'root-port'}, `stream-half-secure ${STREAM}`, [0, 'insecure']],
    ['nvme-host', NVME, {at, do: 'one-sided', end: 'root-port'}, `stream-one-sided ${STREAM}`, [0, 'one-sided']],
    ['nvme-host', NVME, {at, do: 'one-sided', end: 'endpoint'}, `stream-one-sided ${STREAM}`, [0, 'one-sided']],
    ['nvme-host', NVME, {at: now, do: 'ide-fail', block: 0}, `stream-fail-received ${NVME}`, [0, 'secure']],
    ['nvme-host', NVME, {at: now, do: 'insecure'}, `stream-half-secure ${STREAM}`, [0, 'insecure']],
  ])('%s %s: %j is %s', async (scenario, bdf, fault, finding, [streamId, state]) => {
    const machine = await make(scenario)
    const inject = () => injectFault(machine.directory, {device: bdf, ...fault})
    if (fault.at === at) await inject()
    await connect(machine, bdf)
    if (fault.at === now) await inject()
    const account = await accountIn(machine)
    expect(errors(account)).toEqual([finding])
    expect(streams(account)).toEqual([['pci0000:00', 'stream0.0.0', streamId, state]])
  })
})
