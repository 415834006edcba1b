/** A simulated host's kernel: who shows what, what it makes of IDE capabilities, how it accounts for streams. */
import {describe, expect, it} from 'vitest'
import {injectFault, machineStatus} from '../../src/sim/index.js'
import {ideOf, shell} from './host-machines.js'
import {machines, type TestMachine} from './machines.js'

const make = machines()

const IDE = 'ide: {selective: 2}'
/** A host with root ports 01.0 (bus 1), 02.0 (bus 2) and so on as `ports` says, and `devices`. */
const host = (ports: readonly string[], devices: readonly string[], rest = ''): {name: string; text: string} => ({
  name: 'test',
  text: [
    'title: A test',
    rest,
    'bridges: [{at: "0000:00"}]',
    'ports:',
    ...ports.map((spec, i) => `  - {at: "0000:00:0${i + 1}.0", bus: ${i + 1}${spec === '' ? '' : `, ${spec}`}}`),
    'devices:',
    ...devices.map(spec => `  - {${spec}}`),
  ].join('\n'),
})

const connect = (machine: TestMachine, bdf: string): Promise<string> =>
  shell(machine).write(`${bdf}/tsm/connect`, 'tsm0')
const disconnect = (machine: TestMachine, bdf: string): Promise<string> =>
  shell(machine).write(`${bdf}/tsm/disconnect`, 'tsm0')

describe('which functions show tsm/', () => {
  const PF0 = 'bound connect disconnect dsm'
  const NO_TEE = 'connect disconnect dsm'
  it.each([
    ['TEE and IDE', 'kind: gpu', PF0],
    ['TEE without IDE', 'kind: gpu, ide: {selective: 0}', PF0],
    ['IDE without TEE', 'kind: gpu, tee: false', NO_TEE],
    ['neither', 'kind: gpu, tee: false, ide: {selective: 0}', 'ENOENT'],
    ['a Link stream is no IDE to Linux', 'kind: gpu, tee: false, ide: {selective: 0, link: 1}', 'ENOENT'],
    ['a legacy endpoint', 'kind: gpu, type: legacy', 'ENOENT'],
  ])('function 0 of an endpoint with %s', async (_, spec, files) => {
    const machine = await make(host([IDE], [`at: "0000:01:00.0", ${spec}`]))
    expect(shell(machine).list('0000:01:00.0/tsm')).toBe(files)
    expect(shell(machine).read('0000:01:00.0/authenticated')).toBe(files === 'ENOENT' ? 'ENOENT' : '')
  })

  it('an integrated endpoint does, a root port and another function do not', async () => {
    const devices = [
      'at: "0000:00:10.0", kind: gpu',
      'at: "0000:01:00.0", kind: gpu',
      'at: "0000:01:00.1", kind: gpu, ide: {selective: 0}',
    ]
    const {list} = shell(await make(host([IDE], devices)))
    expect(list('0000:00:10.0/tsm')).toBe(PF0)
    for (const bdf of ['0000:00:01.0', '0000:01:00.1']) expect(list(`${bdf}/tsm`)).toBe('ENOENT')
  })

  it.each(['none', 'absent'])('nobody does on a kernel whose TSM is %s', async tsm => {
    const {list} = shell(await make(host([IDE], ['at: "0000:01:00.0", kind: gpu'], `tsm: ${tsm}`)))
    expect(list('0000:01:00.0/tsm')).toBe('ENOENT')
    expect(list('/sys/class/tsm')).toBe(tsm === 'none' ? '' : 'ENOENT')
    expect(list('/sys/devices/pci0000:00').includes('available_secure_streams')).toBe(tsm === 'none')
  })

  it('everybody does as soon as the TSM registers, and nobody when it is gone', async () => {
    const machine = await make(host([IDE], ['at: "0000:01:00.0", kind: gpu'], 'provider: {registered: false}'))
    const {list} = shell(machine)
    const device = '0000:01:00.0'
    expect([list('/sys/class/tsm'), list(`${device}/tsm`)]).toEqual(['', 'ENOENT'])
    await injectFault(machine.directory, {device, at: 'now', do: 'tsm-back'})
    expect([list('/sys/class/tsm'), list(`${device}/tsm`)]).toEqual(['tsm0', PF0])
    await injectFault(machine.directory, {device, at: 'now', do: 'tsm-gone'})
    expect([list('/sys/class/tsm'), list(`${device}/tsm`)]).toEqual(['', 'ENOENT'])
  })
})

