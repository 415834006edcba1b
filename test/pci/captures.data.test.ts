/** Captures of a running Linux PCI/TSM core, through the steps of a host connecting and a guest locking devices. */
import {existsSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {openReplay} from '../../src/kernel/index.js'
import {known, type Present, valueOf} from '../../src/known.js'
import {
  type Bdf,
  capabilityOf,
  CMA_SPDM,
  decodeConfigSpace,
  inspectFunction,
  listFunctions,
  listTsms,
  SRIOV,
  type Topology,
  walkDevices,
} from '../../src/pci/index.js'

const DATA = new URL('../../../shared/data/sysfs/', import.meta.url)
const MISSING = existsSync(DATA) ? '' : ' (skipped: no ../shared/data/sysfs)'

const open = (name: string) => openReplay(fileURLToPath(new URL(`${name}.json`, DATA)))
const ALL = [
  'stock-6.12',
  '0-stock',
  '1-no-tsm',
  '2-tsm-loaded',
  '3-connected',
  '4-bound',
  '5-disconnected',
  '6-devsec-loaded',
  '7-locked',
  '8-run',
  '9-tvm',
]

const said = <T>(fact: Present<T>): T | undefined => (fact.present ? valueOf(fact.value) : undefined)

/** Functions that have an attribute, with what it says. */
const where = (
  {functions, tsmAttributes}: Topology,
  name: 'connect' | 'dsm' | 'bound' | 'authenticated' | 'lock' | 'accept',
): Record<Bdf, string> =>
  Object.fromEntries(
    functions.flatMap(({bdf}) => {
      const text = said(tsmAttributes.get(bdf)![name])
      return text === undefined ? [] : [[bdf.slice(5), text]]
    }),
  )

const streams = ({hostBridges}: Topology): Record<string, string | undefined> =>
  Object.fromEntries(
    hostBridges.flatMap(({name, streams: links}) =>
      valueOf(links)!.map(link => [`${name}/${link.name}`, valueOf(link.endpoint)]),
    ),
  )

const free = ({hostBridges}: Topology): (number | undefined)[] =>
  hostBridges.map(({availableSecureStreams}) => said(availableSecureStreams))

describe.skipIf(MISSING !== '')(`captures of a running kernel${MISSING}`, () => {
  it.each(ALL)('%s walks without findings, unknowns or vanished functions', async name => {
    const kernel = open(name)
    const topology = await walkDevices(kernel, {tsm: true})
    expect(topology.vanished).toEqual([])
    expect(topology.functions.length).toBeGreaterThan(10)
    for (const {bdf, place, ids} of topology.functions) {
      expect(place.known && ids.known).toBe(true)
      const facts = await inspectFunction(kernel, bdf)
      const {config, resources} = facts
      expect(valueOf(config)).toMatchObject({gone: false, findings: []})
      expect(resources.known).toBe(true)
      // the header of a VF has no IDs; the kernel knows them from the physical function
      const {fields} = valueOf(valueOf(config)!.header)!
      if (!facts.physfn.present)
        expect([fields.vendorId, fields.deviceId]).toEqual([valueOf(ids)!.vendor, valueOf(ids)!.device])
      else expect(fields.vendorId).toBe(0xffff)
    }
  })

  it('3-connected has the ports and switches it was built with', () => {
    const places = Object.fromEntries(
      listFunctions(open('3-connected')).functions.map(({bdf, place}) => {
        const {hostBridge, ports} = valueOf(place)!
        return [bdf.slice(5), [hostBridge, ...ports.map(port => port.slice(5))].join(' ')]
      }),
    )
    expect(places).toMatchObject({
      '00:03.0': 'pci0000:00',
      '01:00.0': 'pci0000:00 00:03.0',
      '01:00.1': 'pci0000:00 00:03.0',
      '01:00.2': 'pci0000:00 00:03.0',
      '02:00.0': 'pci0000:00 00:04.0',
      '02:00.1': 'pci0000:00 00:04.0',
      '03:00.0': 'pci0000:00 00:05.0',
      '04:00.0': 'pci0000:00 00:05.0 03:00.0',
      '05:00.0': 'pci0000:00 00:05.0 03:00.0 04:00.0',
      '06:00.0': 'pci0000:00 00:05.0 03:00.0 04:01.0',
      '40:00.0': 'pci0000:40',
      '41:00.0': 'pci0000:40 40:00.0',
    })
    expect(Object.keys(places)).toHaveLength(22)
  })

  it('no TSM core, no host bridge attribute and no DOE on 6.12', async () => {
    const topology = await walkDevices(open('stock-6.12'), {tsm: true})
    expect(topology.tsms).toEqual({core: known(false), list: []})
    expect(topology.hostBridges.every(({availableSecureStreams}) => !availableSecureStreams.present)).toBe(true)
    const {doeFeatures} = await inspectFunction(open('stock-6.12'), '0000:01:00.0')
    expect(doeFeatures).toEqual({present: false})
  })

  it.each([
    ['0-stock', [256, 256]],
    ['1-no-tsm', [2, 2]],
    ['2-tsm-loaded', [2, 2]],
    ['3-connected', [0, 1]],
    ['4-bound', [0, 1]],
    ['5-disconnected', [2, 2]],
  ])('%s has %j free stream slots', async (name, slots) => expect(free(await walkDevices(open(name)))).toEqual(slots))

  it.each([
    ['0-stock', true, []],
    ['1-no-tsm', true, []],
    ['2-tsm-loaded', true, ['/sys/devices/platform/tsmtest_link']],
    ['3-connected', true, ['/sys/devices/platform/tsmtest_link']],
    ['6-devsec-loaded', true, ['/sys/devices/platform/tsmtest_devsec']],
    ['9-tvm', true, []],
  ])('%s has a TSM core %s with providers %j', (name, core, parents) => {
    const tsms = listTsms(open(name))
    expect(tsms.core).toEqual({known: true, value: core})
    expect(tsms.list.map(({parent}) => parent)).toEqual(parents)
    for (const {mode} of tsms.list) expect(mode).toEqual({present: false})
  })

  it('a loaded TSM makes PF0 candidates connectable and nothing connected', async () => {
    const topology = await walkDevices(open('2-tsm-loaded'), {tsm: true})
    expect(where(topology, 'connect')).toEqual({'01:00.0': '', '02:00.0': '', '05:00.0': '', '41:00.0': ''})
    expect(where(topology, 'authenticated')).toEqual(where(topology, 'connect'))
    expect(streams(topology)).toEqual({})
  })

  it('connecting fills connect, dsm and the stream links, also of VFs', async () => {
    const topology = await walkDevices(open('3-connected'), {tsm: true})
    const connect = where(topology, 'connect')
    expect(Object.keys(connect)).toEqual(['01:00.0', '02:00.0', '05:00.0', '41:00.0'])
    expect(new Set(Object.values(connect))).toEqual(new Set(['tsm0']))
    expect(where(topology, 'dsm')).toMatchObject({
      '01:00.0': '0000:01:00.0',
      '01:00.1': '0000:01:00.0',
      '01:00.2': '0000:01:00.0',
      '41:00.0': '0000:41:00.0',
    })
    expect(streams(topology)).toEqual({
      'pci0000:00/stream0.0.0': '0000:01:00.0',
      'pci0000:00/stream1.0.0': '0000:05:00.0',
      'pci0000:40/stream0.0.0': '0000:41:00.0',
    })
    expect(Object.values(where(topology, 'bound')).every(text => text === '')).toBe(true)
  })

  it('binding fills bound', async () =>
    expect(where(await walkDevices(open('4-bound'), {tsm: true}), 'bound')).toMatchObject({'01:00.0': 'tsm0'}))

  it('disconnecting empties all of it and leaves the VFs', async () => {
    const topology = await walkDevices(open('5-disconnected'), {tsm: true})
    expect(new Set(Object.values(where(topology, 'connect')))).toEqual(new Set(['']))
    expect(streams(topology)).toEqual({})
    expect(topology.functions.map(({bdf}) => bdf)).toContain('0000:01:00.2')
  })

  it.each([
    ['6-devsec-loaded', '', '0'],
    ['7-locked', 'tsm0', '0'],
    ['8-run', 'tsm0', '1'],
  ])('%s: lock reads %j, accept %s', async (name, lock, accept) => {
    const topology = await walkDevices(open(name), {tsm: true})
    expect(where(topology, 'lock')).toEqual({'02:00.0': lock})
    expect(where(topology, 'accept')).toEqual({'02:00.0': accept})
    expect(where(topology, 'connect')).toEqual({})
  })

  it('an SR-IOV function knows its VFs, from sysfs and from its registers', async () => {
    const kernel = open('3-connected')
    const pf = await inspectFunction(kernel, '0000:01:00.0')
    expect(pf).toMatchObject({
      driver: {value: 'nvme'},
      virtfns: {value: ['0000:01:00.1', '0000:01:00.2']},
      siblings: {value: ['0000:01:00.1', '0000:01:00.2']},
      sriov: {value: {value: {totalVfs: {value: 4}, numVfs: {value: 2}}}},
      iommuGroup: {value: {value: '8'}},
      resources: {
        value: {
          bars: [
            {index: 0, kind: 'mem64', prefetchable: false, start: 0x4000_0000n, size: {value: 0x4000n}},
            {index: 1, kind: 'upper-half'},
          ],
          vfBars: [{index: 0, kind: 'mem64'}, {kind: 'upper-half'}],
        },
      },
    })
    expect(capabilityOf(valueOf(pf.config)!, SRIOV)).toMatchObject({
      value: {numVfs: 2, totalVfs: 4, firstVfOffset: 1, vfStride: 1, vfEnable: true},
    })
    expect(await inspectFunction(kernel, '0000:01:00.2')).toMatchObject({
      physfn: {value: {value: '0000:01:00.0'}},
      sriov: {present: false},
      driver: {value: undefined},
    })
  })

  it('a bridge forwards windows', async () => {
    const {resources} = await inspectFunction(open('3-connected'), '0000:00:03.0')
    expect(valueOf(resources)!.windows.map(window => window.kind)).toEqual(['io', 'mem32', 'mem64'])
  })

  it('lists what the DOE mailboxes offer', async () => {
    const {doeFeatures, config} = await inspectFunction(open('3-connected'), '0000:01:00.0')
    expect(said(doeFeatures)).toContainEqual(CMA_SPDM)
    expect(valueOf(valueOf(config)!.doe)).toMatchObject([{offset: 0x108, registers: {busy: false, error: false}}])
  })

  it('without privilege the same device shows its header, and says why nothing else', async () => {
    const {configBytes} = await inspectFunction(open('3-connected'), '0000:01:00.0')
    const facts = decodeConfigSpace(valueOf(configBytes)!.subarray(0, 64), 4096)
    expect(facts).toMatchObject({
      header: {known: true},
      teeIo: {known: false},
      doe: {known: false},
      ide: {known: false},
    })
  })
})
