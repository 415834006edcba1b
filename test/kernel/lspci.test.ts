import {describe, expect, it} from 'vitest'
import {parseLspci, readText, replayKernel} from '../../src/kernel/index.js'
import {errno} from './errnos.js'

interface Fake {
  readonly at: string
  readonly bytes?: Readonly<Record<number, number>>
  readonly size?: number
}

/** Text as `lspci -xxxx` prints it. */
function dump(...devices: readonly Fake[]): string {
  return devices
    .map(({at, bytes = {}, size = 256}) => {
      const rows = Array.from({length: size / 16}, (_, row) => {
        const cells = Array.from({length: 16}, (__, i) => (bytes[row * 16 + i] ?? 0).toString(16).padStart(2, '0'))
        return `${(row * 16).toString(16).padStart(2, '0')}: ${cells.join(' ')}`
      })
      return [`${at} Class 0000: Device 0000`, '\tFlags: fast devsel', ...rows, ''].join('\n')
    })
    .join('\n')
}
const bridge = (secondary: number, subordinate: number) => ({
  0x0b: 6,
  0x0a: 4,
  0x0e: 0x81,
  0x19: secondary,
  0x1a: subordinate,
})
const links = (text: string): Record<string, string> => {
  const kernel = replayKernel(parseLspci(text))
  return Object.fromEntries(
    kernel.list('/sys/bus/pci/devices').map(bdf => [bdf, kernel.readlink(`/sys/bus/pci/devices/${bdf}`)]),
  )
}

describe('an lspci dump', () => {
  it('may name a domain with more digits than the kernel would', () =>
    expect(Object.keys(links(dump({at: '00001000:01:00.0'})))).toEqual(['1000:01:00.0']))

  it('gives each device the attributes the kernel would', () => {
    const bytes = {0: 0x36, 1: 0x1b, 2: 0x10, 8: 0x02, 9: 0x02, 10: 0x08, 11: 0x01, 0x2c: 0xf4, 0x2d: 0x1a, 0x2f: 0x11}
    const kernel = replayKernel(parseLspci(dump({at: '01:00.0', bytes})))
    const read = (name: string): string => readText(kernel, `/sys/bus/pci/devices/0000:01:00.0/${name}`)
    expect(read('vendor')).toBe('0x1b36')
    expect(read('device')).toBe('0x0010')
    expect(read('class')).toBe('0x010802')
    expect(read('revision')).toBe('0x02')
    expect(read('subsystem_vendor')).toBe('0x1af4')
    expect(read('subsystem_device')).toBe('0x1100')
    const modalias = 'pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02'
    expect(read('modalias')).toBe(modalias)
    expect(read('uevent')).toBe(
      `PCI_CLASS=10802\nPCI_ID=1B36:0010\nPCI_SUBSYS_ID=1AF4:1100\nPCI_SLOT_NAME=0000:01:00.0\nMODALIAS=${modalias}`,
    )
    expect(kernel.read('/sys/bus/pci/devices/0000:01:00.0/config')).toHaveLength(256)
    // which driver was bound is not in a dump: neither a link nor its absence
    expect(() => kernel.readlink('/sys/bus/pci/devices/0000:01:00.0/driver')).toThrow('EINVAL')
    expect(() => read('driver')).toThrow(/not in this recording/)
  })

  it('nests devices below the innermost bridge of their domain, in any order', () => {
    expect(
      links(
        dump(
          {at: '03:00.0'},
          {at: '00:1c.0', bytes: bridge(1, 4)},
          {at: '02:01.0', bytes: bridge(3, 3)},
          {at: '01:00.0', bytes: bridge(2, 4)},
          {at: '04:00.0'},
          {at: '05:00.0'},
          {at: '10000:03:00.0'},
        ),
      ),
    ).toEqual({
      '0000:00:1c.0': '../../../devices/pci0000:00/0000:00:1c.0',
      '0000:01:00.0': '../../../devices/pci0000:00/0000:00:1c.0/0000:01:00.0',
      '0000:02:01.0': '../../../devices/pci0000:00/0000:00:1c.0/0000:01:00.0/0000:02:01.0',
      '0000:03:00.0': '../../../devices/pci0000:00/0000:00:1c.0/0000:01:00.0/0000:02:01.0/0000:03:00.0',
      '0000:04:00.0': '../../../devices/pci0000:00/0000:00:1c.0/0000:01:00.0/0000:04:00.0',
      '0000:05:00.0': '../../../devices/pci0000:05/0000:05:00.0',
      '10000:03:00.0': '../../../devices/pci10000:03/10000:03:00.0',
    })
  })

  it.each([
    ['was never configured', bridge(0, 0)],
    ['points at its own bus', bridge(1, 5)],
    ['points back', bridge(0, 5)],
    ['ends before it begins', bridge(5, 2)],
  ])('ignores a bridge that %s', (_, bytes) => {
    expect(links(dump({at: '01:00.0', bytes}, {at: '02:00.0'}))['0000:02:00.0']).toBe(
      '../../../devices/pci0000:02/0000:02:00.0',
    )
  })

  it('does not know what a kernel held on the host bridge: neither streams nor how many are left', () => {
    const kernel = replayKernel(parseLspci(dump({at: '40:00.0', bytes: bridge(0x41, 0x41)}, {at: '41:00.0'})))
    const at = '/sys/devices/pci0000:40'
    expect([errno(() => kernel.list(at)), errno(() => kernel.read(`${at}/available_secure_streams`))]).toEqual([
      'EIO',
      'EIO',
    ])
    expect(kernel.stat('/sys/devices/pci0000:41')).toBeUndefined()
  })

  it('knows 64 bytes as the view without privilege', () => {
    const kernel = replayKernel(parseLspci(dump({at: '01:00.0', size: 64})))
    const config = '/sys/bus/pci/devices/0000:01:00.0/config'
    expect(kernel.readAt(config, 0, 4096)).toHaveLength(64)
    expect(kernel.stat(config)?.size).toBe(4096)
    expect(kernel.stat('/sys/bus/pci/devices/0000:01:00.0')?.type).toBe('link')
    expect(errno(() => kernel.read('/sys/bus/pci/devices/0000:02:00.0/config'))).toBe('ENOENT')
  })

  it.each([
    ['a device twice', dump({at: '01:00.0'}, {at: '0000:01:00.0'}), '0000:01:00.0 a second time'],
    ['bytes before a device', '00: 00 00\n', 'line 1: bytes before the first device'],
    ['a device without bytes', '01:00.0 Class\n', 'line 1: 0 bytes of 0000:01:00.0'],
    ['a missing row', dump({at: '01:00.0'}).replace(/^30:.*\n/m, ''), 'offset 0x40 of 0000:01:00.0, expected 0x30'],
    ['a device that cannot be', dump({at: '00:20.0'}), 'line 1: 0000:00:20.0 is no PCI function'],
    ['a domain that cannot be', dump({at: '80000000:00:00.0'}), 'line 1: 80000000:00:00.0 is no PCI function'],
    ['a row cut short', `${dump({at: '01:00.0', size: 64})}40: 00 0`, 'line 7: neither a device nor whole bytes'],
    ['a row of offset only', `${dump({at: '01:00.0', size: 64})}40:`, 'line 7: neither a device nor whole bytes'],
    ['an odd size', dump({at: '01:00.0', size: 48}), '48 bytes of 0000:01:00.0'],
  ])('with %s is refused by line', (_, text, expected) => {
    expect(() => parseLspci(text)).toThrow(expected)
  })
})
