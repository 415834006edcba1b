/**
 * The device's side of a DOE instance: registers that answer one dword at a time, PCIe r6.2 §6.30.2. It discards in
 * silence what it does not understand, as the specification demands, and can be made to misbehave.
 */
import {DecodeError, get, prep} from '../bits/index.js'
import {
  decodeDoeObject,
  DOE_CONTROL,
  DOE_DISCOVERY,
  DOE_REGISTER,
  DOE_STATUS,
  type DoeFeature,
  type DoeObject,
  encodeDoeObject,
  includesFeature,
  MAX_DOE_PAYLOAD,
} from '../pci/index.js'
import {discoveryEntry} from './doe-discovery.js'

/**
 * What a mailbox does wrong:
 *
 * - `busy`, `left-over`, `left-error`: Busy, Data Object Ready or DOE Error is set although nothing was asked, until an
 *   abort: from the beginning, or a moment after an answer;
 * - `error`: DOE Error instead of an answer;
 * - `silent`: no answer, ever; Busy stays set until an abort;
 * - `slow`: the answer takes `ms` milliseconds;
 * - `foreign`: an answer of vendor 0000h and type 00h, as after a collision;
 * - `truncated`: Ready goes after half of the answer;
 * - `excess`: Ready stays after the last dword;
 * - `late-error`: DOE Error with the last dword;
 * - `short`, `huge`: a header that announces one dword, or 2^18;
 * - `circle`: discovery leads back to its first entry but one;
 * - `gone`: all registers read as ones from then on.
 */
export type MailboxFaultKind =
  | 'busy'
  | 'left-over'
  | 'left-error'
  | 'error'
  | 'silent'
  | 'slow'
  | 'foreign'
  | 'truncated'
  | 'excess'
  | 'late-error'
  | 'short'
  | 'huge'
  | 'circle'
  | 'gone'

export interface MailboxFault {
  readonly do: MailboxFaultKind
  /** Requests that pass unharmed first. */
  readonly after?: number
  /** How often it strikes; once unless given. */
  readonly times?: number | 'always'
  readonly ms?: number
  /** From then on an abort does not help either. */
  readonly stubborn?: boolean
}

export interface MailboxSpec {
  /** Version of the capability. */
  readonly version: number
  /** What it takes beside discovery. */
  readonly features: readonly DoeFeature[]
  /** Payload of the answer; undefined discards the request in silence. */
  readonly answer: (request: DoeObject) => Uint8Array | DoeObject | undefined
  readonly faults?: readonly MailboxFault[]
  /** Nanoseconds. */
  readonly monotonic: () => bigint
}

const BEFORE_REQUESTS: readonly MailboxFaultKind[] = ['busy', 'left-over', 'left-error']
const DWORD = 4
const NANOSECONDS = 1_000_000n
/** Between an answer and what comes uncalled for. */
const MOMENT = NANOSECONDS
const NEVER = undefined
const ALL_ONES = 0xffff_ffff
const LONGEST = MAX_DOE_PAYLOAD / DWORD + 2

interface Answer {
  readonly bytes: Uint8Array
  /** Bytes after which Ready goes, or stays for as long as there are. */
  readonly end: number
  readonly readyAt: bigint
  readonly isLastWrong: boolean
}

const wordAt = (bytes: Uint8Array, at: number): number =>
  at + DWORD <= bytes.length ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true) : 0

export class SimMailbox {
  readonly #spec: MailboxSpec
  #faults: readonly MailboxFault[]
  /** Bits of the control register that are no commands. */
  #control = 0
  #written: number[] = []
  #answer: Answer | undefined
  /** Bytes of the answer that were taken. */
  #taken = 0
  #isBusy = false
  #isError = false
  #isStubborn = false
  #isGone = false
  /** Since when nothing has been going on; undefined while it has. */
  #idleSince: bigint | undefined

  constructor(spec: MailboxSpec) {
    this.#spec = spec
    this.#faults = spec.faults ?? []
    this.#idleSince = spec.monotonic() - MOMENT
  }

