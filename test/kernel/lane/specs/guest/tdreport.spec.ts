/**
 * TDREPORT by ioctl(2), whose argument holds everything inline (Linux include/uapi/linux/tdx-guest.h); offsets of the
 * report are those of the Intel TDX module's REPORTMACSTRUCT, TEE_TCB_INFO and TDINFO_STRUCT. The device is
 * `tsmtest_tvm`'s: its hashes are right, its MAC is zero.
 */
import {createHash} from 'node:crypto'
import {afterAll, beforeAll, expect, it} from 'vitest'
import {ioctlNumber, type Kernel, liveKernel} from '../../../../../src/kernel/index.js'
import {rejectedErrno} from '../../../errnos.js'
import {asNobody} from '../../guest/nobody.js'
import {provide, withdraw} from '../../guest/tvm.js'

const DEVICE = '/dev/tdx_guest'
const DATA = 64
const LENGTH = 1024
const GET_REPORT = ioctlNumber('read-write', 0x54, 1, DATA + LENGTH)
const DIGEST = 48

let kernel: Kernel

const sha384 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha384').update(bytes).digest())

async function reportOn(data: Uint8Array): Promise<Uint8Array> {
  const argument = new Uint8Array(DATA + LENGTH)
  argument.set(data)
  const answer = await kernel.ioctl(DEVICE, GET_REPORT, argument)
  expect(answer.slice(0, DATA)).toEqual(argument.slice(0, DATA))
  return answer.slice(DATA)
}

const part = (report: Uint8Array, offset: number, length: number): Uint8Array => report.slice(offset, offset + length)

beforeAll(() => {
  provide()
  kernel = liveKernel()
})
afterAll(() => {
  kernel.close()
  withdraw()
})

it('gives a report on the data, whose hashes are those of its parts', async () => {
  expect(GET_REPORT).toBe(0xc4405401)
  const data = Uint8Array.from({length: DATA}, (_, i) => i)
  const report = await reportOn(data)
  expect(report).toHaveLength(LENGTH)
  expect(report[0]).toBe(0x81)
  expect(part(report, 128, DATA)).toEqual(data)
  expect(part(report, 32, DIGEST)).toEqual(sha384(part(report, 256, 239)))
  expect(part(report, 80, DIGEST)).toEqual(sha384(part(report, 512, 512)))
  expect(part(report, 528, DIGEST)).toEqual(sha384(Buffer.from('tsmtest mrtd')))
})

it('follows the registers', async () => {
  const register = '/sys/devices/virtual/misc/tdx_guest/measurements/rtmr1:sha384'
  await kernel.write(register, new Uint8Array(DIGEST).fill(3))
  const report = await reportOn(new Uint8Array(DATA))
  expect(part(report, 768, DIGEST)).toEqual(kernel.read(register))
  expect(part(report, 768, DIGEST)).not.toEqual(new Uint8Array(DIGEST))
  expect(part(report, 80, DIGEST)).toEqual(sha384(part(report, 512, 512)))
})

it('refuses another number, an argument that is too short, and an aborted call', async () => {
  const argument = new Uint8Array(DATA + LENGTH)
  const another = ioctlNumber('read-write', 0x54, 2, DATA + LENGTH)
  expect(await rejectedErrno(kernel.ioctl(DEVICE, another, argument))).toBe('ENOTTY')
  expect(await rejectedErrno(kernel.ioctl(DEVICE, GET_REPORT, argument.slice(1)))).toBe('EINVAL')
  expect(await rejectedErrno(kernel.ioctl(DEVICE, GET_REPORT, argument, AbortSignal.abort()))).toBe('EINTR')
})

it('is for root', async () => {
  expect(kernel.stat(DEVICE)).toMatchObject({mode: 0o600})
  const answer = await asNobody(async () => {
    const another = liveKernel()
    try {
      return await rejectedErrno(another.ioctl(DEVICE, GET_REPORT, new Uint8Array(DATA + LENGTH)))
    } finally {
      another.close()
    }
  })
  expect(answer).toBe('EACCES')
})

it('has no device without its driver', async () => {
  withdraw()
  expect(kernel.stat(DEVICE)).toBeUndefined()
  expect(await rejectedErrno(kernel.ioctl(DEVICE, GET_REPORT, new Uint8Array(DATA + LENGTH)))).toBe('ENOENT')
  expect(await rejectedErrno(kernel.ioctl('/dev/null', GET_REPORT, new Uint8Array(DATA + LENGTH)))).toBe('ENOTTY')
})
