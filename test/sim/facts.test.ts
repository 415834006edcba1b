import {beforeAll, describe, expect, it} from 'vitest'
import {decodeIde} from '../../src/ide/index.js'
import {valueOf} from '../../src/known.js'
import {
  type Bar,
  capabilityOf,
  DOE,
  type FunctionFacts,
  inspectFunction,
  MSIX,
  SERIAL_NUMBER,
  SRIOV,
  walkDevices,
} from '../../src/pci/index.js'
import {INTERFACE_REPORT, interfaceReportFacts, placeRanges} from '../../src/tdisp/index.js'
import {dump} from './dump.js'
import {GPU, lockDevice, machines, NIC, NVME, PLAIN, type TestMachine} from './machines.js'

const make = machines()
let machine: TestMachine
const facts = new Map<string, FunctionFacts>()
const ALL = ['0000:00:01.0', '0000:00:02.0', '0000:00:03.0', PLAIN, GPU, NVME, NIC]

beforeAll(async () => {
  machine = await make()
  for (const bdf of ALL) facts.set(bdf, await inspectFunction(machine.kernel, bdf))
})

const of = (bdf: string): FunctionFacts => facts.get(bdf)!
const space = (bdf: string) => valueOf(of(bdf).config)!

describe('the guest as the PCI room reads it', () => {
  it('is a host bridge with a root port before every TEE device', async () => {
    const topology = await walkDevices(machine.kernel, {tsm: true})
    expect(topology.functions.map(({bdf}) => bdf)).toEqual(ALL)
    expect(topology.vanished).toEqual([])
    expect(topology.hostBridges.map(({name}) => name)).toEqual(['pci0000:00'])
    expect(topology.functions.map(({place}) => valueOf(place)!.ports)).toEqual([
      [],
      [],
      [],
      [],
      ['0000:00:01.0'],
      ['0000:00:02.0'],
      ['0000:00:03.0'],
    ])
    expect(topology.tsms).toMatchObject({
      core: {known: true, value: true},
      list: [{name: 'tsm0', mode: {value: {value: 'devsec'}}}],
    })
    expect(topology.tsmAttributes.get(GPU)).toMatchObject({
      lock: {present: true, value: {value: ''}},
      accept: {present: true, value: {value: '0'}},
      connect: {present: false},
    })
  })

  it.each(ALL)('%s: registers and attributes agree, and nothing is odd', bdf => {
    const {ids, revision, resources} = of(bdf)
    const {header, findings} = space(bdf)
    expect(findings).toEqual([])
    const {fields} = valueOf(header)!
    expect([fields.vendorId, fields.deviceId, fields.revision]).toEqual([
      valueOf(ids)!.vendor,
      valueOf(ids)!.device,
      revision.present && valueOf(revision.value),
    ])
    expect([fields.memorySpace, fields.busMaster]).toEqual([true, true])
    expect(valueOf(resources)).toBeDefined()
  })

  it.each([
    [GPU, '0x030200', true, true, 0],
    [NVME, '0x010802', true, true, 0],
    [NIC, '0x020000', true, false, 8],
    [PLAIN, '0x020000', false, false, 0],
  ])('%s has what its kind has', (bdf, classCode, teeIo, ide, vfs) => {
    expect(machine.read(bdf, 'class')).toBe(classCode)
    const config = space(bdf)
    expect(valueOf(config.teeIo)).toBe(teeIo)
    expect(valueOf(config.express)!.flr).toBe(true)
    expect(valueOf(capabilityOf(config, DOE)) !== undefined).toBe(teeIo)
    expect(valueOf(capabilityOf(config, SRIOV))?.totalVfs ?? 0).toBe(vfs)
    expect(valueOf(config.ide) !== undefined).toBe(ide)
    const {doeFeatures, sriov} = of(bdf)
    expect(doeFeatures.present).toBe(teeIo)
    expect(sriov.present ? valueOf(valueOf(sriov.value)!.totalVfs) : 0).toBe(vfs)
  })

  it('IDE shows one secure, TEE-limited default stream', () => {
    const {kernel} = machine
    const bytes = kernel.read(`/sys/bus/pci/devices/${GPU}/config`)
    const ide = decodeIde(bytes, valueOf(space(GPU).ide)!)
    expect(ide).toMatchObject({promised: {link: 0, selective: 1}, complete: true, findings: []})
    expect(ide.selectiveStreams).toMatchObject([
      {enabled: true, secure: true, defaultStream: true, teeLimited: true, streamId: 1},
    ])
  })

  it('the serial number capability is the serial_number attribute', () => {
    const {serialNumber} = valueOf(capabilityOf(space(GPU), SERIAL_NUMBER))!
    expect(machine.read(GPU, 'serial_number').replaceAll('-', '')).toBe(serialNumber.toString(16).padStart(16, '0'))
  })

  it('BAR registers hold the addresses of the resource file, apart from each other and inside the window', () => {
    const taken: (readonly [bigint, bigint])[] = []
    for (const bdf of [GPU, NVME, NIC, PLAIN]) {
      const {bars} = valueOf(of(bdf).resources)!
      const config = machine.kernel.read(`/sys/bus/pci/devices/${bdf}/config`)
      for (const bar of bars.filter((one): one is Exclude<Bar, {kind: 'upper-half'}> => one.kind !== 'upper-half')) {
        const data = new DataView(config.buffer)
        const at = 0x10 + 4 * bar.index
        const low = BigInt(data.getUint32(at, true))
        const high = bar.kind === 'mem64' ? BigInt(data.getUint32(at + 4, true)) : 0n
        expect(high * 2n ** 32n + low - (low % 16n)).toBe(bar.start)
        const end = bar.start + valueOf(bar.size)!
        expect(taken.filter(([from, to]) => bar.start < to && from < end)).toEqual([])
        taken.push([bar.start, end])
      }
    }
    expect(taken).toHaveLength(9)
  })
})

