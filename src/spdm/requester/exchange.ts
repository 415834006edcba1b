/**
 * One request and everything that can happen until its response is there: retries, deferred and chunked responses
 * (DSP0274 1.3 §8.2, §10.12, §10.13, §10.26, §10.27). What is returned is of the right version and kind, decoded by its
 * layout, and free of padding; what it says is for the caller to judge.
 */
import type {AnyLayout} from '../../bits/index.js'
import {contextOf, MIN_DATA_TRANSFER_SIZE} from '../negotiation/index.js'
import {
  type DecodedMessage,
  ERROR,
  type MessageContext,
  RESPOND_IF_READY,
  SPDM_CODE,
  SPDM_ERROR_CODE,
  type SpdmMessageName,
} from '../messages/index.js'
import type {SecureSession} from '../session/index.js'
import type {Budget} from './budget.js'
import {fetchLarge, sendLarge} from './chunks.js'
import {handlingOf} from './error-table.js'
import {errorName} from './failure.js'
import type {Link} from './link.js'
import {codeName, codeOf, decodeResponse} from './response.js'

export interface Ask<L extends AnyLayout> {
  readonly request: SpdmMessageName
  readonly message: Uint8Array
  readonly response: L
  /** What the request adds to the connection's context. */
  readonly context?: MessageContext | undefined
  /** Completes "cannot …". */
  readonly attempted: string
  /** The responder has to sign, verify or agree on keys. */
  readonly crypto?: boolean | undefined
  readonly session?: SecureSession | undefined
  readonly beforeOpen?: (() => void) | undefined
}

/** Milliseconds before the first repetition after Busy; doubled every time. */
const FIRST_PAUSE = 10
const LONGEST_PAUSE = 1000
/** Times a responder may put us off with ResponseNotReady. */
const MOST_DEFERRALS = 32
/** Bytes a record adds to the message in it, with room to spare. */
const RECORD_OVERHEAD = 64

const NESTED: readonly (number | undefined)[] = [SPDM_CODE.CHUNK_RESPONSE, SPDM_CODE.CHUNK_SEND_ACK]

type Error = ReturnType<typeof ERROR.decode>

export class Conversation<L extends AnyLayout> {
  readonly #link: Link
  readonly #budget: Budget
  readonly #ask: Ask<L>
  #pause = FIRST_PAUSE
  #deferrals = 0
  /** What Busy makes us repeat. */
  #message: Uint8Array
  /** The bytes at hand came through chunks: exact, and no way to more chunks. */
  #isReassembled = false

  constructor(link: Link, budget: Budget, ask: Ask<L>) {
    this.#link = link
    this.#budget = budget
    this.#ask = ask
    this.#message = ask.message
  }

