/** Numbers of ioctl(2) requests: Linux `include/uapi/asm-generic/ioctl.h`, as on x86, arm64 and riscv. */
import {get, mask, prep} from '../bits/index.js'

const FIELD = {number: mask(7, 0), type: mask(15, 8), size: mask(29, 16), direction: mask(31, 30)}
/** `_IOC_WRITE` is 1: user space writes. */
const DIRECTION = {none: 0, write: 1, read: 2, 'read-write': 3} as const

export type IoctlDirection = keyof typeof DIRECTION

/**
 * Number of the request `number` of the driver `type` with an argument of `size` bytes, as `_IOC(dir, type, nr, size)`.
 * Direction as user space sees it. Throws RangeError for what does not fit its field.
 */
export function ioctlNumber(direction: IoctlDirection, type: number, number: number, size: number): number {
  return (
    prep(FIELD.direction, DIRECTION[direction]) +
    prep(FIELD.size, size) +
    prep(FIELD.type, type) +
    prep(FIELD.number, number)
  )
}

/** Bytes of the argument that the number of a request names; 0 for numbers from before there was such a field. */
export const sizeOfIoctl = (request: number): number => get(FIELD.size, request)
