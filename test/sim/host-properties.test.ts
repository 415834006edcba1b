/** Whatever is done to a simulated host in whatever order, its books balance, and in the end nothing is left. */
import {execFile} from 'node:child_process'
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {build} from 'esbuild'
import fc from 'fast-check'
import {afterAll, describe, expect, it} from 'vitest'
import {type FaultKind, injectFault, machineStatus} from '../../src/sim/index.js'
import {rejectedErrno} from '../kernel/errnos.js'
import {ideOf, shell} from './host-machines.js'
import {attributePath, machines, type TestMachine} from './machines.js'

const make = machines()

/** Two bridges, a small pool, few blocks, a switch, virtual functions, a held ID. */
const text = `title: Everything is short
bridges: [{at: "0000:00", pool: 2}, {at: "10000:40"}]
ports:
  - {at: "0000:00:01.0", bus: 1, ide: {selective: 2}}
  - {at: "0000:01:00.0", bus: 2}
  - {at: "0000:02:00.0", bus: 3}
  - {at: "0000:02:01.0", bus: 4}
  - {at: "0000:00:02.0", bus: 5, ide: {selective: 1}}
  - {at: "10000:40:01.0", bus: 0x41, ide: {selective: 3, streams: [{block: 1, id: 1}]}}
devices:
  - {at: "0000:03:00.0", kind: nvme, totalVfs: 2, ide: {selective: 1}}
  - {at: "0000:04:00.0", kind: nvme, ide: {selective: 2}}
  - {at: "0000:05:00.0", kind: gpu}
  - {at: "10000:41:00.0", kind: nvme, totalVfs: 3, ide: {selective: 2}}
  - {at: "10000:41:01.0", kind: gpu, ide: {selective: 0}}
`
const DEVICES = ['0000:03:00.0', '0000:04:00.0', '0000:05:00.0', '10000:41:00.0', '10000:41:01.0']
const PORTS = ['0000:00:01.0', '0000:01:00.0', '0000:00:02.0', '10000:40:01.0']
const ROOTS = ['0000:00:01.0', '0000:00:02.0', '10000:40:01.0']

type Step = (machine: TestMachine) => Promise<unknown>
const device = fc.constantFrom(...DEVICES)
const writes =
  (place: string, value: string): Step =>
  machine =>
    shell(machine).write(place, value)
const happens =
  (bdf: string, kind: FaultKind): Step =>
  machine =>
    injectFault(machine.directory, {device: bdf, at: 'now', do: kind})

const step: fc.Arbitrary<Step> = fc.oneof(
  {weight: 6, arbitrary: device.map(bdf => writes(`${bdf}/tsm/connect`, 'tsm0'))},
  {weight: 3, arbitrary: device.map(bdf => writes(`${bdf}/tsm/disconnect`, 'tsm0'))},
  {weight: 2, arbitrary: fc.constantFrom(...DEVICES, ...PORTS).map(bdf => writes(`${bdf}/remove`, '1'))},
  {weight: 4, arbitrary: fc.constant(writes('/sys/bus/pci/rescan', '1'))},
  {
    weight: 2,
    arbitrary: fc
      .tuple(device, fc.integer({min: 0, max: 4}))
      .map(([bdf, count]) => writes(`${bdf}/sriov_numvfs`, String(count))),
  },
  {arbitrary: device.map(bdf => happens(bdf, 'tsm-gone')), weight: 1},
  {arbitrary: device.map(bdf => happens(bdf, 'tsm-back')), weight: 3},
  {arbitrary: device.map(bdf => happens(bdf, 'rival')), weight: 1},
  {
    weight: 2,
    arbitrary: fc.tuple(device, fc.constantFrom<FaultKind>('vanish', 'rival', 'tsm-gone', 'insecure', 'stuck')).map(
      ([bdf, kind]): Step =>
        machine =>
          injectFault(machine.directory, {device: bdf, at: 'connect', do: kind}),
    ),
  },
)

/** Enabled Selective blocks of a function that is there. */
const enabledBlocks = (machine: TestMachine, bdf: string): number[] =>
  machine.kernel.stat(attributePath(bdf, 'config')) === undefined
    ? []
    : (ideOf(machine, bdf)?.selectiveStreams ?? []).flatMap(({enabled, index}) => (enabled ? [index] : []))

