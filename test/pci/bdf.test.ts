import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import {bdfOfRid, bdfParts, compareBdf, formatBdf, isBdf, parseBdf, ridOf} from '../../src/pci/index.js'

const parts = fc.record({
  domain: fc.nat({max: 0x7fff_ffff}),
  bus: fc.nat({max: 0xff}),
  device: fc.nat({max: 0x1f}),
  fn: fc.nat({max: 7}),
})

describe('parseBdf', () => {
  it.each([
    ['01:00.0', '0000:01:00.0'],
    ['1:0.0', '0000:01:00.0'],
    ['C1:1F.7', '0000:c1:1f.7'],
    ['0000:01:00.0', '0000:01:00.0'],
    ['0:01:00.0', '0000:01:00.0'],
    ['10000:01:00.0', '10000:01:00.0'],
    ['0010000:01:00.0', '10000:01:00.0'],
    ['7FFFFFFF:ff:1f.7', '7fffffff:ff:1f.7'],
    ['/sys/bus/pci/devices/0000:01:00.0', '0000:01:00.0'],
    ['/sys/bus/pci/devices/0000:01:00.0/', '0000:01:00.0'],
    ['/sys/devices/pci0000:00/0000:00:03.0/0000:01:00.0', '0000:01:00.0'],
    ['0000:00:03.0/0000:01:00.0', '0000:01:00.0'],
  ])('reads %s as %s', (text, canonical) => expect(parseBdf(text)).toBe(canonical))

  it.each([
    ['', 'not of the form'],
    ['01:00', 'not of the form'],
    ['01:00.0 ', 'not of the form'],
    ['01.00.0', 'not of the form'],
    ['100:00.0', 'not of the form'],
    ['123456789:01:00.0', 'not of the form'],
    ['80000000:01:00.0', 'domain exceeds'],
    ['01:20.0', 'device number exceeds'],
    ['01:00.8', 'function number exceeds'],
    ['g1:00.0', 'not of the form'],
    ['*:00.0', 'not of the form'],
    ['/sys/bus/pci/devices/', 'not of the form'],
    ['/sys/bus/pci/devices/0000:01:00.0/config', 'not of the form'],
    ['0000:01:00.0\n', 'not of the form'],
  ])('refuses %j as a usage error with a hint', (text, why) => {
    let error: unknown
    try {
      parseBdf(text)
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(TsmctlError)
    expect(error).toMatchObject({kind: 'usage', exitCode: 2})
    expect((error as TsmctlError).got).toContain(why)
    expect((error as TsmctlError).hint).toContain('01:00.0')
  })

  it('never prints what it refuses unescaped', () =>
    expect(() => parseBdf('\u001B[31m01:00.0')).toThrow(String.raw`"\x1b[31m01:00.0"`))

  it('is the inverse of formatBdf, and the canonical form is a fixed point', () => {
    fc.assert(
      fc.property(parts, value => {
        const text = formatBdf(value)
        expect(bdfParts(text)).toEqual(value)
        expect(parseBdf(text.toUpperCase())).toBe(text)
        expect(isBdf(text)).toBe(true)
      }),
    )
  })

  it('returns a canonical BDF or a usage error for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-fA-F:./]{0,24}$/)), text => {
        try {
          expect(isBdf(parseBdf(text))).toBe(true)
        } catch (error) {
          expect(error).toMatchObject({kind: 'usage'})
        }
      }),
    )
  })
})

it.each([
  '01:00.0',
  '0000:01:00.8',
  '0000:01:20.0',
  '000000000:01:00.0',
  '00001:01:00.0',
  '80000000:01:00.0',
  '0000:01:00.0:pcie001',
  '0000:0A:00.0',
])('%s is not what sysfs names a function', text => expect(isBdf(text)).toBe(false))

it('what is a canonical BDF can be taken apart, and is canonical', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/), text => {
      expect(isBdf(text) ? parseBdf(text) : text).toBe(text)
    }),
  )
})

it.each([
  ['0000:01:00.0', 0x0100],
  ['0000:01:00.7', 0x0107],
  ['0001:ff:1f.7', 0xffff],
  ['0000:3d:01.0', 0x3d08],
])('the Requester ID of %s is %i', (bdf, rid) => {
  expect(ridOf(bdf)).toBe(rid)
  expect(bdfOfRid(bdfParts(bdf).domain, rid)).toBe(bdf)
})

it('compareBdf orders as the numbers do', () => {
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const key = ({domain, bus, device, fn}: typeof a) => domain * 2 ** 16 + bus * 256 + device * 8 + fn
      expect(Math.sign(compareBdf(formatBdf(a), formatBdf(b)))).toBe(Math.sign(key(a) - key(b)))
    }),
  )
})
