import {expect, it} from 'vitest'
import {memoryWindows, ridOfVf, TYPE1_HEADER} from '../../src/pci/index.js'

const windows = (values: Parameters<typeof TYPE1_HEADER.encode>[0]) =>
  memoryWindows(TYPE1_HEADER.decode(TYPE1_HEADER.encode(values)))

it('limits include the whole of their last MiB', () =>
  expect(windows({memoryBase: 0x400, memoryLimit: 0x401, prefetchableBase: 1}).memory).toEqual({
    base: 0x4000_0000n,
    limit: 0x401f_ffffn,
  }))

it('the upper halves count only for 64-bit windows', () => {
  const values = {prefetchableBase: 2, prefetchableLimit: 3, prefetchableBaseUpper: 1, prefetchableLimitUpper: 1}
  expect(windows({...values, prefetchableType: 1}).prefetchable).toEqual({base: 0x1_0020_0000n, limit: 0x1_003f_ffffn})
  expect(windows(values).prefetchable).toEqual({base: 0x20_0000n, limit: 0x3f_ffffn})
})

it('a window that ends before it starts is closed', () =>
  expect(windows({memoryBase: 1, prefetchableBase: 1})).toEqual({memory: undefined, prefetchable: undefined}))

it.each([
  [0x0100, 1, 1, 0, 0x0101],
  [0x0100, 1, 1, 1, 0x0102],
  [0x0100, 0x100, 8, 3, 0x0218],
  [0xff00, 0x100, 1, 0, 0x0000],
])('PF %#x, offset %i, stride %i: VF %i is %#x', (pf, firstVfOffset, vfStride, index, rid) =>
  expect(ridOfVf(pf, {firstVfOffset, vfStride}, index)).toBe(rid),
)
