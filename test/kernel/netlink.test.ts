import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {DecodeError, fromHex} from '../../src/bits/index.js'
import {
  decodeAttributes,
  encodeAttributes,
  stringAttribute,
  stringOf,
  u32Attribute,
  u32Of,
} from '../../src/kernel/index.js'

const attribute = fc.record({type: fc.nat(0xffff), value: fc.uint8Array({maxLength: 50})})

describe('netlink attributes', () => {
  it('have a length with header and without padding, little-endian', () => {
    expect(encodeAttributes([{type: 0x1234, value: Uint8Array.of(0xaa)}])).toEqual(fromHex('0500 3412 aa 000000'))
    expect(encodeAttributes([])).toEqual(new Uint8Array(0))
  })

  it('read back as they were, each aligned to four bytes', () => {
    fc.assert(
      fc.property(fc.array(attribute), attributes => {
        const bytes = encodeAttributes(attributes)
        expect(bytes.length % 4).toBe(0)
        expect(decodeAttributes(bytes)).toEqual(attributes)
      }),
    )
  })

  it('cut anywhere are a prefix of themselves or refused', () => {
    fc.assert(
      fc.property(fc.array(attribute, {minLength: 1}), fc.nat(), (attributes, at) => {
        const bytes = encodeAttributes(attributes)
        try {
          const some = decodeAttributes(bytes.subarray(0, at % bytes.length))
          expect(some).toEqual(attributes.slice(0, some.length))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })

  it('of random bytes are read or refused, in linear time', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 200}), bytes => {
        try {
          const read = decodeAttributes(bytes)
          expect(read.length).toBeLessThanOrEqual(Math.ceil(bytes.length / 4))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })

  it.each([
    ['a length of zero', '00000100'],
    ['a length below the header', '03000100'],
    ['a length beyond the message', '09000100 00000000'],
    ['half a header', '0400'],
  ])('with %s are refused', (_, hex) => {
    expect(() => decodeAttributes(fromHex(hex))).toThrow(DecodeError)
  })

  it('hold numbers and strings', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), value => {
        expect(u32Of(u32Attribute(2, value))).toBe(value)
      }),
    )
    expect(stringAttribute(4, '0000:01:00.0').value.at(-1)).toBe(0)
    expect(stringOf(stringAttribute(4, '0000:01:00.0'))).toBe('0000:01:00.0')
    expect(() => u32Of({type: 2, value: Uint8Array.of(1)})).toThrow(DecodeError)
  })
})
