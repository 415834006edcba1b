/** Registers of one DOE instance, each access a single configuration cycle. PCIe r6.2 §7.9.24. */
import {get, hex, mask, prep} from '../bits/index.js'
import {ErrnoError, errnoOf, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {type Bdf} from './bdf.js'
import {DOE} from './doe-layouts.js'
import {deviceDirectory} from './functions.js'

type DoeField = 'abort' | 'go' | 'busy' | 'error' | 'ready'

const maskOf = (name: DoeField): number => {
  const field = DOE.fields[name]
  if (field.kind !== 'flag') throw new RangeError(`${name} is no single bit`)
  return mask(field.hi, field.lo)
}

/** Offsets from the capability. */
export const DOE_REGISTER = {control: 0x08, status: 0x0c, write: 0x10, read: 0x14} as const
/** Single bits of the control and status registers, as masks of their dwords. */
export const DOE_CONTROL = {abort: maskOf('abort'), go: maskOf('go')}
export const DOE_STATUS = {busy: maskOf('busy'), error: maskOf('error'), ready: maskOf('ready')}

const NAMES = {busy: 'DOE Busy', error: 'DOE Error', ready: 'Data Object Ready'} as const

/** What a status register says, for messages: `80000001h (DOE Busy, Data Object Ready)`. */
export function statusText(status: number): string {
  const set = (['busy', 'error', 'ready'] as const).filter(name => get(DOE_STATUS[name], status) === 1)
  return `${hex(status, 8)} (${set.length === 0 ? 'idle' : set.map(name => NAMES[name]).join(', ')})`
}

/** No register of the capability has all bits set: so reads a function that is gone or without power. */
const ALL_ONES = 0xffff_ffff
const DWORD = 4
const ANY_VALUE = new Uint8Array(DWORD)

const dwordOf = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset, DWORD).getUint32(0, true)

function bytesOf(word: number): Uint8Array {
  const bytes = new Uint8Array(DWORD)
  new DataView(bytes.buffer).setUint32(0, word, true)
  return bytes
}

const cleared = (field: number, word: number): number => word - prep(field, get(field, word))

const PRIVILEGE =
  'Run as root (CAP_SYS_ADMIN) on a kernel that is not locked down: otherwise configuration space can neither be read beyond its header nor written.'

export interface DoeRegisters {
  /** Throws TsmctlError `not-found` when the function no longer answers. */
  status(): number
  /** Sets one bit of the control register and leaves the others as they are. */
  command(bit: keyof typeof DOE_CONTROL): void
  /** Writes one dword of an object. */
  push(dword: Uint8Array): void
  /** The dword at the head of the read mailbox; reading does not take it away. */
  head(): Uint8Array
  /** Takes the head away. */
  pop(): void
}

/**
 * Registers of the capability at `offset` of the function `bdf`. Every method throws ErrnoError as the kernel refuses,
 * and TsmctlError `not-permitted` where it does not show so much of configuration space.
 */
export function doeRegisters(kernel: Kernel, bdf: Bdf, offset: number): DoeRegisters {
  const path = `${deviceDirectory(bdf)}/config`
  const attempted = `use the DOE mailbox at ${hex(offset, 3)} of ${bdf}`

  function refusing<T>(access: () => T): T {
    try {
      return access()
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === undefined) throw error
      const hint = errno === 'EPERM' || errno === 'EACCES' ? PRIVILEGE : undefined
      throw new ErrnoError(errno, (error as ErrnoError).syscall, path, {attempted, subject: bdf, hint, cause: error})
    }
  }

  const read = (register: number): Uint8Array => {
    const bytes = refusing(() => kernel.readAt(path, offset + register, DWORD))
    if (bytes.length === DWORD) return bytes
    throw new TsmctlError({
      kind: 'not-permitted',
      attempted,
      subject: bdf,
      path,
      got: 'its registers lie beyond the part of configuration space that can be read',
      hint: PRIVILEGE,
    })
  }
  const write = (register: number, bytes: Uint8Array): void =>
    refusing(() => kernel.writeAt(path, offset + register, bytes))

  const answered = (word: number): number => {
    if (word !== ALL_ONES) return word
    throw new TsmctlError({
      kind: 'not-found',
      attempted,
      subject: bdf,
      got: 'the function does not answer: its configuration space reads all ones',
      hint: 'It was removed, reset or lost power; tsmctl list shows what is there.',
    })
  }

  return {
    status: () => answered(dwordOf(read(DOE_REGISTER.status))),
    command(bit) {
      const {abort, go} = DOE_CONTROL
      const others = cleared(abort, cleared(go, answered(dwordOf(read(DOE_REGISTER.control)))))
      write(DOE_REGISTER.control, bytesOf(others + prep(DOE_CONTROL[bit], 1)))
    },
    push: dword => write(DOE_REGISTER.write, dword),
    head: () => read(DOE_REGISTER.read),
    pop: () => write(DOE_REGISTER.read, ANY_VALUE),
  }
}