describe('functions that depend on a connected DSM', () => {
  const devices = [
    'at: "0000:01:00.0", kind: nvme, totalVfs: 2, vfOffset: 4, ide: {selective: 2}',
    'at: "0000:01:00.1", kind: virtio-net',
  ]
  const DEPENDANTS = ['0000:01:00.1', '0000:01:00.4', '0000:01:00.5']

  it('get a context on connect, also later, and lose it on disconnect', async () => {
    const machine = await make(host([IDE], devices))
    const {list, read, write} = shell(machine)
    expect(await write('0000:01:00.0/sriov_numvfs', '1')).toBe('ok')
    expect(await connect(machine, '0000:01:00.0')).toBe('ok')
    const shown = () => DEPENDANTS.map(bdf => list(`${bdf}/tsm`))
    expect(shown()).toEqual(['bound dsm', 'bound dsm', 'ENOENT'])
    expect(read('0000:01:00.4/tsm/dsm')).toBe('0000:01:00.0')
    expect(read('0000:01:00.4/authenticated')).toBe('tsm0')
    expect(await write('0000:01:00.0/sriov_numvfs', '0')).toBe('ok')
    expect(await write('0000:01:00.0/sriov_numvfs', '2')).toBe('ok')
    expect(shown()).toEqual(['bound dsm', 'bound dsm', 'bound dsm'])
    expect(await disconnect(machine, '0000:01:00.0')).toBe('ok')
    expect(shown()).toEqual(['ENOENT', 'ENOENT', 'ENOENT'])
    expect(machineStatus(machine.directory).host).toMatchObject({connected: [], streams: []})
  })

  it.each([
    ['the DSM has no TEE', [`${devices[0]!}, tee: false, doe: [["0001:01", "0001:02"]]`, devices[1]!], ''],
    ['the TSM gives none', devices, 'provider: {subfunctions: false}'],
    ['the TSM is of AMD', devices, 'provider: {like: sev-tio}'],
  ])('get none when %s', async (_, given, rest) => {
    const machine = await make(host([IDE], given, rest))
    const {list, write} = shell(machine)
    await write('0000:01:00.0/sriov_numvfs', '2')
    expect(await connect(machine, '0000:01:00.0')).toBe('ok')
    expect(DEPENDANTS.map(bdf => list(`${bdf}/tsm`))).toEqual(['ENOENT', 'ENOENT', 'ENOENT'])
  })

  it('are those one level below an upstream port that is the DSM', async () => {
    const text = `title: A switch with a DSM
bridges: [{at: "0000:00"}]
ports:
  - {at: "0000:00:01.0", bus: 1}
  - {at: "0000:01:00.0", bus: 2, tee: true, doe: [["0001:01", "0001:02"]]}
  - {at: "0000:02:00.0", bus: 3}
  - {at: "0000:02:01.0", bus: 4}
  - {at: "0000:04:00.0", bus: 5}
  - {at: "0000:05:00.0", bus: 6}
devices:
  - {at: "0000:03:00.0", kind: virtio-net}
  - {at: "0000:06:00.0", kind: virtio-net}
`
    const machine = await make({name: 'switch', text})
    const {list, read} = shell(machine)
    expect(list('0000:01:00.0/tsm')).toBe('bound connect disconnect dsm')
    expect(await connect(machine, '0000:01:00.0')).toBe('ok')
    expect(read('0000:03:00.0/tsm/dsm')).toBe('0000:01:00.0')
    expect(list('0000:06:00.0/tsm')).toBe('ENOENT')
  })
})

const ids = (machine: TestMachine, bdf: string): number[] =>
  ideOf(machine, bdf)!.selectiveStreams.map(({streamId}) => streamId)

