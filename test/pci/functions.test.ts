import {describe, expect, it} from 'vitest'
import {ErrnoError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {className, listFunctions, listHostBridges, placeOf, readFunction} from '../../src/pci/index.js'
import {functionNodes, mapKernel} from './map-kernel.js'

describe('placeOf', () => {
  it.each([
    ['/sys/devices/pci0000:00/0000:00:03.0/0000:01:00.0', 'pci0000:00', ['0000:00:03.0']],
    ['/sys/devices/pci0000:00/0000:00:1f.0', 'pci0000:00', []],
    ['/sys/devices/LNXSYSTM:00/PNP0A08:00/pci0000:40/0000:40:00.0/0000:41:00.0', 'pci0000:40', ['0000:40:00.0']],
    ['/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0', 'pci10000:e0', ['10000:e0:06.0']],
    ['/sys/devices/platform/odd/0000:01:00.0', undefined, []],
  ])('%s', (path, hostBridge, ports) => expect(placeOf(path)).toEqual({path, hostBridge, ports}))
})

describe('listFunctions', () => {
  it('reads what a function is from its uevent, in BDF order', () => {
    const kernel = mapKernel({
      ...functionNodes('10000:01:00.0', 'pci10000:00'),
      ...functionNodes('0000:41:00.0', 'pci0000:40/0000:40:00.0', 'nvme'),
      '/sys/bus/pci/devices/not-a-function': 'x',
    })
    const {functions, vanished} = listFunctions(kernel)
    expect(vanished).toEqual([])
    expect(functions.map(({bdf}) => bdf)).toEqual(['0000:41:00.0', '10000:01:00.0'])
    expect(functions[0]).toEqual({
      bdf: '0000:41:00.0',
      place: {
        known: true,
        value: {
          path: '/sys/devices/pci0000:40/0000:40:00.0/0000:41:00.0',
          hostBridge: 'pci0000:40',
          ports: ['0000:40:00.0'],
        },
      },
      ids: {
        known: true,
        value: {
          vendor: 0x1b36,
          device: 0x0010,
          subsystemVendor: 0x1af4,
          subsystemDevice: 0x1100,
          classCode: 0x01_0802,
        },
      },
      driver: {known: true, value: 'nvme'},
    })
    expect(functions[1]!.driver).toEqual({known: true, value: undefined})
  })

  it.each(['ENOENT', 'ENODEV', 'ENXIO'])('reports a function that went with %s between list and read', errno => {
    const bdf = '0000:01:00.0'
    const kernel = mapKernel({
      ...functionNodes(bdf, 'pci0000:00'),
      [`/sys/bus/pci/devices/${bdf}`]: {errno},
      [`/sys/bus/pci/devices/${bdf}/uevent`]: {errno},
    })
    expect(listFunctions(kernel)).toEqual({functions: [], vanished: [bdf]})
  })

  it('keeps a function whose uevent is refused, with the reason', () => {
    const bdf = '0000:01:00.0'
    const refused = `/sys/bus/pci/devices/${bdf}/uevent`
    const nodes = {...functionNodes(bdf, 'pci0000:00'), [refused]: {errno: 'EACCES'}}
    const [found] = listFunctions(mapKernel(nodes)).functions
    expect(found!.ids).toEqual({known: false, reason: `${refused}: EACCES (permission denied); run as root`})
    expect(found!.driver.known).toBe(false)
    expect(found!.place.known).toBe(true)
  })

  it('keeps a function whose uevent is not in the recording, unidentified', () => {
    const [found] = listFunctions(mapKernel({'/sys/bus/pci/devices/0000:01:00.0/config': new Uint8Array(64)})).functions
    expect(found).toMatchObject({ids: {known: false}, place: {known: false}})
  })

  it('a uevent without identification is unknown, not zero', () => {
    const path = '/sys/bus/pci/devices/0000:01:00.0/uevent'
    const found = readFunction(mapKernel({[path]: 'DRIVER=x\nPCI_ID=zz\n'}), '0000:01:00.0')
    expect(found).toMatchObject({ids: {known: false}, driver: {value: 'x'}})
  })

  it('says that there is no PCI bus', () => expect(() => listFunctions(mapKernel({'/sys/x': ''}))).toThrow(ErrnoError))

  it('lets faults of its own through', () => {
    const broken: Kernel = {
      ...mapKernel(functionNodes('0000:01:00.0', 'pci0000:00')),
      read: () => {
        throw new TypeError('a bug')
      },
    }
    expect(() => listFunctions(broken)).toThrow(TypeError)
  })

  it('costs one link and one read per function', () => {
    const calls: string[] = []
    const nodes = Object.assign({}, ...['0000:01:00.0', '0000:02:00.0'].map(bdf => functionNodes(bdf, 'pci0000:00')))
    const plain = mapKernel(nodes)
    const counting: Kernel = {
      ...plain,
      read: path => (calls.push(`read ${path.split('/').at(-1)}`), plain.read(path)),
      readlink: path => (calls.push('readlink'), plain.readlink(path)),
      list: path => (calls.push('list'), plain.list(path)),
    }
    listFunctions(counting)
    expect(calls).toEqual(['list', 'readlink', 'read uevent', 'readlink', 'read uevent'])
  })
})

const BRIDGE = '/sys/devices/pci0000:00'

const bridgesOf = (nodes: Parameters<typeof mapKernel>[0]) => {
  const kernel = mapKernel({...functionNodes('0000:01:00.0', 'pci0000:00/0000:00:01.0'), ...nodes})
  return listHostBridges(kernel, listFunctions(kernel).functions)
}

describe('listHostBridges', () => {
  it('finds bridges above functions and bridges without any', () => {
    const bridges = bridgesOf({[`${BRIDGE}/uevent`]: '', '/sys/devices/pci10000:00/uevent': ''})
    expect(bridges.map(({name, domain, bus}) => [name, domain, bus])).toEqual([
      ['pci0000:00', 0, 0],
      ['pci10000:00', 0x10000, 0],
    ])
  })

  it('reads free slots and stream links', () => {
    const [bridge] = bridgesOf({
      [`${BRIDGE}/available_secure_streams`]: '255\n',
      [`${BRIDGE}/stream0.2.1`]: {link: '0000:00:01.0/0000:01:00.0'},
      [`${BRIDGE}/streamline`]: 'not a stream',
      [`${BRIDGE}/stream1.0.0`]: {link: '../odd'},
      [`${BRIDGE}/stream2.0.0`]: {errno: 'ENOENT'},
    })
    expect(bridge!.availableSecureStreams).toEqual({present: true, value: {known: true, value: 255}})
    expect(bridge!.streams).toMatchObject({
      value: [
        {
          name: 'stream0.2.1',
          hostBridgeSlot: 0,
          rootPortBlock: 2,
          endpointBlock: 1,
          endpoint: {value: '0000:01:00.0'},
        },
        {name: 'stream1.0.0', endpoint: {known: false}},
      ],
    })
  })

  it('an attribute that is missing is absent, one that is no number is unknown', () => {
    const absent = bridgesOf({[`${BRIDGE}/uevent`]: ''})
    expect(absent[0]!.availableSecureStreams).toEqual({present: false})
    const odd = bridgesOf({[`${BRIDGE}/available_secure_streams`]: 'many\n'})
    expect(odd[0]!.availableSecureStreams).toMatchObject({present: true, value: {known: false}})
  })
})

it.each([
  [0x01_0802, 'NVMe controller'],
  [0x03_0200, '3D controller'],
  [0x03_8000, 'display controller'],
  [0x06_0400, 'PCI bridge'],
  [0x00_0000, 'unclassified'],
  [0xff_0000, 'unassigned class'],
  [0x42_0000, 'class 0x420000'],
])('class %#x is a %s', (code, name) => expect(className(code)).toBe(name))
