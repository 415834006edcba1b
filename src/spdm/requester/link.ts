/** One connection at the requester's side: what has been agreed, and the one way onto the wire. */
import {concat} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import type {Phase} from '../legality.js'
import {END_SESSION, type SpdmMessageName} from '../messages/index.js'
import type {Connection} from '../negotiation/index.js'
import type {SecureSession} from '../session/index.js'
import type {Datagram} from '../transport/index.js'
import {type Scope, Transcripts} from '../transcript/index.js'
import {Budget} from './budget.js'
import {type FailureReason, RequesterError, type RequesterFailure} from './failure.js'
import {whyIllegal} from './legality.js'
import type {Settings} from './settings.js'

export class Link {
  readonly settings: Settings
  phase: Phase = 'start'
  /** SPDMVersion of the next message. */
  version = 0x10
  /** Agreed facts, once there are any. */
  connection: Connection | undefined
  transcripts: Transcripts | undefined
  /** Milliseconds that a response with cryptography may take, by the responder's CTExponent. */
  cryptoTime: number
  /**
   * Largest message the responder takes in one piece, and at all, and whether both sides take chunks: from CAPABILITIES
   * on, since NEGOTIATE_ALGORITHMS may be too large for one piece. Undefined before, and up to 1.1.
   */
  responderSizes: {readonly transfer: number; readonly message: number; readonly chunks: boolean} | undefined
  /** Sessions that are open or being opened, by ID. */
  readonly sessions = new Map<number, SecureSession>()
  #handle = 0
  #closed = false
  #isBusy = false

  constructor(settings: Settings) {
    this.settings = settings
    this.cryptoTime = settings.timeouts.crypto
  }

  get peer(): string {
    return this.settings.transport.peer
  }

  /** Forgets everything agreed, as GET_VERSION does on both sides. */
  restart(): void {
    for (const session of this.sessions.values()) session.end()
    this.sessions.clear()
    this.phase = 'start'
    this.version = 0x10
    this.connection = undefined
    this.transcripts = undefined
    this.responderSizes = undefined
    this.cryptoTime = this.settings.timeouts.crypto
  }

  /** Takes the outcome of a negotiation. */
  establish(connection: Connection): void {
    this.connection = connection
    this.transcripts = connection.hash === undefined ? undefined : new Transcripts(connection)
    this.phase = 'negotiated'
  }

  /** The agreed connection; a usage error before there is one. */
  get agreed(): Connection {
    if (this.connection === undefined || this.phase !== 'negotiated')
      throw new TsmctlError({kind: 'usage', attempted: 'use an SPDM connection', got: 'nothing has been negotiated'})
    return this.connection
  }

  /** Transcripts of the connection; what signs or digests needs them. */
  get notes(): Transcripts {
    if (this.transcripts === undefined)
      throw new TsmctlError({
        kind: 'unsupported',
        attempted: 'authenticate the responder',
        subject: this.peer,
        got: 'no base hash was negotiated',
      })
    return this.transcripts
  }

  /** END_SESSION. Only a responder that would keep what was negotiated is told not to. */
  get farewell(): Uint8Array {
    const {version} = this
    const clearNegotiatedState = this.connection?.responder.flags.cacheCap === true
    return END_SESSION.encode({spdmVersion: version, clearNegotiatedState}, {version})
  }

  /** Handle of the next large request. */
  nextHandle(): number {
    this.#handle = (this.#handle + 1) % 256
    return this.#handle
  }

  failure(attempted: string, reason: FailureReason, got: string, more: Partial<RequesterFailure> = {}): RequesterError {
    return new RequesterError({attempted, reason, got, peer: this.peer, ...more})
  }

  /** Throws unless `request` may be sent now. */
  checkLegal(request: SpdmMessageName, session: SecureSession | undefined): void {
    const why = whyIllegal(request, {version: this.version, phase: this.phase, session: session?.phase})
    if (why !== undefined)
      throw new TsmctlError({kind: 'usage', attempted: `send ${request}`, subject: this.peer, got: why})
  }