describe('what the kernel makes of an IDE capability', () => {
  const device = '0000:01:00.0'
  const NO_TEE = `at: "${device}", kind: nvme, tee: false`
  const accepted = (machine: TestMachine): boolean => shell(machine).list(`${device}/tsm`) !== 'ENOENT'

  it('ignores an endpoint whose root port has none', async () => {
    expect(accepted(await make(host([''], [`${NO_TEE}, ide: {selective: 2}`])))).toBe(false)
    expect(accepted(await make(host([IDE], [`${NO_TEE}, ide: {selective: 2}`])))).toBe(true)
  })

  it('gives idle blocks ID 255, and 0 after their first stream', async () => {
    const machine = await make(host([IDE], [`at: "${device}", kind: nvme, ide: {selective: 2}`]))
    expect([ids(machine, '0000:00:01.0'), ids(machine, device)]).toEqual([
      [255, 255],
      [255, 255],
    ])
    await connect(machine, device)
    await disconnect(machine, device)
    expect([ids(machine, '0000:00:01.0'), ids(machine, device)]).toEqual([
      [0, 255],
      [0, 255],
    ])
  })

  it('keeps only the blocks before the number of address associations changes', async () => {
    const machine = await make(host([IDE], [`${NO_TEE}, ide: {selective: 3, associations: [1, 1, 2]}`]))
    expect(ids(machine, device)).toEqual([255, 255, 0])
  })

  it('takes live IDs out of the pool, and drops a function that claims one a second time', async () => {
    const machine = await make('firmware-stream')
    const {read, write} = shell(machine)
    expect(machineStatus(machine.directory).host!.bridges.map(({claimed}) => claimed)).toEqual([[5], [0], []])
    // the root port has it, so the GPU's claim fails: no IDE, and this TSM must have a stream
    expect(await connect(machine, '0000:01:00.0')).toBe('EFAULT')
    expect(await connect(machine, '0000:02:00.0')).toBe('ok')
    for (let i = 0; i < 3; i++) expect(await connect(machine, '0000:42:00.0')).toBe('EBUSY')
    expect(read('/sys/devices/pci0000:40/available_secure_streams')).toBe('256')
    expect(await write('0000:02:00.0/tsm/disconnect', 'tsm0')).toBe('ok')
  })

  it.each([
    ['a Link stream', '{selective: 2, link: 1, streams: [{id: 3, link: true}]}', [3], true],
    ['two streams of different IDs', '{selective: 2, streams: [{id: 3}, {id: 4, block: 1}]}', [3, 4], true],
    ['two streams of one ID', '{selective: 2, streams: [{id: 3}, {id: 3, block: 1}]}', [3], false],
    ['a stream with the ID of idle blocks', '{selective: 2, streams: [{id: 255}]}', [], false],
    [
      'a stream behind a change of associations',
      '{selective: 2, associations: [1, 2], streams: [{id: 3, block: 1}]}',
      [],
      true,
    ],
  ])('claims the IDs of %s at a root port', async (_, ide, claimed, usable) => {
    const machine = await make(host([`ide: ${ide}`], [`${NO_TEE}, ide: {selective: 2}`]))
    expect(machineStatus(machine.directory).host!.bridges[0]!.claimed).toEqual(claimed)
    expect(accepted(machine)).toBe(usable)
  })

  it('does not give away blocks that were in use already', async () => {
    const root = 'ide: {selective: 2, streams: [{block: 0, id: 9}]}'
    const machine = await make(host([root], [`at: "${device}", kind: nvme`]))
    expect(await connect(machine, device)).toBe('ok')
    expect(shell(machine).bridge('pci0000:00')).toBe('stream0.1.0 avail=255')
  })
})

