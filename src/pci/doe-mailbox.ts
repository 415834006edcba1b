/**
 * One DOE instance as a state machine, PCIe r6.2 §6.30.2: idle → sending → waiting → receiving → idle. Whatever goes
 * wrong on the way ends in an abort, after which the mailbox is idle again, or dead when the device does not even obey
 * that. There is no lock against the kernel or firmware: who meets them is told that somebody else uses the mailbox.
 */
import {get, hex} from '../bits/index.js'
import {ErrnoError, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import type {Bdf} from './bdf.js'
import type {DoeMailbox} from './config-space.js'
import {type DoeFailures, doeFailures} from './doe-failures.js'
import type {DoeFeature} from './doe-features.js'
import {decodeDoeHeader, DOE_HEADER_LENGTH, type DoeObject, encodeDoeObject, MAX_DOE_PAYLOAD} from './doe-objects.js'
import {DOE_STATUS, type DoeRegisters, doeRegisters} from './doe-registers.js'

/** `fresh`: not used yet, so that whatever is found there was left behind by somebody. */
export type DoeState = 'fresh' | 'idle' | 'exchanging' | 'dead'

export interface DoeExchangeOptions {
  /**
   * Milliseconds for the whole exchange; the second that the specification gives unless given. On top come a second for
   * an abort when it fails, and for the very first exchange two seconds to clear away what somebody left behind.
   */
  readonly timeout?: number | undefined
  /** Bytes of payload that the caller takes; an answer that announces more is refused before any of it is read. */
  readonly largest?: number | undefined
  /** Types of the request's vendor that may answer it; its own unless given. */
  readonly answers?: readonly number[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** Milliseconds for an answer, and for an abort. */
export const DOE_TIMEOUT = 1000

const NANOSECONDS = 1_000_000
const DWORD = 4
/** Between two looks at the status: short at first, then as Linux does it. */
const PAUSES = {first: 1, last: 8}
/** Bytes between two looks at clock, signal and status while an object goes through. */
const STRIDE = 1024

const {busy: BUSY, error: ERROR, ready: READY} = DOE_STATUS
const has = (bit: number, status: number): boolean => get(bit, status) === 1
const isFree = (status: number): boolean => !has(BUSY, status)
const isSettled = (status: number): boolean => has(READY, status) || has(ERROR, status)
const isIdle = (status: number): boolean => isFree(status) && !isSettled(status)

interface Limits {
  readonly deadline: bigint
  readonly timeout: number
  readonly signal: AbortSignal | undefined
}

export class DoeInstance {
  readonly bdf: Bdf
  /** Of the capability, in configuration space. */
  readonly offset: number
  /** Of the capability; it decides on the version of discovery. */
  readonly version: number
  /** For messages to people. */
  readonly name: string
  readonly #kernel: Kernel
  readonly #registers: DoeRegisters
  readonly #failures: DoeFailures
  #state: DoeState = 'fresh'
  /** Settles, without failing, when the exchange under way is over. */
  #flight: Promise<unknown> | undefined
  #isReleased = false

  constructor(kernel: Kernel, bdf: Bdf, {offset, version}: Pick<DoeMailbox, 'offset' | 'version'>) {
    this.bdf = bdf
    this.offset = offset
    this.version = version
    this.name = `the DOE mailbox at ${hex(offset, 3)} of ${bdf}`
    this.#kernel = kernel
    this.#registers = doeRegisters(kernel, bdf, offset)
    this.#failures = doeFailures(this.name, bdf, offset)
  }

  get state(): DoeState {
    return this.#state
  }

  /** Ends an exchange that is under way, and leaves the mailbox idle as far as it lets itself. Never throws. */
  async release(): Promise<void> {
    this.#isReleased = true
    await this.#flight
  }

  /**
   * Sends one object and waits for its answer. Throws TsmctlError: `timeout`, `busy` (somebody else uses the mailbox),
   * `malformed`, `transition` (the device reports an error, or the mailbox is dead), `not-permitted`, `not-found` (the
   * function is gone), and ErrnoError EINTR on abort; afterwards the mailbox is `idle`, aborted, or `dead`.
   */
  async exchange(request: DoeObject, options: DoeExchangeOptions = {}): Promise<DoeObject> {
    const flight = this.#exchange(request, options)
    // one that is refused because another is under way must not take its place
    this.#flight ??= this.#settled(flight)
    return flight
  }

  async #settled(flight: Promise<unknown>): Promise<void> {
    try {
      await flight
    } catch {
      // told to whoever asked for the exchange
    }
    this.#flight = undefined
  }

  async #exchange(request: DoeObject, options: DoeExchangeOptions): Promise<DoeObject> {
    const {timeout = DOE_TIMEOUT, largest = MAX_DOE_PAYLOAD, answers = [request.type], signal} = options
    const bytes = encodeDoeObject(request)
    if (this.#state === 'dead') throw this.#failures.dead()
    if (this.#state === 'exchanging') throw this.#failures.underWay()
    const isFresh = this.#state === 'fresh'
    this.#checkSignal(signal)
    this.#state = 'exchanging'
    try {
      if (isFresh) await this.#settle(signal)
      else this.#requireIdle('before anything was sent')
      const limits = {deadline: this.#after(timeout), timeout, signal}
      await this.#send(bytes, limits)
      await this.#waitForAnswer(limits)
      const answer = await this.#receive(request, answers, largest, limits)
      this.#state = 'idle'
      return answer
    } catch (error) {
      throw await this.#afterAbort(error)
    }
  }

  readonly #after = (milliseconds: number): bigint =>
    this.#kernel.monotonic() + BigInt(Math.ceil(milliseconds * NANOSECONDS))

  #checkSignal(signal: AbortSignal | undefined): void {
    if (!signal?.aborted && !this.#isReleased) return
    throw new ErrnoError('EINTR', 'use', this.name, {subject: this.bdf, path: undefined})
  }

  /** Looks at the status until it `suffices`, or until the deadline; returns what it saw last. */
  async #poll(deadline: bigint, suffices: (status: number) => boolean, check?: () => void): Promise<number> {
    for (let pause = PAUSES.first; ; pause = Math.min(pause * 2, PAUSES.last)) {
      check?.()
      const status = this.#registers.status()
      const left = Number(deadline - this.#kernel.monotonic()) / NANOSECONDS
      if (suffices(status) || left <= 0) return status
      // one look after the other is what polling means
      // oxlint-disable-next-line no-await-in-loop
      await this.#kernel.sleep(Math.min(pause, Math.ceil(left)))
    }
  }

  /** A mailbox nobody here has used yet: what a predecessor left behind is waited for, then aborted. */
  async #settle(signal: AbortSignal | undefined): Promise<void> {
    const status = await this.#poll(this.#after(DOE_TIMEOUT), isFree, () => this.#checkSignal(signal))
    if (!isIdle(status) && !(await this.#abort())) throw this.#failures.inUse('before anything was sent', status)
  }

  #requireIdle(when: string): void {
    const status = this.#registers.status()
    if (has(ERROR, status)) throw this.#failures.deviceError(when, status)
    if (!isIdle(status)) throw this.#failures.inUse(when, status)
  }

  /** Every so many dwords of a long object: is there still time, and does anybody still want it? */
  async #breathe({deadline, timeout, signal}: Limits): Promise<void> {
    await this.#kernel.sleep(0)
    this.#checkSignal(signal)
    if (this.#kernel.monotonic() > deadline) throw this.#failures.timedOut(timeout, this.#registers.status())
  }

  async #send(bytes: Uint8Array, limits: Limits): Promise<void> {
    for (let at = 0; at < bytes.length; at += DWORD) {
      // a FIFO takes one dword after the other
      // oxlint-disable-next-line no-await-in-loop
      if (at % STRIDE === STRIDE - DWORD) await this.#breathe(limits)
      this.#registers.push(bytes.subarray(at, at + DWORD))
    }
    this.#requireIdle('while an object was written')
    this.#registers.command('go')
  }

  async #waitForAnswer({deadline, timeout, signal}: Limits): Promise<void> {
    const status = await this.#poll(deadline, isSettled, () => this.#checkSignal(signal))
    if (has(ERROR, status)) throw this.#failures.deviceError('instead of an answer', status)
    if (!has(READY, status)) throw this.#failures.timedOut(timeout, status)
  }

  /** Ready goes only with the last dword: somebody else took some, or the device announced more than it has. */
  #requireReady(at: number, length: number): void {
    const status = this.#registers.status()
    if (has(ERROR, status)) throw this.#failures.deviceError('in the middle of its answer', status)
    if (!has(READY, status)) throw this.#failures.truncated(at, length, status)
  }

  /** Length of the object that `header` announces, when it is one that may come. */
  #checkHeader(request: DoeFeature, answers: readonly number[], largest: number, header: Uint8Array): number {
    const {vendor, type, length} = decodeDoeHeader(header)
    if (vendor !== request.vendor || !answers.includes(type))
      throw this.#failures.foreignObject({vendor, type}, request, this.#registers.status())
    const payload = length - DOE_HEADER_LENGTH
    if (payload < 0) throw this.#failures.badLength('an answer shorter than its own header came')
    if (payload > largest)
      throw this.#failures.badLength(`an answer of ${payload} bytes came, more than the ${largest} taken here`)
    return length
  }

  async #receive(request: DoeFeature, answers: readonly number[], largest: number, limits: Limits): Promise<DoeObject> {
    const registers = this.#registers
    const header = new Uint8Array(DOE_HEADER_LENGTH)
    header.set(registers.head())
    registers.pop()
    header.set(registers.head(), DWORD)
    const length = this.#checkHeader(request, answers, largest, header)
    const payload = new Uint8Array(length - DOE_HEADER_LENGTH)
    for (let at = 0; at < payload.length; at += DWORD) {
      if (at % STRIDE === STRIDE - DWORD) {
        // oxlint-disable-next-line no-await-in-loop
        await this.#breathe(limits)
        this.#requireReady(DOE_HEADER_LENGTH + at, length)
      }
      registers.pop()
      payload.set(registers.head(), at)
    }
    this.#requireReady(length, length)
    registers.pop()
    const status = registers.status()
    if (has(ERROR, status)) throw this.#failures.deviceError('at the end of its answer', status)
    if (has(READY, status)) throw this.#failures.excess(length, status)
    const {vendor, type} = decodeDoeHeader(header)
    return {vendor, type, payload}
  }

  /** Aborts whatever is under way; false, and dead, when the device does not become idle within a second. */
  async #abort(): Promise<boolean> {
    this.#state = 'dead'
    try {
      this.#registers.command('abort')
      const status = await this.#poll(this.#after(DOE_TIMEOUT), isIdle)
      if (!isIdle(status)) return false
    } catch (error) {
      if (error instanceof TsmctlError) return false
      throw error
    }
    this.#state = 'idle'
    return true
  }

  /** What to throw for `error` once the mailbox was aborted: the error, or that the mailbox is dead because of it. */
  async #afterAbort(error: unknown): Promise<unknown> {
    const isDead = this.#state === 'dead' || !(await this.#abort())
    const isTelling = error instanceof TsmctlError && !['not-found', 'not-permitted'].includes(error.kind)
    return isDead && isTelling ? this.#failures.deadAfter(error, DOE_TIMEOUT) : error
  }
}