  get #padding(): number {
    const {transport} = this.#link.settings
    return this.#ask.session === undefined && !this.#isReassembled ? transport.maxPadding : 0
  }

  get #context(): MessageContext {
    const {connection, version} = this.#link
    return connection === undefined ? {version, ...this.#ask.context} : contextOf(connection, this.#ask.context)
  }

  readonly #send = (message: Uint8Array): Promise<Uint8Array> => {
    const {attempted, crypto, session, beforeOpen} = this.#ask
    this.#budget.check(attempted)
    const timeout = this.#budget.forResponse(crypto ? this.#link.cryptoTime : 0)
    return this.#link.transfer(message, {session, timeout, attempted, beforeOpen})
  }

  /** Sends the message, in chunks when the responder cannot take it at once. */
  #submit(): Promise<Uint8Array> {
    const {responderSizes, version} = this.#link
    const {session, attempted} = this.#ask
    const message = this.#message
    const size = (responderSizes?.transfer ?? Infinity) - (session === undefined ? 0 : RECORD_OVERHEAD)
    if (version < 0x12 || message.length <= (responderSizes?.transfer ?? Infinity)) return this.#send(message)
    const canChunk = responderSizes?.chunks === true
    if (!canChunk || message.length > responderSizes!.message)
      throw this.#link.failure(
        attempted,
        'refused',
        `a request of ${message.length} bytes, the responder takes ${canChunk ? responderSizes!.message : responderSizes!.transfer}`,
        {kind: 'unsupported', harmless: true},
      )
    return sendLarge(
      this.#link,
      {message, handle: this.#link.nextHandle(), size: Math.max(size, MIN_DATA_TRANSFER_SIZE), padding: this.#padding},
      this.#send,
    )
  }

  async run(): Promise<DecodedMessage<L>> {
    const {request, response, attempted, session} = this.#ask
    this.#link.checkLegal(request, session)
    this.#link.transcripts?.begin(request, session?.id ?? 'clear')
    const expected = SPDM_CODE[response.name as SpdmMessageName]
    let reply = await this.#submit()
    for (;;) {
      const code = codeOf(reply)
      if (code === expected) return decodeResponse(this.#link, attempted, response, reply, this.#context, this.#padding)
      if (code !== SPDM_CODE.ERROR)
        throw this.#link.failure(
          attempted,
          'unexpected-response',
          `the responder answered ${request} with ${codeName(code)}`,
        )
      reply = await this.#recover(this.#readError(reply))
    }
  }

  /** Before a version is agreed, ERROR may have any version; afterwards only the agreed one. */
  #readError(reply: Uint8Array): Error {
    const {phase, version} = this.#link
    const context = phase === 'start' || phase === 'version' ? {} : {version}
    return decodeResponse(this.#link, this.#ask.attempted, ERROR, reply, context, this.#padding).value
  }

  /** The next reply after `error`, or a failure. */
  async #recover(error: Error): Promise<Uint8Array> {
    const handling = handlingOf(error.errorCode)
    switch (handling.action) {
      case 'again':
        return this.#again()
      case 'later':
        return this.#later(error)
      case 'fetch':
        return this.#fetch(error)
      case 'refused':
      case 'end':
        throw this.#refusal(error)
    }
  }

  async #again(): Promise<Uint8Array> {
    const {attempted} = this.#ask
    if (this.#pause >= this.#budget.remaining)
      throw this.#link.failure(attempted, 'busy', 'the responder stays busy', {hint: 'try again later'})
    await this.#budget.pause(this.#pause, attempted)
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE)
    return this.#submit()
  }

  async #later({notReady}: Error): Promise<Uint8Array> {
    const {attempted, request} = this.#ask
    const refuse = (got: string): never => {
      throw this.#link.failure(attempted, 'not-ready', got)
    }
    if (this.#link.phase === 'start') refuse('VERSION cannot be deferred')
    const {rdtExponent, requestCode, token, rdtm} = notReady!
    if (requestCode !== SPDM_CODE[request]) refuse(`${codeName(requestCode)} is said not to be ready, not ${request}`)
    if (rdtm <= 1) refuse(`the response would be dropped at once (RDTM ${rdtm})`)
    const wait = 2 ** rdtExponent / 1000
    if (wait >= this.#budget.remaining) refuse(`the responder wants 2^${rdtExponent} microseconds`)
    this.#deferrals++
    if (this.#deferrals > MOST_DEFERRALS) refuse(`not ready after ${MOST_DEFERRALS} deferrals`)
    await this.#budget.pause(wait, attempted)
    this.#message = RESPOND_IF_READY.encode({requestCode, token}, {version: this.#link.version})
    return this.#submit()
  }

  async #fetch({handle}: Error): Promise<Uint8Array> {
    const {attempted} = this.#ask
    const {responderSizes} = this.#link
    if (this.#isReassembled) throw this.#link.failure(attempted, 'chunk', 'a large response inside a large response')
    if (responderSizes?.chunks !== true)
      throw this.#link.failure(attempted, 'chunk', 'a response in chunks, which were not agreed')
    const whole = await fetchLarge(this.#link, handle!, this.#padding, this.#send)
    if (NESTED.includes(codeOf(whole)))
      throw this.#link.failure(attempted, 'chunk', 'chunks that hold another message of the transfer')
    this.#isReassembled = true
    return whole
  }

  #refusal({errorCode, errorData}: Error) {
    const {attempted, request, session} = this.#ask
    const handling = handlingOf(errorCode)
    this.#link.transcripts?.failed(session?.id ?? 'clear')
    const ended = handling.action === 'end'
    const data = errorCode === SPDM_ERROR_CODE.UnsupportedRequest ? ` (${codeName(errorData)})` : ''
    if (ended && handling.reason === 'session-lost') session?.end()
    return this.#link.failure(
      attempted,
      ended ? handling.reason : 'refused',
      `the responder answered ${request} with ${errorName(errorCode)}${data}`,
      {
        errorCode,
        harmless: !ended,
        hint: 'hint' in handling ? handling.hint : undefined,
        ...(errorCode === SPDM_ERROR_CODE.UnsupportedRequest && {kind: 'unsupported'}),
      },
    )
  }
}

/** Asks, and returns the response; throws RequesterError. The transcripts' `begin` and `failed` have been seen to. */
export const exchange = <L extends AnyLayout>(link: Link, budget: Budget, ask: Ask<L>): Promise<DecodedMessage<L>> =>
  new Conversation(link, budget, ask).run()
