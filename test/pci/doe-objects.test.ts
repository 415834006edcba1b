import fc from 'fast-check'
import {expect, it} from 'vitest'
import {DecodeError, toHex} from '../../src/bits/index.js'
import {decodeDoeObject, encodeDoeObject} from '../../src/pci/index.js'

it('pads the payload to dwords and counts the header', () =>
  expect(toHex(encodeDoeObject({vendor: 1, type: 1, payload: Uint8Array.of(0x10, 0x84, 0, 0, 9)}))).toBe(
    '01000100040000001084000009000000',
  ))

it('a length of 0 is the maximum', () => {
  const payload = new Uint8Array(2 ** 20 - 8)
  const bytes = encodeDoeObject({vendor: 1, type: 2, payload})
  expect(toHex(bytes.subarray(4, 8))).toBe('00000000')
  expect(decodeDoeObject(bytes).payload).toHaveLength(payload.length)
  expect(() => encodeDoeObject({vendor: 1, type: 2, payload: new Uint8Array(2 ** 20 - 7)})).toThrow(RangeError)
})

it('decodes what it encodes, padding included, and refuses every other length', () => {
  fc.assert(
    fc.property(fc.nat({max: 0xffff}), fc.nat({max: 255}), fc.uint8Array(), (vendor, type, payload) => {
      const bytes = encodeDoeObject({vendor, type, payload})
      const decoded = decodeDoeObject(bytes)
      expect(decoded).toMatchObject({vendor, type})
      expect(toHex(decoded.payload).startsWith(toHex(payload))).toBe(true)
      expect(() => decodeDoeObject(bytes.subarray(1))).toThrow(DecodeError)
      expect(() => decodeDoeObject(Buffer.concat([bytes, Buffer.alloc(4)]))).toThrow(DecodeError)
    }),
  )
})
