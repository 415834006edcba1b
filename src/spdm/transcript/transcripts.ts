/**
 * The transcripts of one connection, built by noting each exchange once, in order. Both sides and a passive observer keep
 * the same ones: A (the negotiation), B (digests and certificates), L1/L2 per session, and the start of TH (DSP0274 1.3
 * §10.8.2, §10.11.3, §10.15.3). Messages enter as they were sent: without transport padding, reassembled if chunked.
 */
import type {SpdmMessageName} from '../messages/index.js'
import type {Connection} from '../negotiation/index.js'
import {TsmctlError} from '../../errors.js'
import {Transcript} from './transcript.js'

/** Session an exchange belongs to, or `clear`. */
export type Scope = number | 'clear'

/** Requests that start B afresh as long as no CHALLENGE has used it (DSP0274 1.3 §10.8.2). */
const CLEARS_B: ReadonlySet<SpdmMessageName> = new Set([
  'GET_DIGESTS',
  'GET_MEASUREMENTS',
  'KEY_EXCHANGE',
  'FINISH',
  'PSK_EXCHANGE',
  'PSK_FINISH',
  'KEY_UPDATE',
  'HEARTBEAT',
  'GET_ENCAPSULATED_REQUEST',
  'DELIVER_ENCAPSULATED_RESPONSE',
  'END_SESSION',
  'GET_MEASUREMENT_EXTENSION_LOG',
])

/** Requests that belong to the transfer of another message, which alone counts. */
const TRANSFER: ReadonlySet<SpdmMessageName> = new Set(['CHUNK_GET', 'CHUNK_SEND', 'RESPOND_IF_READY'])

export class Transcripts {
  readonly #connection: Connection
  readonly #most: number
  readonly #a: Transcript
  #b: Transcript
  /** DIGESTS of the last GET_DIGESTS in the clear: part of TH in a multi-key connection. */
  #d: Uint8Array | undefined
  readonly #l = new Map<Scope, Transcript>()

  /**
   * `most`: bytes of any one transcript; what would make it longer throws TsmctlError `unsupported`, as do a connection
   * without a base hash, and a hash that cannot be computed.
   */
  constructor(connection: Connection, most = Infinity) {
    const {hash} = connection
    if (hash === undefined)
      throw new TsmctlError({
        kind: 'unsupported',
        attempted: 'keep SPDM transcripts',
        got: 'no base hash was negotiated',
      })
    this.#connection = connection
    this.#most = most
    this.#a = Transcript.start(hash, most).append(connection.vca)
    this.#b = this.#a.fork()
  }

  /** What sending `request` does to the transcripts, before its response is known. */
  begin(request: SpdmMessageName, scope: Scope): void {
    if (TRANSFER.has(request)) return
    if (scope === 'clear' && CLEARS_B.has(request)) this.#b = this.#a.fork()
    if (request !== 'GET_MEASUREMENTS') this.#l.delete(scope)
  }

  /** An ERROR other than ResponseNotReady, Busy or LargeResponse ends the run of measurements. */
  failed(scope: Scope): void {
    this.#l.delete(scope)
  }

  /** GET_DIGESTS or GET_CERTIFICATE and its response. Inside a session they do not count. */
  identity(request: Uint8Array, response: Uint8Array, scope: Scope): void {
    if (scope === 'clear') this.#b.append(request, response)
  }

  /** The DIGESTS that TH includes in a multi-key connection. */
  digests(response: Uint8Array): void {
    this.#d = response
  }

  /** M1/M2: A, B and this exchange without the signature. B is used up. */
  challenge(request: Uint8Array, unsigned: Uint8Array): Transcript {
    const m = this.#b.append(request, unsigned)
    this.#b = this.#a.fork()
    return m
  }

  /** L1/L2 with this exchange, without the signature if there is one; a signed response ends the run. */
  measurements(request: Uint8Array, unsigned: Uint8Array, isSigned: boolean, scope: Scope): Transcript {
    const start = (): Transcript =>
      this.#connection.version >= 0x12 ? this.#a.fork() : Transcript.start(this.#connection.hash!, this.#most)
    const l = (this.#l.get(scope) ?? start()).append(request, unsigned)
    if (isSigned) this.#l.delete(scope)
    else this.#l.set(scope, l)
    return l
  }

  /** IL1/IL2: GET_ENDPOINT_INFO and its response without the signature. */
  endpointInfo(request: Uint8Array, unsigned: Uint8Array): Transcript {
    return this.#a.fork(request, unsigned)
  }

  /** TH up to Ct: the negotiation, DIGESTS if multi-key, and the digest of the chain or key; nothing for a PSK. */
  handshake(chainHash?: Uint8Array): Transcript {
    const th = this.#a.fork()
    if (chainHash === undefined) return th
    if (this.#connection.multiKey && this.#d !== undefined) th.append(this.#d)
    return th.append(chainHash)
  }
}