  /**
   * Sends one message and returns what comes back: decrypted, but otherwise as it came. `beforeOpen` runs when a record
   * has arrived and before it is opened.
   */
  async transfer(message: Uint8Array, {session, timeout, attempted, beforeOpen}: Transfer): Promise<Uint8Array> {
    const {transport, signal, onExchange, offer} = this.settings
    const request: Datagram =
      session === undefined ? {secured: false, payload: message} : {secured: true, payload: session.seal(message)}
    if (request.payload.length > transport.maxPayload)
      throw new TsmctlError({
        kind: 'unsupported',
        attempted,
        subject: this.peer,
        got: `a message of ${request.payload.length} bytes does not fit the transport, which takes ${transport.maxPayload}`,
      })
    const scope: Scope = session?.id ?? 'clear'
    let reply: Datagram
    try {
      reply = await transport.exchange(request, timeout, signal)
    } catch (error) {
      onExchange?.({request: message, response: undefined, scope})
      throw error
    }
    if (reply.secured !== request.secured) {
      const [want, is] = request.secured
        ? ['a secured message', 'one in the clear']
        : ['a message in the clear', 'a secured one']
      throw this.failure(attempted, 'unexpected-response', `the responder answered ${want} with ${is}`)
    }
    beforeOpen?.()
    const response = session === undefined ? concat(reply.payload) : session.open(reply.payload)
    onExchange?.({request: message, response, scope})
    const most = offer.dataTransferSize + transport.maxPadding
    if (this.version >= 0x12 && response.length > most)
      throw this.failure(attempted, 'malformed', `a response of ${response.length} bytes, we take ${most} at once`)
    return response
  }

  /**
   * Runs one operation with its own budget. SPDM has one request under way at a time, and a failure that is not just a
   * refusal ends the connection.
   */
  async run<T>(attempted: string, operation: (budget: Budget) => Promise<T>): Promise<T> {
    if (this.#closed) throw this.failure(attempted, 'closed', 'the connection is closed', {hint: 'connect again'})
    if (this.#isBusy) throw new TsmctlError({kind: 'usage', attempted, got: 'another request is under way'})
    this.#isBusy = true
    try {
      const budget = new Budget({...this.settings, peer: this.peer})
      budget.check(attempted)
      return await operation(budget)
    } catch (error) {
      if (endsConnection(error)) {
        if (error instanceof RequesterError && !SPEECHLESS.includes(error.reason)) await this.#takeLeave()
        await this.close()
      }
      throw error
    } finally {
      this.#isBusy = false
    }
  }

  /** Tells the responder that sessions whose keys are still good are over, so that it does not keep them. */
  async #takeLeave(): Promise<void> {
    const {response: timeout} = this.settings.timeouts
    const message = this.farewell
    for (const session of this.sessions.values())
      if (session.phase === 'application')
        try {
          await this.transfer(message, {session, timeout, attempted: 'end a session'})
        } catch {
          // the failure that brought us here is the one to report
          return
        }
  }

  /** Forgets all keys and lets go of the transport. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const session of this.sessions.values()) session.end()
    this.sessions.clear()
    await this.settings.transport.close()
  }
}

export interface Transfer {
  readonly session: SecureSession | undefined
  /** Milliseconds. */
  readonly timeout: number
  readonly attempted: string
  readonly beforeOpen?: (() => void) | undefined
}

/** After these the transport may not be used, or nobody listens. */
const SPEECHLESS: readonly FailureReason[] = ['timeout', 'interrupted', 'closed']

/** Misuse and what we cannot do ourselves leave the peer as it was. */
const LOCAL: readonly string[] = ['usage', 'unsupported']

export function endsConnection(error: unknown): boolean {
  if (error instanceof RequesterError) return error.ends
  return !(error instanceof TsmctlError && LOCAL.includes(error.kind))
}