describe('a stream', () => {
  it('runs from the root port’s block to the endpoint’s, with RIDs and the windows of the bridge above', async () => {
    const machine = await make('nvme-host')
    const {write} = shell(machine)
    expect(await write('0000:03:00.0/sriov_numvfs', '2')).toBe('ok')
    expect(await connect(machine, '0000:03:00.0')).toBe('ok')
    const root = ideOf(machine, '0000:00:01.0')!.selectiveStreams[0]!
    const end = ideOf(machine, '0000:03:00.0')!.selectiveStreams[0]!
    expect(root).toMatchObject({enabled: true, secure: true, streamId: 0, configRequests: true, teeLimited: true})
    expect(end).toMatchObject({enabled: true, secure: true, streamId: 0, configRequests: true, teeLimited: true})
    expect(root.rid).toMatchObject({valid: true, base: 0x0300, limit: 0x0302})
    expect(end.rid).toMatchObject({valid: true, base: 0x0008, limit: 0x0008})
    expect(end.addresses).toEqual([])
    const resource = Buffer.from(machine.kernel.read('/sys/bus/pci/devices/0000:02:00.0/resource')).toString()
    const [start, limit] = resource.split('\n')[14]!.split(' ')
    expect(root.addresses.filter(({valid}) => valid)).toMatchObject([{base: BigInt(start!), limit: BigInt(limit!)}])
    // the virtual functions that come later are not covered
    await write('0000:03:00.0/sriov_numvfs', '0')
    await write('0000:03:00.0/sriov_numvfs', '4')
    expect(ideOf(machine, '0000:00:01.0')!.selectiveStreams[0]!.rid.limit).toBe(0x0302)
  })

  it('of AMD’s TSM covers every RID, is the endpoint’s default and carries configuration requests at the port', async () => {
    const machine = await make('gpu-host')
    expect(await connect(machine, '0000:41:00.0')).toBe('ok')
    const root = ideOf(machine, '0000:40:01.1')!.selectiveStreams[0]!
    const end = ideOf(machine, '0000:41:00.0')!.selectiveStreams[0]!
    for (const {rid} of [root, end]) expect(rid).toMatchObject({valid: true, base: 0, limit: 0xffff})
    expect(root).toMatchObject({defaultStream: false, configRequests: true, teeLimited: false})
    expect(end).toMatchObject({defaultStream: true, configRequests: false, teeLimited: true})
  })

  it('takes the lowest free slot, block and ID of each pool', async () => {
    const machine = await make('nvme-host')
    const {bridge} = shell(machine)
    expect(await connect(machine, '0000:03:00.0')).toBe('ok')
    expect(await connect(machine, '0000:04:00.0')).toBe('ok')
    expect(bridge('pci0000:00')).toBe('stream0.0.0 stream1.1.0 avail=254')
    await disconnect(machine, '0000:03:00.0')
    expect(bridge('pci0000:00')).toBe('stream1.1.0 avail=255')
    await connect(machine, '0000:03:00.0')
    expect(bridge('pci0000:00')).toBe('stream0.0.0 stream1.1.0 avail=254')
    expect(machine.kernel.readlink('/sys/devices/pci0000:00/stream1.1.0')).toBe(
      '0000:00:01.0/0000:01:00.0/0000:02:01.0/0000:04:00.0',
    )
  })

  it('may have the same ID below another host bridge', async () => {
    const machine = await make('multi-segment')
    for (const bdf of ['0000:01:00.0', '10000:e1:00.0', '10001:01:00.0']) expect(await connect(machine, bdf)).toBe('ok')
    for (const name of ['pci0000:00', 'pci10000:e0', 'pci10001:00'])
      expect(shell(machine).bridge(name)).toBe('stream0.0.0 avail=255')
  })

  it('is refused when a pool is empty, and possible again when somebody disconnects', async () => {
    const machine = await make('few-streams')
    const outcome = async (bdfs: readonly string[]) => Promise.all(bdfs.map(bdf => connect(machine, bdf)))
    expect(await outcome(['0000:01:00.0', '0000:02:00.0'])).toEqual(['ok', 'ok'])
    expect(await connect(machine, '0000:03:00.0')).toBe('EFAULT')
    await disconnect(machine, '0000:01:00.0')
    expect(await connect(machine, '0000:03:00.0')).toBe('ok')
    // the root port's two blocks
    expect(await outcome(['0000:43:00.0', '0000:44:00.0'])).toEqual(['ok', 'ok'])
    expect(await connect(machine, '0000:45:00.0')).toBe('EFAULT')
  })

  it.each([
    ['generic', 'gpu, doe: []', 'ENXIO'],
    ['generic', 'gpu, doe: [["0001:01"], ["0001:02"]]', 'EFAULT'],
    ['generic', 'gpu, ide: {selective: 0}', 'ok'],
    ['sev-tio', 'gpu, ide: {selective: 0}', 'EFAULT'],
  ])('with %s, connect of a %s is %s', async (like, kind, answer) => {
    const spec = `at: "0000:01:00.0", kind: ${kind}`
    expect(await connect(await make(host([IDE], [spec], `provider: {like: ${like}}`)), '0000:01:00.0')).toBe(answer)
  })

  it('cannot be had by an integrated endpoint', async () => {
    const machine = await make(host([IDE], ['at: "0000:00:10.0", kind: gpu']))
    expect(await connect(machine, '0000:00:10.0')).toBe('EFAULT')
  })
})
