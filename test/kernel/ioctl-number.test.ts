import {expect, it} from 'vitest'
import {ioctlNumber} from '../../src/kernel/index.js'

it.each([
  // Linux uapi linux/random.h, linux/tdx-guest.h, linux/sev-guest.h
  ['RNDGETENTCNT', 0x80045200, ioctlNumber('read', 0x52, 0, 4)],
  ['RNDCLEARPOOL', 0x5206, ioctlNumber('none', 0x52, 6, 0)],
  ['RNDADDTOENTCNT', 0x40045201, ioctlNumber('write', 0x52, 1, 4)],
  ['TDX_CMD_GET_REPORT0', 0xc4405401, ioctlNumber('read-write', 0x54, 1, 64 + 1024)],
  ['SNP_GET_REPORT', 0xc0205300, ioctlNumber('read-write', 0x53, 0, 32)],
])('%s is 0x%s', (_, expected, number) => {
  expect(number).toBe(expected)
})

it('refuses what does not fit', () => {
  expect(() => ioctlNumber('read', 256, 0, 4)).toThrow(RangeError)
  expect(() => ioctlNumber('read', 0x52, 0, 16_384)).toThrow(RangeError)
})
