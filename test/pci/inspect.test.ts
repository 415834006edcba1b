import {describe, expect, it} from 'vitest'
import {known} from '../../src/known.js'
import {
  CMA_SPDM,
  EXPRESS,
  inspectFunction,
  listTsms,
  NO_TSM_ATTRIBUTES,
  offers,
  readDoeFeatures,
  readTsmAttributes,
  SECURED_CMA_SPDM,
  TYPE0_HEADER,
  walkDevices,
} from '../../src/pci/index.js'
import {functionNodes, mapKernel, type Node} from './map-kernel.js'

const BDF = '0000:01:00.0'
const D = `/sys/bus/pci/devices/${BDF}`
const machine = (nodes: Readonly<Record<string, Node>> = {}) =>
  mapKernel({...functionNodes(BDF, 'pci0000:00/0000:00:03.0'), ...nodes})

describe('inspectFunction', () => {
  it('refuses a function that is not there, by name', async () => {
    await expect(inspectFunction(machine(), '0000:02:00.0')).rejects.toMatchObject({
      kind: 'not-found',
      subject: '0000:02:00.0',
      hint: expect.stringContaining('tsmctl list'),
    })
  })

  it('tells absent, unknown and empty apart', async () => {
    const facts = await inspectFunction(
      machine({
        [`${D}/tsm/connect`]: '\n',
        [`${D}/tsm/dsm`]: {errno: 'EACCES'},
        [`${D}/numa_node`]: '-1\n',
        [`${D}/revision`]: '0x02\n',
        [`${D}/power_state`]: {errno: 'EIO'},
        [`${D}/driver_override`]: '(null)\n',
      }),
      BDF,
    )
    expect(facts.tsm.connect).toEqual({present: true, value: {known: true, value: ''}})
    expect(facts.tsm.dsm).toMatchObject({present: true, value: {known: false}})
    expect(facts.tsm.bound).toEqual({present: false})
    expect(facts.numaNode).toEqual({present: true, value: {known: true, value: -1}})
    expect(facts.revision).toMatchObject({value: {value: 2}})
    expect(facts.powerState).toMatchObject({present: true, value: {known: false}})
    expect(facts.iommuGroup).toEqual({present: false})
    expect(facts.driverOverride).toEqual({known: true, value: undefined})
    expect(facts).toMatchObject({config: {known: false}, configBytes: {known: false}, resources: {known: false}})
  })

  it('relates physical and virtual functions, and siblings', async () => {
    const vf = '0000:01:00.2'
    const kernel = mapKernel({
      ...functionNodes(BDF, 'pci0000:00/0000:00:03.0'),
      ...functionNodes(vf, 'pci0000:00/0000:00:03.0'),
      ...functionNodes('0000:01:01.0', 'pci0000:00/0000:00:03.0'),
      [`${D}/virtfn10`]: {link: '../0000:01:01.4'},
      [`${D}/virtfn2`]: {link: `../${vf}`},
      [`${D}/virtfn3`]: {errno: 'ENOENT'},
      [`${D}/virtfnx`]: {link: '../0000:01:01.5'},
      [`${D}/sriov_totalvfs`]: '16\n',
      [`${D}/sriov_numvfs`]: '2\n',
      [`/sys/bus/pci/devices/${vf}/physfn`]: {link: `../${BDF}`},
    })
    expect(await inspectFunction(kernel, BDF)).toMatchObject({
      physfn: {present: false},
      virtfns: {value: [vf, '0000:01:01.4']},
      sriov: {value: {value: {totalVfs: {value: 16}, numVfs: {value: 2}}}},
      siblings: {value: [vf]},
    })
    expect(await inspectFunction(kernel, vf)).toMatchObject({
      physfn: {present: true, value: {value: BDF}},
      virtfns: {value: []},
      sriov: {present: false},
      siblings: {value: [BDF]},
    })
  })

  it.each(['..', '../nowhere', '../0000:01:00.8', '../ffffffff:01:00.0'])(
    'a physfn or virtfn that leads to %s is unknown',
    async target => {
      const nodes = {[`${D}/physfn`]: {link: target}, [`${D}/virtfn0`]: {link: target}}
      const facts = await inspectFunction(machine(nodes), BDF)
      const reason = expect.stringContaining('does not lead to a PCI function')
      expect(facts.physfn).toEqual({present: true, value: {known: false, reason}})
      expect(facts.virtfns).toEqual({known: false, reason})
    },
  )

  it('decodes configuration space and resources', async () => {
    const config = new Uint8Array(256)
    config.set(TYPE0_HEADER.encode({capabilitiesList: true, capabilitiesPointer: 0x40}))
    config.set(EXPRESS.encode({version: 2, teeIo: true}), 0x40)
    const none = `0x${'0'.repeat(16)}`
    const facts = await inspectFunction(
      machine({[`${D}/config`]: config, [`${D}/resource`]: `${none} ${none} ${none}\n`.repeat(13)}),
      BDF,
    )
    expect(facts.config).toMatchObject({value: {teeIo: {value: true}, ide: {known: true, value: undefined}}})
    expect(facts.configBytes).toMatchObject({value: {length: 256}})
    expect(facts.resources).toMatchObject({value: {bars: [], windows: []}})
  })

  it('calls a resource file it cannot parse unknown', async () => {
    const facts = await inspectFunction(machine({[`${D}/resource`]: 'nonsense\n'}), BDF)
    expect(facts.resources).toMatchObject({known: false, reason: expect.stringContaining('7 to 64 lines')})
  })

  it('stops when it is interrupted', async () => {
    const kernel = machine({[`${D}/tsm/connect`]: '\n'})
    await expect(inspectFunction(kernel, BDF, AbortSignal.abort())).rejects.toMatchObject({errno: 'EINTR'})
  })
})

