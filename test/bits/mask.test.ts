import fc from 'fast-check'
import {expect, it} from 'vitest'
import {get, mask, prep} from '../../src/bits/index.js'

it.each([
  [31, 0, 0xffffffff],
  [31, 31, 0x80000000],
  [9, 8, 0x300],
  [0, 0, 1],
])('mask(%i, %i)', (hi, lo, value) => expect(mask(hi, lo)).toBe(value))

it.each([
  [0, 1],
  [32, 0],
  [3, -1],
  [1.5, 0],
])('refuses mask(%d, %d)', (hi, lo) => expect(() => mask(hi, lo)).toThrow(RangeError))

it('get undoes prep, and prep refuses what does not fit', () => {
  fc.assert(
    fc.property(fc.nat({max: 31}), fc.nat({max: 31}), fc.nat({max: 0xffffffff}), (a, b, word) => {
      const field = mask(Math.max(a, b), Math.min(a, b))
      expect(prep(field, get(field, word))).toBe((word & field) >>> 0)
    }),
  )
  expect(() => prep(0x300, 4)).toThrow(RangeError)
  expect(() => prep(0x300, -1)).toThrow(RangeError)
  expect(() => get(0x505, 1)).toThrow(/holes/)
  expect(() => get(0, 1)).toThrow(/holes/)
})
