/**
 * The one error family. Every failure a user can meet is a `TsmctlError`: its kind decides the exit code, its named
 * fields say what was attempted on which device, what came back, and what to do next. The message is composed here and
 * nowhere else, and every foreign string in it goes through `printable`.
 */

/** Exit code of every kind of failure; 0 is success. Documented in `docs/exit-codes.md`. */
export const EXIT_CODES = {
  bug: 1,
  usage: 2,
  'not-found': 3,
  denied: 4,
  malformed: 5,
  'not-permitted': 6,
  unsupported: 7,
  busy: 8,
  timeout: 9,
  review: 10,
  policy: 11,
  transition: 12,
  interrupted: 130,
} as const

export type ErrorKind = keyof typeof EXIT_CODES

/** What a failure consists of. `attempted` completes "cannot …"; `got` is what came back; `hint` is the next step. */
export interface Failure {
  readonly kind: ErrorKind
  readonly attempted: string
  /** Device the failure is about, as a BDF, or the TSM's name. */
  readonly subject?: string | undefined
  readonly path?: string | undefined
  readonly got?: string | undefined
  readonly hint?: string | undefined
  readonly cause?: unknown
  /** Machine-readable extras, shown under `error.details` in JSON. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
}

export class TsmctlError extends Error {
  readonly kind: ErrorKind
  readonly attempted: string
  readonly subject: string | undefined
  readonly path: string | undefined
  readonly got: string | undefined
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, unknown>> | undefined

  constructor(failure: Failure) {
    super(compose(failure), failure.cause === undefined ? undefined : {cause: failure.cause})
    this.name = 'TsmctlError'
    this.kind = failure.kind
    this.attempted = failure.attempted
    this.subject = failure.subject
    this.path = failure.path
    this.got = failure.got
    this.hint = failure.hint
    this.details = failure.details
  }

  get exitCode(): number {
    return EXIT_CODES[this.kind]
  }
}

/** "cannot lock 0000:01:00.0: EBUSY (device or resource busy) [/sys/…/tsm/lock]" without the hint. */
function compose({attempted, subject, got, path}: Failure): string {
  const about = subject === undefined || attempted.includes(subject) ? '' : ` (${printable(subject, 128)})`
  const where = path === undefined || attempted.includes(path) || got?.includes(path) ? '' : ` [${printablePath(path)}]`
  return `cannot ${attempted}${about}${got === undefined ? '' : `: ${got}`}${where}`
}

/** Meaning of the errnos this tool meets, in words an operator can use. */
export const ERRNO_MEANING: Readonly<Record<string, string>> = {
  EPERM: 'operation not permitted',
  ENOENT: 'no such file or attribute',
  EINTR: 'interrupted by a signal',
  EIO: 'input/output error',
  ENXIO: 'no such device or address',
  EAGAIN: 'temporarily unavailable, try again',
  ENOMEM: 'out of memory',
  EACCES: 'permission denied',
  EFAULT: 'bad address, or the TSM could not set up the connection',
  EBUSY: 'device or resource busy',
  EEXIST: 'already exists',
  ENODEV: 'no such device',
  ENOTDIR: 'not a directory',
  EISDIR: 'is a directory',
  EINVAL: 'invalid argument',
  ENOTTY: 'operation not supported by this device',
  EFBIG: 'too large',
  ENOSPC: 'no space left on device',
  EROFS: 'read-only: this host cannot be changed',
  ERANGE: 'out of range',
  ENOTEMPTY: 'directory not empty',
  ELOOP: 'too many symbolic links',
  EOPNOTSUPP: 'not supported by the provider',
  ETIMEDOUT: 'timed out',
  ESTALE: 'stale: the evidence changed meanwhile',
  ENOBUFS: 'receive buffer overrun',
  EMSGSIZE: 'message too long',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by the other side',
  EPIPE: 'the other side closed the connection',
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'not an address of this machine',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'no such host',
}

const ERRNO_KIND: Readonly<Record<string, ErrorKind>> = {
  EPERM: 'not-permitted',
  EACCES: 'not-permitted',
  EROFS: 'not-permitted',
  ENOENT: 'not-found',
  ENODEV: 'not-found',
  ENXIO: 'not-found',
  ENOTDIR: 'not-found',
  EOPNOTSUPP: 'unsupported',
  ENOTTY: 'unsupported',
  EBUSY: 'busy',
  EAGAIN: 'busy',
  ESTALE: 'busy',
  EINTR: 'interrupted',
  ETIMEDOUT: 'timeout',
  EISDIR: 'usage',
}

/** An operating-system refusal, as the kernel port reports it: `errno` is the symbolic name. */
export class ErrnoError extends TsmctlError {
  readonly errno: string
  readonly syscall: string

  constructor(errno: string, syscall: string, path: string, extra: Partial<Failure> = {}) {
    super({
      // refused writes may have changed something; a refused read has not
      kind: ERRNO_KIND[errno] ?? (syscall === 'write' ? 'transition' : 'unsupported'),
      attempted: `${syscall} ${printablePath(path)}`,
      got: describeErrno(errno),
      path,
      ...extra,
    })
    this.name = 'ErrnoError'
    this.errno = errno
    this.syscall = syscall
  }
}

/** `EBUSY (device or resource busy)`. */
export function describeErrno(errno: string): string {
  const meaning = ERRNO_MEANING[errno]
  return meaning === undefined ? errno : `${errno} (${meaning})`
}

/** The errno of an error, or undefined when it is not an operating-system refusal. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof ErrnoError ? error.errno : undefined
}

const HARMLESS = /^[ !#-[\]-~]*$/

/** `\xNN`, or `\u{N}` beyond Latin-1. */
function escaped(char: string): string {
  const code = char.codePointAt(0)!
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}

/**
 * Renders an untrusted string (device, host, policy) for terminals, logs and messages: 0x20–0x7E verbatim except `"`
 * and `\`, everything else as `\xNN` or `\u{N}`, cut after `max` source characters with the number of those left out.
 * Injective on inputs up to the cut. Bytes are taken as Latin-1, so that no decoding error can hide any of them.
 */
export function printable(text: string | Uint8Array, max = 64): string {
  // most text is harmless, and a listing has much of it
  if (typeof text === 'string' && text.length <= max && HARMLESS.test(text)) return text
  const source = typeof text === 'string' ? [...text] : Array.from(text, byte => String.fromCharCode(byte))
  let out = ''
  for (const char of source.slice(0, max)) {
    const code = char.codePointAt(0)!
    if (code >= 0x20 && code <= 0x7e && char !== '"' && char !== '\\') out += char
    else out += escaped(char)
  }
  return source.length > max ? `${out}(+${source.length - max})` : out
}

/**
 * A sentence of ours whose foreign strings went through `printable` already: whatever could drive a terminal is escaped
 * all the same, but quotes and backslashes stay, so that nothing is escaped twice.
 */
export function harmless(sentence: string, max = 1000): string {
  const text = sentence.replaceAll(/[^\x20-\x7e]/gu, escaped)
  return text.length > max ? `${text.slice(0, max)}(+${text.length - max})` : text
}

/** `printable` with room for a file's path. */
export const printablePath = (path: string): string => printable(path, 512)

/** `printable` in double quotes: for values whose ends matter. */
export function quoted(text: string | Uint8Array, max = 64): string {
  return `"${printable(text, max)}"`
}
