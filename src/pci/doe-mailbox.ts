/**
 * One DOE instance as a state machine, PCIe r6.2 §6.30.2: idle → sending → waiting → receiving → idle. Whatever goes
 * wrong on the way ends in an abort, after which the mailbox is idle again, or dead when the device does not even obey
 * that. There is no lock against the kernel or firmware: who meets them is told that somebody else uses the mailbox.
 */
import {get, hex} from '../bits/index.js'
import {type ErrorKind, ErrnoError, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import type {Bdf} from './bdf.js'
import type {DoeMailbox} from './config-space.js'
import {type DoeFeature, featureText} from './doe-features.js'
import {decodeDoeHeader, DOE_HEADER_LENGTH, type DoeObject, encodeDoeObject, MAX_DOE_PAYLOAD} from './doe-objects.js'
import {DOE_STATUS, type DoeRegisters, doeRegisters, statusText} from './doe-registers.js'
import {deviceDirectory} from './functions.js'

/** `fresh`: not used yet, so that whatever is found there was left behind by somebody. */
export type DoeState = 'fresh' | 'idle' | 'exchanging' | 'dead'

export interface DoeExchangeOptions {
  /** Milliseconds for the whole exchange; the second that the specification gives unless given. An abort comes on top. */
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
/** Dwords between two looks at clock, signal and status while an object goes through. */
const STRIDE = 256

const {busy: BUSY, error: ERROR, ready: READY} = DOE_STATUS
const has = (bit: number, status: number): boolean => get(bit, status) === 1
const isIdle = (status: number): boolean => !has(BUSY, status) && !has(ERROR, status) && !has(READY, status)

const NOBODY_ELSE =
  'Nothing else may use this mailbox meanwhile: no TSM driver, no other tool. A collision can leave it dead until the function is removed and rescanned.'
const ENUMERATE = (bdf: Bdf): string =>
  `Write 1 to ${deviceDirectory(bdf)}/remove, then 1 to /sys/bus/pci/rescan: only a new enumeration of the function revives its mailbox.`

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
    if (this.#state === 'dead')
      throw this.#failure('transition', 'it is dead since an abort failed', ENUMERATE(this.bdf))
    if (this.#state === 'exchanging') throw this.#failure('bug', 'an exchange is under way')
    const isFresh = this.#state === 'fresh'
    const limits = {deadline: this.#after(timeout), timeout, signal}
    this.#checkSignal(signal)
    this.#state = 'exchanging'
    try {
      await (isFresh ? this.#settle(limits) : this.#requireIdle('before anything was sent'))
      await this.#send(bytes, limits)
      await this.#waitForAnswer(limits)
      const answer = await this.#receive(request, answers, largest, limits)
      this.#state = 'idle'
      return answer
    } catch (error) {
      throw await this.#afterAbort(error)
    }
  }

  #failure(kind: ErrorKind, got: string, hint?: string, status?: number): TsmctlError {
    return new TsmctlError({
      kind,
      attempted: `use ${this.name}`,
      subject: this.bdf,
      got: status === undefined ? got : `${got}; its status register reads ${statusText(status)}`,
      hint,
      details: {mailbox: hex(this.offset, 3), ...(status === undefined ? {} : {status: hex(status, 8)})},
    })
  }

  readonly #after = (milliseconds: number): bigint =>
    this.#kernel.monotonic() + BigInt(Math.ceil(milliseconds * NANOSECONDS))

  #checkSignal(signal: AbortSignal | undefined): void {
    if (!signal?.aborted && !this.#isReleased) return
    throw new ErrnoError('EINTR', 'use', this.name, {subject: this.bdf, path: undefined})
  }

  #timedOut({timeout}: Limits, status: number): TsmctlError {
    const hint = 'The device may be slow, or discards what it does not understand; nothing is wrong with trying again.'
    return this.#failure('timeout', `no answer within ${timeout} ms`, hint, status)
  }

  /** Looks at the status until `suffices`, or until the deadline; returns what it saw last. */
  async #poll(deadline: bigint, signal: AbortSignal | undefined, suffices: (status: number) => boolean) {
    for (let pause = PAUSES.first; ; pause = Math.min(pause * 2, PAUSES.last)) {
      this.#checkSignal(signal)
      const status = this.#registers.status()
      const left = Number(deadline - this.#kernel.monotonic()) / NANOSECONDS
      if (suffices(status) || left <= 0) return status
      // one look after the other is what polling means
      // oxlint-disable-next-line no-await-in-loop
      await this.#kernel.sleep(Math.min(pause, Math.ceil(left)))
    }
  }

  /** A mailbox nobody here has used yet: what a predecessor left behind is waited for, then aborted. */
  async #settle({deadline, signal}: Limits): Promise<void> {
    const status = await this.#poll(deadline, signal, found => !has(BUSY, found))
    if (isIdle(status)) return
    if (!(await this.#abort())) throw this.#failure('busy', 'it is in use or stuck', NOBODY_ELSE, status)
  }

  async #requireIdle(when: string): Promise<void> {
    const status = this.#registers.status()
    if (isIdle(status)) return
    if (has(ERROR, status))
      throw this.#failure('transition', `the device reports an error ${when}`, NOBODY_ELSE, status)
    throw this.#failure('busy', `somebody else uses it: it was not idle ${when}`, NOBODY_ELSE, status)
  }

  /** Every so many dwords of a long object: is there still time, and does anybody still want it? */
  async #breathe(at: number, limits: Limits): Promise<boolean> {
    if (at === 0 || (at / DWORD) % STRIDE !== 0) return false
    await this.#kernel.sleep(0)
    this.#checkSignal(limits.signal)
    if (this.#kernel.monotonic() > limits.deadline) throw this.#timedOut(limits, this.#registers.status())
    return true
  }

  async #send(bytes: Uint8Array, limits: Limits): Promise<void> {
    for (let at = 0; at < bytes.length; at += DWORD) {
      // a FIFO takes one dword after the other
      // oxlint-disable-next-line no-await-in-loop
      await this.#breathe(at, limits)
      this.#registers.push(bytes.subarray(at, at + DWORD))
    }
    await this.#requireIdle('while an object was written')
    this.#registers.command('go')
  }

  async #waitForAnswer(limits: Limits): Promise<void> {
    const {deadline, signal} = limits
    const status = await this.#poll(deadline, signal, found => has(READY, found) || has(ERROR, found))
    if (has(ERROR, status)) throw this.#refused('instead of an answer', status)
    if (!has(READY, status)) throw this.#timedOut(limits, status)
  }

  #refused(when: string, status: number): TsmctlError {
    const hint = `The device could not handle the request, or somebody else interfered. ${NOBODY_ELSE}`
    return this.#failure('transition', `the device reports an error ${when}`, hint, status)
  }

  /** Ready goes only with the last dword: somebody else took some, or the device announced more than it has. */
  #requireReady(at: number, length: number): void {
    const status = this.#registers.status()
    if (has(ERROR, status)) throw this.#refused('in the middle of its answer', status)
    if (has(READY, status)) return
    const hint = `The device announced more than it has, or somebody else read along. ${NOBODY_ELSE}`
    throw this.#failure('malformed', `the answer is truncated: it ended before byte ${at} of ${length}`, hint, status)
  }

  #checkHeader(request: DoeFeature, answers: readonly number[], largest: number, header: Uint8Array): number {
    const {vendor, type, length} = decodeDoeHeader(header)
    if (vendor !== request.vendor || !answers.includes(type))
      throw this.#failure(
        'busy',
        `an object ${featureText({vendor, type})} came where one of ${featureText(request)} was due: somebody else uses this mailbox`,
        NOBODY_ELSE,
        this.#registers.status(),
      )
    const payload = length - DOE_HEADER_LENGTH
    const hint = 'The device breaks the rules of PCIe r6.2 §6.30.1, or somebody else interfered.'
    if (payload < 0) throw this.#failure('malformed', 'an answer shorter than its own header came', hint)
    if (payload > largest)
      throw this.#failure('malformed', `an answer of ${payload} bytes came, more than the ${largest} taken here`, hint)
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
      // oxlint-disable-next-line no-await-in-loop
      if (await this.#breathe(at, limits)) this.#requireReady(at, length)
      registers.pop()
      payload.set(registers.head(), at)
    }
    this.#requireReady(length, length)
    registers.pop()
    const status = registers.status()
    if (has(ERROR, status)) throw this.#refused('at the end of its answer', status)
    if (has(READY, status))
      throw this.#failure('malformed', `more than the announced ${length} bytes came`, NOBODY_ELSE, status)
    const {vendor, type} = decodeDoeHeader(header)
    return {vendor, type, payload}
  }

  /** Aborts whatever is under way; false, and dead, when the device does not become idle within a second. */
  async #abort(): Promise<boolean> {
    this.#state = 'dead'
    try {
      this.#registers.command('abort')
      const status = await this.#poll(this.#after(DOE_TIMEOUT), undefined, isIdle)
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
    if (!isDead || !isTelling) return error
    return new TsmctlError({
      kind: 'transition',
      attempted: error.attempted,
      subject: this.bdf,
      got: `${error.got ?? error.message}; then an abort did not end within ${DOE_TIMEOUT} ms: the mailbox is dead`,
      hint: ENUMERATE(this.bdf),
      details: {...error.details, dead: true},
      cause: error,
    })
  }
}
