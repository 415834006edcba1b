/** From Node's errors to `ErrnoError`: by number where libuv has no name for what the kernel said, or another one. */
import {constants} from 'node:os'
import {ERRNO_MEANING, ErrnoError, type Failure} from '../errors.js'

/** Numbers of Linux `include/uapi/asm-generic/errno.h` and `include/linux/errno.h` that Node's table lacks. */
const BEYOND_NODE: Readonly<Record<number, string>> = {
  121: 'EREMOTEIO',
  126: 'ENOKEY',
  127: 'EKEYEXPIRED',
  128: 'EKEYREVOKED',
  129: 'EKEYREJECTED',
  524: 'ENOTSUPP',
}

/** Where two names share a number (EOPNOTSUPP and ENOTSUP, EAGAIN and EWOULDBLOCK), the one this tool explains wins. */
const NAMES: ReadonlyMap<number, string> = new Map(
  [...Object.entries(constants.errno), ...Object.entries(BEYOND_NODE).map(([n, name]) => [name, Number(n)] as const)]
    .sort(([a], [b]) => Number(a in ERRNO_MEANING) - Number(b in ERRNO_MEANING))
    .map(([name, number]) => [number, name]),
)

/** Symbolic name of a positive errno, `errno 999` when it has none. */
export const errnoName = (number: number): string => NAMES.get(number) ?? `errno ${number}`

/**
 * `error` as an ErrnoError about `path`. A path Node refuses to hand to the kernel (NUL inside) is EINVAL; what is not
 * about the operating system is thrown unchanged.
 */
export function errnoError(error: unknown, verb: string, path: string, extra?: Partial<Failure>): ErrnoError {
  if (error instanceof ErrnoError) return error
  const {errno, code} = error as NodeJS.ErrnoException
  if (typeof errno === 'number' && errno < 0) return new ErrnoError(errnoName(-errno), verb, path, extra)
  if (code === 'ERR_INVALID_ARG_VALUE') return new ErrnoError('EINVAL', verb, path, extra)
  throw error
}
