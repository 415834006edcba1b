/** The language of host scenarios: what is refused, where functions come to lie, what the platform around them is. */
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, describe, expect, it} from 'vitest'
import {valueOf} from '../../src/known.js'
import {inspectFunction, listFunctions, listTsms, walkDevices} from '../../src/pci/index.js'
import {createMachine, machineExists, machineStatus, resetMachine} from '../../src/sim/index.js'
import {shell} from './host-machines.js'
import {machines} from './machines.js'

const make = machines()
const root = mkdtempSync(join(tmpdir(), 'tsmctl-host-scenario-'))
afterAll(() => rmSync(root, {recursive: true, force: true}))

const BRIDGE = 'bridges: [{at: "0000:00"}]\n'
const PORT = 'ports: [{at: "0000:00:01.0", bus: 1, ide: {}}]\n'
const devices = (...specs: readonly string[]): string => `devices: [${specs.map(spec => `{${spec}}`).join(', ')}]\n`
const GPU = 'at: "0000:01:00.0", kind: gpu'

describe('a host scenario is refused, by place and reason', () => {
  it.each([
    [`tsm: link\n${devices()}`, 'bridges: is missing'],
    [`bridges: []\n${devices()}`, 'bridges: at least one host bridge'],
    [`bridges: [{at: "00"}]\n${devices()}`, 'bridges[0].at: a host bridge such as 0000:00'],
    [`bridges: [{at: "0000:00"}, {at: "0000:00"}]\n${devices()}`, 'a host bridge is there twice'],
    [`bridges: [{at: "0000:00", pool: 257}]\n${devices()}`, 'bridges[0].pool'],
    [`${BRIDGE}tsm: devsec\n${devices()}`, 'tsm: "devsec" is not one of link, none, absent'],
    [`${BRIDGE}nonce: ignored\n${devices()}`, 'nonce: only with devsec'],
    [`${BRIDGE}${devices(GPU)}`, 'devices[0].at: bus 0000:01 is behind no port and no host bridge'],
    [`${BRIDGE}${PORT}${devices(GPU, GPU)}`, 'devices[1].at: 0000:01:00.0 is there already'],
    [`${BRIDGE}${PORT}${devices(`${GPU}, model: X`)}`, 'devices[0]: only with devsec'],
    [`${BRIDGE}${PORT}${devices(`${GPU}, ide: {selective: 2, associations: [1]}`)}`, '1 numbers for 2 blocks'],
    [`${BRIDGE}${PORT}${devices(`${GPU}, ide: {streams: [{id: 1, block: 1}]}`)}`, 'streams[0].block: there are only 1'],
    [`${BRIDGE}${PORT}${devices(`${GPU}, ide: {selective: 200}`)}`, 'do not fit into configuration space'],
    [
      `${BRIDGE}${PORT}${devices(`${GPU}, totalVfs: 1`, 'at: "0000:01:00.1", kind: nvme')}`,
      '0000:01:00.1 is there already',
    ],
    [`${BRIDGE}${PORT}${devices(`${GPU}, bars: [{bar: 0, kind: mem32, size: 2 GiB}]`)}`, 'do not fit below 4 GiB'],
    [
      `${BRIDGE}${PORT}${devices(`${GPU}, bars: [{bar: 0, size: 4 KiB}, {bar: 1, size: 4 KiB}]`)}`,
      'BAR 1 does not fit',
    ],
    [`${BRIDGE}${PORT}${devices(`${GPU}, faults: [{at: now, do: vanish}]`)}`, 'now is for tsmctl sim inject'],
    [`${BRIDGE}ports: [{at: "0000:00:01.0", bus: 0}]\n${devices()}`, 'ports[0].bus'],
    [`${BRIDGE}ports: [{at: "0000:02:01.0", bus: 1}]\n${devices()}`, "not above the port's own bus"],
    [
      `${BRIDGE}ports: [{at: "0000:00:01.0", bus: 1}, {at: "0000:00:02.0", bus: 1}]\n${devices()}`,
      'bus 0000:01 is behind something else already',
    ],
    [`${BRIDGE}provider: {parent: "0000:c0:00.5"}\n${devices()}`, 'provider.parent: there is no 0000:c0:00.5'],
    [`${BRIDGE}provider: {like: sev}\n${devices()}`, 'provider.like: "sev" is not one of generic, sev-tio'],
  ])('%#: %j', async (text, message) => {
    const directory = join(root, 'machine')
    await expect(createMachine(directory, {name: 'mine.yaml', text: `title: A test\n${text}`})).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining(message) as unknown,
    })
    expect(machineExists(directory)).toBe(false)
  })
})