async function placementOf(bdf: string) {
  await lockDevice(machine, bdf)
  const {report} = await dump(machine.kernel, bdf)
  const decoded = interfaceReportFacts(INTERFACE_REPORT.decode(report!))
  const bars = valueOf(of(bdf).resources)!.bars.flatMap(bar =>
    bar.kind === 'upper-half' ? [] : [{bar: bar.index, kind: 'memory' as const, size: valueOf(bar.size)!}],
  )
  const msix = valueOf(capabilityOf(space(bdf), MSIX))!
  const {tableBar, tableOffset, pbaBar, pbaOffset, lastVector} = msix
  const locked = {
    tableBar,
    tableOffset: BigInt(tableOffset * 8),
    pbaBar,
    pbaOffset: BigInt(pbaOffset * 8),
    entries: lastVector + 1,
    locked: true,
  }
  return {decoded, msix, placement: placeRanges(decoded.ranges, bars, locked), bars, locked}
}

describe('interface reports', () => {
  it.each([GPU, NVME])('%s: the ranges are its BARs, whichever convention one believes in', async bdf => {
    const {decoded, placement, msix, bars, locked} = await placementOf(bdf)
    expect(decoded).toMatchObject({firmwareUpdates: 'refused', ats: false, prs: false, problems: [], reserved: []})
    expect(decoded.msix).toMatchObject({tableEntries: msix.lastVector + 1, enable: msix.enable})
    expect(decoded.ranges.filter(({nonTee, updatable}) => nonTee || updatable)).toEqual([])
    expect(placement).toMatchObject({anchored: true, mode: 'both', problems: []})
    for (const mode of ['bar-aligned', 'relative'] as const)
      expect(placeRanges(decoded.ranges, bars, locked, mode).anchored).toBe(true)
  })

  it('of the NIC claims sixteen pages more than BAR 0 has, and nothing else is wrong', async () => {
    const {decoded, placement} = await placementOf(NIC)
    expect(decoded.problems).toEqual([])
    expect(placement.anchored).toBe(false)
    expect(placement.problems.filter(({kind}) => kind !== 'not-anchored')).toMatchObject([
      {kind: 'outside-bar', bar: 0, range: 0},
    ])
  })
})