  /** The dword at `register`, an offset from the capability. Reading has no effect. */
  read(register: number): number {
    this.#happen()
    if (this.#isGone) return ALL_ONES
    switch (register) {
      case DOE_REGISTER.control:
        return this.#control
      case DOE_REGISTER.status:
        return this.#status()
      case DOE_REGISTER.read:
        return this.#isReady() ? wordAt(this.#answer!.bytes, this.#taken) : 0
      default:
        return 0
    }
  }

  write(register: number, word: number): void {
    this.#happen()
    if (this.#isGone) return
    if (register === DOE_REGISTER.control) this.#command(word)
    else if (register === DOE_REGISTER.write) this.#take(word)
    else if (register === DOE_REGISTER.read && this.#isReady()) this.#pop()
  }

  #isReady(): boolean {
    const answer = this.#answer
    return answer !== undefined && answer.readyAt <= this.#spec.monotonic() && this.#taken < answer.end
  }

  #status(): number {
    const {busy, error, ready} = DOE_STATUS
    const isReady = this.#isReady()
    const isAnswering = this.#answer !== undefined && !isReady && this.#taken === 0
    return (
      prep(busy, Number(this.#isBusy || isAnswering)) +
      prep(error, Number(this.#isError)) +
      prep(ready, Number(isReady && !this.#isError))
    )
  }

  #command(word: number): void {
    const {abort, go} = DOE_CONTROL
    this.#control = word - prep(abort, get(abort, word)) - prep(go, get(go, word))
    if (get(abort, word) === 1) this.#abort()
    else if (get(go, word) === 1) this.#go()
  }

  #abort(): void {
    this.#written = []
    if (this.#isStubborn) {
      this.#isBusy = true
      return
    }
    this.#answer = NEVER
    this.#isBusy = false
    this.#isError = false
    this.#rest()
  }

  #take(word: number): void {
    if (this.#written.length < LONGEST) this.#written.push(word)
  }

  #pop(): void {
    const {end, isLastWrong} = this.#answer!
    this.#taken += DWORD
    if (this.#taken < end) return
    this.#answer = NEVER
    this.#isError = isLastWrong
    if (!isLastWrong) this.#rest()
  }

  /** The fault among `kinds` that strikes now; those of other kinds do not come closer. */
  #struck(isMeant: (kind: MailboxFaultKind) => boolean): MailboxFault | undefined {
    const fault = this.#faults.find(each => isMeant(each.do) && (each.after ?? 0) === 0)
    if (fault === undefined) return undefined
    const {times = 1} = fault
    const rest = times === 'always' ? [fault] : times > 1 ? [{...fault, times: times - 1}] : []
    this.#faults = this.#faults.flatMap(each => (each === fault ? rest : [each]))
    if (fault.stubborn === true) this.#isStubborn = true
    return fault
  }

  #rest(): void {
    this.#taken = 0
    this.#idleSince = this.#spec.monotonic()
  }

  /** What goes wrong while nobody asks, as seen by whoever looks next. */
  #happen(): void {
    if (this.#idleSince === undefined || this.#spec.monotonic() < this.#idleSince + MOMENT) return
    const fault = this.#struck(kind => BEFORE_REQUESTS.includes(kind))
    if (fault === undefined) return
    this.#idleSince = undefined
    this.#isBusy = fault.do === 'busy'
    this.#isError = fault.do === 'left-error'
    if (fault.do === 'left-over') this.#give(encodeDoeObject({...DOE_DISCOVERY, payload: new Uint8Array(DWORD)}))
  }

  #give(bytes: Uint8Array, changes: Partial<Answer> = {}): void {
    this.#answer = {bytes, end: bytes.length, readyAt: this.#spec.monotonic(), isLastWrong: false, ...changes}
    this.#taken = 0
  }

  /** The request that was written, when it is one. */
  #request(): DoeObject | undefined {
    const bytes = new Uint8Array(this.#written.length * DWORD)
    const data = new DataView(bytes.buffer)
    for (const [i, word] of this.#written.entries()) data.setUint32(i * DWORD, word, true)
    try {
      return decodeDoeObject(bytes)
    } catch (error) {
      if (error instanceof DecodeError) return undefined
      throw error
    } finally {
      this.#written = []
    }
  }

  #answerTo(request: DoeObject, isCircular: boolean): DoeObject | undefined {
    const {features, version, answer} = this.#spec
    if (includesFeature([DOE_DISCOVERY], request)) {
      const payload = discoveryEntry([DOE_DISCOVERY, ...features], version, request.payload, isCircular)
      return payload === undefined ? undefined : {...DOE_DISCOVERY, payload}
    }
    if (!includesFeature(features, request)) return undefined
    const given = answer(request)
    return given instanceof Uint8Array ? {...request, payload: given} : given
  }

  #go(): void {
    if (this.#isBusy || this.#isError || this.#answer !== undefined) {
      // a second object while one is in flight
      this.#written = []
      this.#isError = true
      return
    }
    this.#idleSince = undefined
    const request = this.#request()
    const fault = this.#struck(kind => !BEFORE_REQUESTS.includes(kind))
    this.#faults = this.#faults.map(each => ((each.after ?? 0) > 0 ? {...each, after: each.after! - 1} : each))
    if (fault?.do === 'gone') this.#isGone = true
    if (fault?.do === 'error') this.#isError = true
    if (fault?.do === 'silent') this.#isBusy = true
    const answer = request === undefined ? undefined : this.#answerTo(request, fault?.do === 'circle')
    if (answer === undefined || this.#isGone || this.#isError || this.#isBusy) return
    this.#distort(encodeDoeObject(answer), fault)
  }

  #distort(bytes: Uint8Array, fault: MailboxFault | undefined): void {
    const half = Math.floor(bytes.length / DWORD / 2) * DWORD
    const {buffer} = bytes
    const header = new DataView(buffer, bytes.byteOffset)
    switch (fault?.do) {
      case 'slow':
        return this.#give(bytes, {readyAt: this.#spec.monotonic() + BigInt(fault.ms ?? 0) * NANOSECONDS})
      case 'foreign':
        bytes.fill(0, 0, 3)
        return this.#give(bytes)
      case 'truncated':
        return this.#give(bytes, {end: half})
      case 'excess':
        return this.#give(bytes, {end: bytes.length + DWORD})
      case 'late-error':
        return this.#give(bytes, {isLastWrong: true})
      case 'short':
      case 'huge':
        header.setUint32(DWORD, fault.do === 'short' ? 1 : 0, true)
        return this.#give(bytes)
      default:
        return this.#give(bytes)
    }
  }
}