describe('a host as tsmctl sees it', () => {
  it('is what the scenario says: places, types, capabilities', async () => {
    const {kernel} = await make('nvme-host')
    const {functions} = listFunctions(kernel)
    expect(functions.map(({bdf, place}) => [bdf, valueOf(place)!.ports])).toEqual([
      ['0000:00:01.0', []],
      ['0000:01:00.0', ['0000:00:01.0']],
      ['0000:02:00.0', ['0000:00:01.0', '0000:01:00.0']],
      ['0000:02:01.0', ['0000:00:01.0', '0000:01:00.0']],
      ['0000:03:00.0', ['0000:00:01.0', '0000:01:00.0', '0000:02:00.0']],
      ['0000:04:00.0', ['0000:00:01.0', '0000:01:00.0', '0000:02:01.0']],
    ])
    const facts = await Promise.all(functions.map(({bdf}) => inspectFunction(kernel, bdf)))
    expect(JSON.stringify(facts, jsonSafe)).toContain('"known":true')
    expect(JSON.stringify(facts, jsonSafe)).not.toContain('"known":false')
  })

  it('has virtual functions where the SR-IOV capability puts them, also on the next bus', async () => {
    const text = `title: Far
${BRIDGE}ports: [{at: "0000:00:01.0", bus: 1}]
devices: [{at: "0000:01:1f.0", kind: nvme, totalVfs: 3, vfOffset: 4, vfStride: 4}]
`
    const machine = await make({name: 'far', text})
    const {read, write, list} = shell(machine)
    const pf = '0000:01:1f.0'
    expect(await write(`${pf}/sriov_numvfs`, '4')).toBe('ERANGE')
    expect(await write(`${pf}/sriov_numvfs`, '3')).toBe('ok')
    expect(await write(`${pf}/sriov_numvfs`, '2')).toBe('EBUSY')
    expect(list('/sys/bus/pci/devices')).toBe('0000:00:01.0 0000:01:1f.0 0000:01:1f.4 0000:02:00.0 0000:02:00.4')
    expect(machine.kernel.readlink(`/sys/bus/pci/devices/${pf}/virtfn2`)).toBe('../0000:02:00.4')
    expect(machine.kernel.readlink('/sys/bus/pci/devices/0000:02:00.4/physfn')).toBe(`../${pf}`)
    expect(read('0000:02:00.4/vendor')).toBe('0x7e57')
    // its own configuration space does not say who it is
    const config = machine.kernel.read('/sys/bus/pci/devices/0000:02:00.4/config')
    expect(Buffer.from(config.subarray(0, 4)).toString('hex')).toBe('ffffffff')
    expect(await write(`${pf}/remove`, '1')).toBe('ok')
    expect(list('/sys/bus/pci/devices')).toBe('0000:00:01.0')
    await write('/sys/bus/pci/rescan', '1')
    expect([list('/sys/bus/pci/devices'), read(`${pf}/sriov_numvfs`)]).toEqual(['0000:00:01.0 0000:01:1f.0', '0'])
  })

  it('names the device behind the TSM', async () => {
    const amd = await make('gpu-host')
    expect(listTsms(amd.kernel).list).toMatchObject([{name: 'tsm0', parentBdf: '0000:c0:00.5'}])
    expect(listTsms((await make('nvme-host')).kernel).list).toMatchObject([{name: 'tsm0', parentBdf: undefined}])
  })

  it('is a machine with Linux 7.3, its IOMMU and its processor', async () => {
    const {read, list} = shell(await make('gpu-host'))
    expect(read('/proc/sys/kernel/osrelease')).toBe('7.3.4-sim')
    expect(read('/proc/cpuinfo')).toContain('vendor_id\t: AuthenticAMD')
    expect(read('/proc/cmdline')).toContain('BOOT_IMAGE')
    expect(read('/sys/module/ccp/parameters/tio')).toBe('Y')
    expect(read('/sys/module/kvm_amd/parameters/sev_snp')).toBe('Y')
    expect(list('/sys/class/iommu')).toBe('ivhd0')
    expect(list('/sys/class/iommu/ivhd0/devices')).toBe('0000:01:00.0 0000:02:00.0 0000:41:00.0 0000:c0:00.5')
    expect(read('0000:41:00.0/numa_node')).toBe('1')
  })

  it('can be walked as a whole', async () => {
    const {kernel} = await make('multi-segment')
    const {hostBridges} = await walkDevices(kernel)
    expect(hostBridges.map(({name}) => name)).toEqual(['pci0000:00', 'pci10000:e0', 'pci10001:00'])
  })

  it('boots anew without its connections', async () => {
    const machine = await make('nvme-host')
    await shell(machine).write('0000:03:00.0/tsm/connect', 'tsm0')
    expect(machineStatus(machine.directory).host!.streams).toHaveLength(1)
    await resetMachine(machine.directory)
    expect(machineStatus(machine.directory).host).toMatchObject({tsm: 'tsm0', connected: [], streams: []})
  })
})

function jsonSafe(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
