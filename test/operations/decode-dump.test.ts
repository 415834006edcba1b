import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {decodeDump} from '../../src/operations/index.js'
import {decode} from '../../src/operations/decode.js'
import {EXPRESS, formatBdf, SERIAL_NUMBER, TYPE0_HEADER} from '../../src/pci/index.js'

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/** `lspci -x…` text of one function. */
const lspci = (bdf: string, bytes: Uint8Array): string =>
  `${bdf} Class: whatever\n${Array.from({length: bytes.length / 16}, (_, row) => {
    const cells = [...bytes.subarray(row * 16, row * 16 + 16)].map(byte => hex(byte, 2))
    return `${hex(row * 16, 2)}: ${cells.join(' ')}\n`
  }).join('')}\n`

const content = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

const DEVICE = new Uint8Array(4096)
DEVICE.set(TYPE0_HEADER.encode({vendorId: 0x10de, capabilitiesList: true, capabilitiesPointer: 0x40}))
DEVICE.set(EXPRESS.encode({version: 2, teeIo: true}), 0x40)
DEVICE.set(SERIAL_NUMBER.encode({version: 1, serialNumber: 7n}), 0x100)

describe('decode config-space of a dump', () => {
  it('any number of functions of any size, with and without domain, as their bytes alone decode', async () => {
    const spaces = fc.dictionary(
      fc
        .record({
          domain: fc.constantFrom(0, 1, 0x1_0000),
          bus: fc.nat({max: 255}),
          device: fc.nat({max: 31}),
          fn: fc.nat({max: 7}),
        })
        .map(formatBdf),
      fc.tuple(fc.constantFrom(64, 256, 4096), fc.array(fc.tuple(fc.nat({max: 4095}), fc.nat({max: 255})))),
      {minKeys: 1, maxKeys: 4},
    )
    await fc.assert(
      fc.asyncProperty(spaces, fc.boolean(), async (machine, short) => {
        const bytes = Object.entries(machine).map(([bdf, [size, edits]]) => {
          const space = DEVICE.slice()
          for (const [at, byte] of edits) space[at] = byte
          return [bdf, space.subarray(0, size)] as const
        })
        const text = bytes.map(([bdf, space]) => lspci(short ? bdf.replace(/^0000:/, '') : bdf, space)).join('')
        const decoded = decodeDump(content(text))!.data.devices
        expect(decoded).toHaveLength(bytes.length)
        for (const [bdf, space] of bytes) {
          const alone = await decode('config-space', space)
          const found = decoded.find(device => device.bdf === bdf)!
          expect([found.size, found.findings]).toEqual([space.length, alone.findings])
          if (space.length === 4096) expect(found.fields).toEqual(alone.fields)
        }
      }),
      {numRuns: 60},
    )
  })

  it('picks one', () => {
    const text = lspci('01:00.0', DEVICE) + lspci('0001:02:00.0', DEVICE.subarray(0, 64))
    expect(decodeDump(content(text), '1:2:0.0')?.data.devices.map(({bdf}) => bdf)).toEqual(['0001:02:00.0'])
    expect(() => decodeDump(content(text), '03:00.0')).toThrow(expect.objectContaining({kind: 'not-found'}))
    expect(() => decodeDump(content(text), 'gpu')).toThrow(expect.objectContaining({kind: 'usage'}))
  })

  it('knows that -x and -xxx leave the rest unread, whatever the device has there', () => {
    const extended = [64, 256, 4096].map(size => {
      const [device] = decodeDump(content(lspci('01:00.0', DEVICE.subarray(0, size))))!.data.devices
      return (device!.fields as {extendedCapabilities: {known: boolean}}).extendedCapabilities.known
    })
    expect(extended).toEqual([false, false, true])
  })

  it('is for dumps only', () => {
    expect(decodeDump(DEVICE)).toBeUndefined()
    expect(decodeDump(content('00 11 22'))).toBeUndefined()
    expect(decodeDump(new Uint8Array())).toBeUndefined()
  })

  it('says of a function without bytes why there are none', () => {
    const capture = {
      format: 'tsmctl-capture-1',
      label: 'x',
      kernel: '',
      tree: {
        '/sys/devices/pci0000:00/0000:00:01.0/config': ['e', '644', 'EACCES'],
        '/sys/devices/pci0000:00/0000:00:01.0/uevent': ['f', '444', 'PCI_ID=1:2\n'],
        '/sys/bus/pci/devices/0000:00:01.0': ['l', '../../../devices/pci0000:00/0000:00:01.0'],
      },
      exchanges: [],
    }
    expect(decodeDump(content(JSON.stringify(capture)))?.data.devices).toMatchObject([
      {bdf: '0000:00:01.0', size: 0, fields: null, unreadable: expect.stringContaining('EACCES')},
    ])
  })
})
