import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {DecodeError} from '../../src/bits/index.js'
import {encodeUevent, LARGEST_UEVENT, parseUevent} from '../../src/kernel/index.js'

const raw = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
const message = (...strings: string[]): Uint8Array => raw(strings.map(string => `${string}\0`).join(''))

/** As `lib/kobject_uevent.c` builds it. */
const BIND = message(
  'bind@/devices/pci0000:00/0000:00:01.0',
  'ACTION=bind',
  'DEVPATH=/devices/pci0000:00/0000:00:01.0',
  'SUBSYSTEM=pci',
  'DRIVER=vfio-pci',
  'PCI_ID=8086:1234',
  'SEQNUM=4711',
)

const byteText = (max: number) =>
  fc.uint8Array({maxLength: max}).map(bytes => Buffer.from(bytes.map(byte => byte || 1)).toString('latin1'))
const event = fc.record({
  action: fc.constantFrom('add', 'remove', 'change', 'bind', 'unbind', 'offline'),
  devpath: byteText(60).map(text => `/${text}`),
  properties: fc
    .array(
      fc.tuple(
        fc.stringMatching(/^[A-Z_0-9]{1,12}$/).filter(key => !/^(?:ACTION|DEVPATH)$/.test(key)),
        byteText(40),
      ),
      {maxLength: 8},
    )
    .map(pairs => new Map(pairs)),
})

function tryToRead(bytes: Uint8Array): void {
  try {
    expect(parseUevent(bytes).properties.get('ACTION')).toMatch(/^[a-z]+$/)
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
    expect((error as DecodeError).message).toMatch(/^[\x20-\x7e]*$/)
  }
}

describe('a uevent', () => {
  it('has an action, a path and properties', () => {
    const {action, devpath, properties} = parseUevent(BIND)
    expect([action, devpath]).toEqual(['bind', '/devices/pci0000:00/0000:00:01.0'])
    expect([...properties.keys()]).toEqual(['ACTION', 'DEVPATH', 'SUBSYSTEM', 'DRIVER', 'PCI_ID', 'SEQNUM'])
    expect(properties.get('DRIVER')).toBe('vfio-pci')
    expect(encodeUevent({action, devpath, properties})).toEqual(BIND)
  })

  it('reads back as it was written', () => {
    fc.assert(
      fc.property(event, given => {
        const bytes = encodeUevent(given)
        const read = parseUevent(bytes)
        expect(read).toMatchObject({action: given.action, devpath: given.devpath})
        expect([...read.properties].slice(2)).toEqual([...given.properties])
        expect(encodeUevent(read)).toEqual(bytes)
      }),
    )
  })

  it('cut inside a string is refused, cut between two has lost the properties behind', () => {
    for (let at = 0; at < BIND.length; at++) {
      const cut = BIND.subarray(0, at)
      try {
        expect(parseUevent(cut).properties.size).toBeLessThan(6)
        expect(cut.at(-1)).toBe(0)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }
  })

  it('with a flipped bit, or of any bytes, is read or refused', () => {
    for (let bit = 0; bit < BIND.length * 8; bit++) {
      const flipped = BIND.slice()
      flipped[Math.floor(bit / 8)]! ^= 2 ** (bit % 8)
      tryToRead(flipped)
    }
    fc.assert(fc.property(fc.uint8Array({maxLength: 300}), tryToRead))
  })

  it('keeps the first of a key, which is the one of the core', () => {
    const bytes = message('add@/a', 'ACTION=add', 'DEVPATH=/a', 'SUBSYSTEM=pci', 'SUBSYSTEM=usb')
    expect(parseUevent(bytes).properties.get('SUBSYSTEM')).toBe('pci')
  })

  it('keeps an equals sign and foreign bytes in a value', () => {
    const bytes = message('add@/a', 'ACTION=add', 'DEVPATH=/a', 'X=a=b\x1b[2J\xff')
    expect(parseUevent(bytes).properties.get('X')).toBe('a=b\x1b[2J\xff')
  })

  it.each([
    ['nothing', raw('')],
    ['no NUL at the end', BIND.subarray(0, -1)],
    ['no action', message('@/a', 'ACTION=', 'DEVPATH=/a')],
    ['no path', message('add', 'ACTION=add', 'DEVPATH=')],
    ['a relative path', message('add@a', 'ACTION=add', 'DEVPATH=a')],
    ['another action in the properties', message('add@/a', 'ACTION=remove', 'DEVPATH=/a')],
    ['another path in the properties', message('add@/a', 'ACTION=add', 'DEVPATH=/b')],
    ['no properties', message('add@/a')],
    ['a string without a key', message('add@/a', 'ACTION=add', 'DEVPATH=/a', '=x')],
    ['an empty string', message('add@/a', 'ACTION=add', 'DEVPATH=/a', '')],
    ['two NULs', raw('add@/a\0\0ACTION=add\0DEVPATH=/a\0')],
    ["udev's header", raw('libudev\0\xfe\xed\xca\xfe\0\0\0\x28')],
    ['too many bytes', message('add@/a', 'ACTION=add', 'DEVPATH=/a', `X=${'x'.repeat(LARGEST_UEVENT)}`)],
  ])('with %s is refused', (_, bytes) => {
    expect(() => parseUevent(bytes)).toThrow(DecodeError)
  })

  it.each([
    ['an action that is none', {action: 'ADD', devpath: '/a', properties: new Map()}],
    ['a relative path', {action: 'add', devpath: 'a', properties: new Map()}],
    ['NUL in a value', {action: 'add', devpath: '/a', properties: new Map([['X', 'a\0Y=b']])}],
    ['an equals sign in a key', {action: 'add', devpath: '/a', properties: new Map([['X=Y', 'a']])}],
    ['another action in the properties', {action: 'add', devpath: '/a', properties: new Map([['ACTION', 'remove']])}],
    ['what is no byte', {action: 'add', devpath: '/a', properties: new Map([['X', '\u20ac']])}],
    ['too much', {action: 'add', devpath: '/a', properties: new Map([['X', 'x'.repeat(LARGEST_UEVENT)]])}],
  ])('with %s is not written', (_, given) => {
    expect(() => encodeUevent(given)).toThrow(RangeError)
  })
})
