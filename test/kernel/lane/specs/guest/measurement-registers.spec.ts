/** Measurement registers as the kernel shows them (Linux drivers/virt/coco/guest/tsm-mr.c), with those of `tsmtest_tvm`. */
import {createHash} from 'node:crypto'
import {afterAll, beforeAll, expect, it} from 'vitest'
import {type Kernel, liveKernel} from '../../../../../src/kernel/index.js'
import {errno, rejectedErrno} from '../../../errnos.js'
import {provide, withdraw} from '../../guest/tvm.js'

const DEVICE = '/sys/devices/virtual/misc/tdx_guest'
const REGISTERS = `${DEVICE}/measurements`
const SIZE = 48
const FIXED = ['mrconfigid', 'mrowner', 'mrownerconfig', 'mrtd:sha384']
const EXTENDABLE = ['rtmr0:sha384', 'rtmr1:sha384', 'rtmr2:sha384', 'rtmr3:sha384']

let kernel: Kernel

const at = (name: string): string => `${REGISTERS}/${name}`
const digest = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte)
const extended = (old: Uint8Array, by: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha384').update(old).update(by).digest())

beforeAll(() => {
  provide()
  kernel = liveKernel()
})
afterAll(() => {
  kernel.close()
  withdraw()
})

it('shows registers below their device, with hash and size', () => {
  expect(kernel.list(REGISTERS)).toEqual([...FIXED, ...EXTENDABLE])
  for (const name of FIXED) expect(kernel.stat(at(name))).toEqual({type: 'file', mode: 0o444, size: SIZE})
  for (const name of EXTENDABLE) expect(kernel.stat(at(name))).toEqual({type: 'file', mode: 0o644, size: SIZE})
})

it('reads each of them whole and in parts', () => {
  expect(kernel.read(at('mrtd:sha384'))).toEqual(new Uint8Array(createHash('sha384').update('tsmtest mrtd').digest()))
  for (const name of [...FIXED, ...EXTENDABLE]) expect(kernel.read(at(name))).toHaveLength(SIZE)
  expect(kernel.readAt(at('mrtd:sha384'), 40, 16)).toEqual(kernel.read(at('mrtd:sha384')).slice(40))
})

it('extends by one digest: SHA-384 of what was there and what is written', async () => {
  const old = kernel.read(at('rtmr2:sha384'))
  await kernel.write(at('rtmr2:sha384'), digest(SIZE, 1))
  const once = kernel.read(at('rtmr2:sha384'))
  expect(once).toEqual(extended(old, digest(SIZE, 1)))
  await kernel.write(at('rtmr2:sha384'), digest(SIZE, 1))
  expect(kernel.read(at('rtmr2:sha384'))).toEqual(extended(once, digest(SIZE, 1)))
  expect(kernel.read(at('rtmr3:sha384'))).toEqual(old)
})

it('refuses what is too short, and changes nothing', async () => {
  const old = kernel.read(at('rtmr3:sha384'))
  expect(await rejectedErrno(kernel.write(at('rtmr3:sha384'), digest(47, 1)))).toBe('EINVAL')
  expect(await rejectedErrno(kernel.write(at('rtmr3:sha384'), digest(1, 1)))).toBe('EINVAL')
  expect(kernel.read(at('rtmr3:sha384'))).toEqual(old)
})

it('takes the beginning of what is too long: an error that has extended the register', async () => {
  const old = kernel.read(at('rtmr3:sha384'))
  await expect(kernel.write(at('rtmr3:sha384'), digest(SIZE + 1, 7))).rejects.toMatchObject({
    errno: 'EIO',
    kind: 'transition',
    got: 'only 48 of 49 bytes were taken',
  })
  expect(kernel.read(at('rtmr3:sha384'))).toEqual(extended(old, digest(SIZE, 7)))
})

it('never writes a register in parts', () => {
  const old = kernel.read(at('rtmr3:sha384'))
  expect(errno(() => kernel.writeAt(at('rtmr3:sha384'), 0, digest(4, 1)))).toBe('EINVAL')
  expect(kernel.read(at('rtmr3:sha384'))).toEqual(old)
})

it('refuses to write what cannot be extended', async () => {
  expect(await rejectedErrno(kernel.write(at('mrconfigid'), digest(SIZE, 1)))).toBe('EACCES')
})