describe('readTsmAttributes', () => {
  it('is not fooled by the glue directory of a TSM below its own device', async () => {
    const kernel = machine({[`${D}/tsm/tsm0/uevent`]: ''})
    expect(await readTsmAttributes(kernel, BDF)).toEqual(NO_TSM_ATTRIBUTES)
  })

  it('reads authenticated of a subfunction without tsm/', async () => {
    const attributes = await readTsmAttributes(machine({[`${D}/authenticated`]: 'tsm0\n'}), BDF)
    expect(attributes).toEqual({
      ...NO_TSM_ATTRIBUTES,
      authenticated: {present: true, value: {known: true, value: 'tsm0'}},
    })
  })

  it('an attribute that goes while it is read is absent', async () => {
    const attributes = await readTsmAttributes(machine({[`${D}/tsm/connect`]: {errno: 'ENODEV'}}), BDF)
    expect(attributes.connect).toEqual({present: false})
  })

  it('a guest has lock and accept', async () => {
    const attributes = await readTsmAttributes(machine({[`${D}/tsm/lock`]: 'tsm0\n', [`${D}/tsm/accept`]: '0\n'}), BDF)
    expect(attributes).toMatchObject({
      lock: {value: {value: 'tsm0'}},
      accept: {value: {value: '0'}},
      connect: {present: false},
    })
  })
})

describe('listTsms', () => {
  it('no class directory means no TSM core, an empty one no TSM', () => {
    expect(listTsms(machine())).toEqual({core: known(false), list: []})
    expect(listTsms({...machine(), list: () => []})).toEqual({core: known(true), list: []})
  })

  it('names the providing device, the mode where the kernel tells, in order of number', () => {
    const kernel = machine({
      '/sys/class/tsm/tsm10': {link: '../../devices/virtual/tsm/tsm10'},
      '/sys/class/tsm/tsm2': {link: '../../devices/pci0000:60/0000:60:07.1/0000:62:00.5/tsm/tsm2'},
      '/sys/class/tsm/tsm2/pci_mode': 'link\n',
      '/sys/class/tsm/other': {link: '../../devices/x'},
    })
    expect(listTsms(kernel).list).toEqual([
      {
        name: 'tsm2',
        parent: '/sys/devices/pci0000:60/0000:60:07.1/0000:62:00.5',
        parentBdf: '0000:62:00.5',
        mode: {present: true, value: {known: true, value: 'link'}},
      },
      {name: 'tsm10', parent: '/sys/devices/virtual', parentBdf: undefined, mode: {present: false}},
    ])
  })

  it('a TSM that goes while it is read keeps its name', () => {
    const kernel = machine({'/sys/class/tsm/tsm0': {errno: 'ENOENT'}})
    expect(listTsms(kernel).list).toMatchObject([{name: 'tsm0', parent: undefined}])
  })

  it('says when the class cannot be listed', () =>
    expect(() => listTsms(machine({'/sys/class/tsm': {errno: 'EACCES'}}))).toThrow('EACCES'))
})

const features = (names: readonly string[]) =>
  readDoeFeatures(machine(Object.fromEntries(names.map(name => [`${D}/doe_features/${name}`, '']))), BDF)

describe('readDoeFeatures', () => {
  it('reads file names, discovery included', () =>
    expect(features(['0001:01', '0001:03', 'doe_discovery', '1e98:02'])).toEqual({
      present: true,
      value: {
        known: true,
        value: [
          {vendor: 1, type: 1},
          {vendor: 1, type: 3},
          {vendor: 0x1e98, type: 2},
          {vendor: 1, type: 0},
        ],
      },
    }))

  it('tells what is offered', () => {
    expect(offers(features(['0001:01', '0001:03']), CMA_SPDM)).toEqual({known: true, value: true})
    expect(offers(features(['0001:01', '0001:03']), SECURED_CMA_SPDM)).toEqual({known: true, value: false})
    expect(offers(readDoeFeatures(machine(), BDF), CMA_SPDM)).toEqual({known: true, value: false})
    const refused = readDoeFeatures(machine({[`${D}/doe_features`]: {errno: 'EACCES'}}), BDF)
    expect(offers(refused, CMA_SPDM).known).toBe(false)
  })
})

describe('walkDevices', () => {
  it('reads tsm attributes only when asked, and only where a TSM exists', async () => {
    const connected = {[`${D}/tsm/connect`]: 'tsm0\n'}
    expect((await walkDevices(machine(connected))).tsmAttributes.size).toBe(0)
    const without = await walkDevices(machine(connected), {tsm: true})
    expect(without.tsmAttributes.get(BDF)).toEqual(NO_TSM_ATTRIBUTES)
    const tsm = {'/sys/class/tsm/tsm0': {link: '../../devices/platform/x/tsm/tsm0'}}
    const walked = await walkDevices(machine({...connected, ...tsm}), {tsm: true})
    expect(walked.tsmAttributes.get(BDF)!.connect).toMatchObject({value: {value: 'tsm0'}})
    expect(walked.hostBridges.map(({name}) => name)).toEqual(['pci0000:00'])
  })
})
