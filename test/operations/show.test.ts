/** What `show` says about a function beyond its registers, and that `ide show` says the same. */
import {beforeAll, describe, expect, it} from 'vitest'
import type {Kernel} from '../../src/kernel/index.js'
import {connect, listIde, showDevice, showIde} from '../../src/operations/index.js'
import {machines} from '../sim/machines.js'

const make = machines()
const NVME = '0000:01:00.0'
const VF = '0000:01:00.1'
const SCENARIO = `
title: An NVMe with virtual functions
provider: {like: generic}
bridges: [{at: "0000:00"}]
ports: [{at: "0000:00:01.0", bus: 1, ide: {selective: 2}}]
devices: [{at: "${NVME}", kind: nvme, totalVfs: 4, ide: {selective: 2}}]
`
const said = async (kernel: Kernel, bdf: string, row: string): Promise<string | undefined> =>
  (await showDevice(kernel, bdf)).text
    .split('\n')
    .find(line => line.startsWith(`  ${row}  `))
    ?.slice(row.length + 2)
    .trim()

describe('the state', () => {
  let kernel: Kernel

  beforeAll(async () => {
    const machine = await make({name: 'vfs', text: SCENARIO})
    ;({kernel} = machine)
    await machine.write(NVME, 'sriov_numvfs', '2')
    await connect(kernel, NVME)
  })

  it('of a virtual function is that of its DSM, and it is a TSM device', async () =>
    expect([await said(kernel, NVME, 'state'), await said(kernel, VF, 'state')]).toEqual([
      'connected',
      `no connection of its own: it depends on that of ${NVME}`,
    ]))

  it('of a port is that it has none', async () =>
    expect(await said(kernel, '0000:00:01.0', 'state')).toBe('not a TSM device'))

  it('comes with what authenticated and tsm/ do not mean, in plain characters', async () => {
    for (const bdf of ['0000:00:01.0', NVME, VF]) {
      const {text} = await showDevice(kernel, bdf)
      expect(text).toMatch(/ {2}authenticated .*(?:never means unauthenticated|no certificate was judged)/)
      expect(text).not.toMatch(/\\x/)
    }
  })
})

it('blocks of a function whose IDE Linux ignores are not used by Linux, in any view', async () => {
  const {kernel} = await make('firmware-stream')
  const {subjects, text} = await showIde(kernel, ['0000:01:00.0'])
  const [{blocks, streams} = {blocks: [], streams: []}] = subjects
  expect(blocks.map(({usableByLinux}) => usableByLinux)).toEqual([false, false])
  expect(streams.map(({nearBlock, farBlock}) => [nearBlock?.usableByLinux, farBlock?.usableByLinux])).toEqual([
    [true, false],
  ])
  expect(text).toMatch(/selective 1 .* no\n/)
})

it('a guest is told to connect on the host, not that its device lacks IDE', async () => {
  const {kernel} = await make('guest')
  await expect(connect(kernel, NVME)).rejects.toMatchObject({
    kind: 'unsupported',
    got: expect.stringContaining("guest's side"),
    hint: expect.stringContaining('tsmctl admit'),
  })
})

it('ide show of what nothing is called says what it takes', async () => {
  const {kernel} = await make('gpu-host')
  await expect(showIde(kernel, ['nonsense'])).rejects.toMatchObject({
    kind: 'usage',
    got: 'it is no PCI function, host bridge or stream',
    hint: expect.stringContaining('pci0000:00/stream0.0.0'),
  })
})

const listOf = async (scenario: string): Promise<string> => (await listIde((await make(scenario)).kernel)).text

it('ide list of a guest says whose the other ends are, and that of a host does not', async () => {
  expect(await listOf('guest')).toMatch(/^This is a guest: .* the host's\./m)
  expect(await listOf('firmware-stream')).not.toMatch(/guest/)
})