function balance(machine: TestMachine): void {
  const {bridges, connected, streams, strays, tsm} = machineStatus(machine.directory).host!
  for (const {name, pool, claimed} of bridges) {
    const here = streams.filter(({bridge}) => bridge === name)
    const {bridge} = shell(machine)
    expect(bridge(name)).toBe([...here.map(one => one.name).sort(), `avail=${pool - here.length}`].join(' '))
    const ids = [...here.map(({streamId}) => streamId), ...claimed]
    expect(new Set(ids).size).toBe(ids.length)
  }
  for (const {rootPortState, endpointState, rootPortKeys, endpointKeys} of streams) {
    expect([rootPortState, endpointState]).toEqual(['secure', 'secure'])
    expect([rootPortKeys, endpointKeys]).toEqual([6, 6])
  }
  expect(strays).toEqual([])
  if (tsm === null) expect(connected).toEqual([])
  for (const {bdf, subfunctions} of connected) {
    expect(shell(machine).read(`${bdf}/tsm/connect`)).toBe(tsm)
    for (const fn of subfunctions) expect(shell(machine).read(`${fn}/tsm/dsm`)).toBe(bdf)
  }
  // no block is enabled that no stream has, but firmware's
  const held = machine.kernel.stat(attributePath('10000:40:01.0', 'config')) === undefined ? 0 : 1
  const atRoots = ROOTS.flatMap(bdf => enabledBlocks(machine, bdf)).length
  expect(atRoots - held).toBe(streams.length)
  expect(DEVICES.flatMap(bdf => enabledBlocks(machine, bdf)).length).toBe(streams.length)
}

describe('a host', () => {
  it('balances after every step, and has nothing left when all are disconnected', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, {minLength: 1, maxLength: 25}), async steps => {
        const machine = await make({name: 'short', text})
        for (const take of steps) {
          await take(machine)
          balance(machine)
        }
        for (const bdf of DEVICES) await shell(machine).write(`${bdf}/tsm/disconnect`, 'tsm0')
        const {connected, streams, bridges} = machineStatus(machine.directory).host!
        expect([connected, streams]).toEqual([[], []])
        for (const {pool, available} of bridges) expect(available).toBe(pool)
      }),
      {numRuns: 15},
    )
  })

  it('answers any bytes written to it with success or an errno', async () => {
    const machine = await make({name: 'short', text})
    const names = ['tsm/connect', 'tsm/disconnect', 'sriov_numvfs', 'remove', 'reset', 'power/control']
    await fc.assert(
      fc.asyncProperty(device, fc.constantFrom(...names), fc.uint8Array({maxLength: 20}), async (bdf, name, bytes) => {
        expect(await rejectedErrno(machine.kernel.write(attributePath(bdf, name), bytes))).toMatch(/^(?:none|E[A-Z]+)$/)
      }),
      {numRuns: 60},
    )
    balance(machine)
  })
})

describe('several processes', () => {
  const bundle = mkdtempSync(join(tmpdir(), 'tsmctl-sim-contend-'))
  afterAll(() => rmSync(bundle, {recursive: true, force: true}))

  it('that connect the same devices get each of them once', async () => {
    const machine = await make({name: 'short', text})
    const outfile = join(bundle, 'connect.mjs')
    await build({
      stdin: {
        contents: `import {simKernel} from './src/sim/kernel.js'
          const kernel = simKernel(process.argv[2])
          const answers = []
          for (const bdf of process.argv.slice(3))
            answers.push(await kernel.write('/sys/bus/pci/devices/' + bdf + '/tsm/connect', Buffer.from('tsm0')).then(() => 'ok', e => e.errno))
          console.log(answers.join(' '))`,
        resolveDir: new URL('../../', import.meta.url).pathname,
        loader: 'js',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile,
      logLevel: 'silent',
    })
    const run = promisify(execFile)
    const wanted = ['10000:41:00.0', '0000:05:00.0', '0000:03:00.0']
    const said = await Promise.all(
      [wanted, wanted.toReversed()].map(order => run(process.execPath, [outfile, machine.directory, ...order])),
    )
    const answers = said.flatMap(({stdout}) => stdout.trim().split(' '))
    expect(answers.sort()).toEqual(['EBUSY', 'EBUSY', 'EBUSY', 'ok', 'ok', 'ok'])
    balance(machine)
  })
})
