/**
 * The only file that knows of FFI: libc functions by way of koffi, an optional package that is loaded on first use and
 * never bundled. Calls that may block run in a helper process (`remoteLibc`), the others in this one (`libc`). Results
 * are like the kernel's: what the function returned, or the negative errno.
 */
import {createRequire} from 'node:module'
import {printable, TsmctlError} from '../../errors.js'
import type {Ask} from '../helper-process.js'

/**
 * Where the prototypes below hold, where variadic functions take their arguments like all others, and where the numbers of
 * options and ioctl requests are the generic ones: those of mips, powerpc and sparc differ, and s390 is big-endian.
 */
const ARCHITECTURES: ReadonlySet<string> = new Set(['x64', 'arm64', 'riscv64'])

const PROTOTYPES = {
  bind: 'int bind(int, const void*, unsigned int)',
  close: 'int close(int)',
  flock: 'int flock(int, int)',
  ioctl: 'int ioctl(int, unsigned long, void*)',
  open: 'int open(const void*, int, int)',
  prctl: 'int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)',
  recvfrom: 'long recvfrom(int, void*, unsigned long, int, void*, void*)',
  send: 'long send(int, const void*, unsigned long, int)',
  setsockopt: 'int setsockopt(int, int, int, const void*, unsigned int)',
  socket: 'int socket(int, int, int)',
} as const

export type Call = keyof typeof PROTOTYPES
export type Libc = Readonly<Record<Call, (...values: readonly (number | Uint8Array)[]) => number>>

/**
 * Runs in a helper: request `{koffi, call, values}`, answer `{result, out}` or `{failed}`. A value is a number, bytes to
 * hand over (`in`), bytes that come back changed (`inout`), or room for as many bytes as the call says it has filled.
 */
export const LIBC_SCRIPT = `
const prototypes = ${JSON.stringify(PROTOTYPES)}
let koffi, symbols
const calls = {}
const serve = request => {
  try {
    koffi ??= require(request.koffi)
    symbols ??= koffi.load(null)
    calls[request.call] ??= symbols.func(prototypes[request.call])
  } catch (error) {
    return {failed: String(error.message)}
  }
  const buffers = []
  const values = request.values.map(value => {
    if (typeof value === 'number') return value
    const bytes = 'room' in value ? Buffer.allocUnsafe(value.room) : Buffer.from(value.in ?? value.inout, 'base64')
    if (!('in' in value)) buffers.push([bytes, 'room' in value])
    return bytes
  })
  const returned = Number(calls[request.call](...values))
  const result = returned < 0 ? -koffi.errno() : returned
  const filled = ([bytes, isRoom]) => (isRoom ? bytes.subarray(0, Math.min(result, bytes.length)) : bytes)
  return {result, out: result < 0 ? [] : buffers.map(buffer => filled(buffer).toString('base64'))}
}
`

const missing = (attempted: string, got: string, cause?: unknown): TsmctlError =>
  new TsmctlError({
    kind: 'unsupported',
    attempted,
    got,
    hint: 'install it where tsmctl is installed: npm install koffi@3 (with -g if tsmctl was), or tsmctl without --omit=optional',
    cause,
  })

const localRequire = createRequire(import.meta.url)
let where: string | null | undefined

/** File that koffi is loaded from, looked for beside tsmctl and never in the working directory; null when absent. */
function koffiFile(): string | null {
  if (where === undefined)
    try {
      where = localRequire.resolve('koffi')
    } catch {
      where = null
    }
  return where
}

/** Whether koffi is installed; it may still fail to load. */
export const hasKoffi = (): boolean => koffiFile() !== null

/** The file of koffi. Throws TsmctlError when it is not there, or of no use on this machine; `attempted` completes "cannot …". */
function needKoffi(attempted: string): string {
  if (!ARCHITECTURES.has(process.arch))
    throw new TsmctlError({
      kind: 'unsupported',
      attempted,
      got: `calls of the C library are not known on this architecture, ${process.arch}`,
      hint: `They are on ${[...ARCHITECTURES].join(', ')}; what needs no such call works here too.`,
    })
  const file = koffiFile()
  if (file === null) throw missing(attempted, 'this needs the optional package "koffi", which is not installed')
  return file
}

const broken = (attempted: string, why: string, cause?: unknown): TsmctlError =>
  missing(attempted, `the optional package "koffi" does not load: ${printable(why, 300)}`, cause)

/** What we use of koffi. */
interface Koffi {
  /** With null: the symbols of the running program, so that glibc and musl will do. */
  load(library: null): {func(prototype: string): (...values: readonly (number | Uint8Array)[]) => number}
  errno(): number
}

let loaded: Libc | undefined

/** libc in this process, for calls that return at once. Throws TsmctlError when koffi is missing or broken. */
export function libc(attempted: string): Libc {
  const file = needKoffi(attempted)
  if (loaded !== undefined) return loaded
  try {
    const koffi = localRequire(file) as Koffi
    const symbols = koffi.load(null)
    const bound = (prototype: string): Libc[Call] => {
      const call = symbols.func(prototype)
      return (...values) => {
        const result = Number(call(...values))
        return result < 0 ? -koffi.errno() : result
      }
    }
    const calls = Object.entries(PROTOTYPES).map(([name, prototype]) => [name, bound(prototype)])
    return (loaded = Object.fromEntries(calls) as Libc)
  } catch (error) {
    throw broken(attempted, (error as Error).message, error)
  }
}

export type Value = number | {readonly in: Uint8Array} | {readonly inout: Uint8Array} | {readonly room: number}

export interface Outcome {
  readonly result: number
  /** Bytes of each `inout` and `room`, in order; empty when the call was refused. */
  readonly out: readonly Uint8Array[]
}

export type RemoteLibc = (call: Call, ...values: readonly Value[]) => Promise<Outcome>

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

function sent(value: Value): unknown {
  if (typeof value === 'number' || 'room' in value) return value
  return 'in' in value ? {in: base64(value.in)} : {inout: base64(value.inout)}
}

/** libc in a helper that runs `LIBC_SCRIPT`. Calls throw TsmctlError when koffi is missing or broken. */
export const remoteLibc =
  (ask: Ask, attempted: string): RemoteLibc =>
  async (call, ...values) => {
    const request = {koffi: needKoffi(attempted), call, values: values.map(sent)}
    const answer = await ask<{result: number; out: string[]; failed?: string}>(request)
    if (answer.failed !== undefined) throw broken(attempted, answer.failed)
    return {result: answer.result, out: answer.out.map(text => new Uint8Array(Buffer.from(text, 'base64')))}
  }
