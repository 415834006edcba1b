/** What an observer knows of a connection since its GET_VERSION. */
import {concat, DecodeError, type Seen} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import type {MessageContext, SpdmMessageName} from '../messages/index.js'
import {askedOf, type Connection, connectionOf, contextOf, encapsulatedContext, parseVca} from '../negotiation/index.js'
import {Transcript, Transcripts} from '../transcript/index.js'

/** Requests of the negotiation, in their order. */
const NEGOTIATION: readonly SpdmMessageName[] = ['GET_VERSION', 'GET_CAPABILITIES', 'NEGOTIATE_ALGORITHMS']

const NOT_SEEN = 'the negotiation is not in the capture'

/** A message of another version is odd, but no obstacle to reading it. */
function anyVersion(context: MessageContext): MessageContext {
  const {version: _, ...sizes} = context
  return sizes
}

export class Conversation {
  readonly #given: MessageContext
  #vca: Uint8Array[] = []
  connection: Connection | undefined
  transcripts: Transcripts | undefined
  /** Why there are no transcripts. */
  why = NOT_SEEN
  /** DIGESTS of the requester, for a multi-key connection of it. */
  requesterDigests: Uint8Array | undefined
  /** B' and C' of mutual authentication. */
  #mutual: Uint8Array[] = []

  /** `given`: what somebody says about a connection whose negotiation is not in the capture. */
  constructor(given: MessageContext) {
    this.#given = given
  }

  /** Notes an exchange of the negotiation. Returns what is wrong with it once it is whole. */
  negotiate(request: SpdmMessageName, asked: Uint8Array, answered: Uint8Array): string | undefined {
    const step = NEGOTIATION.indexOf(request)
    if (step < 0 || this.#vca.length < 2 * step) return undefined
    this.#vca = [...this.#vca.slice(0, 2 * step), asked, answered]
    return this.#vca.length === 2 * NEGOTIATION.length ? this.#agree() : undefined
  }

  #agree(): string | undefined {
    try {
      this.connection = connectionOf(parseVca(concat(...this.#vca)))
      this.transcripts = new Transcripts(this.connection)
      return undefined
    } catch (error) {
      if (!(error instanceof TsmctlError)) throw error
      this.why = error instanceof DecodeError ? `the negotiation does not hold: ${error.message}` : error.message
      return this.why
    }
  }

  /** Sizes for messages between requester and responder, as far as they are known. */
  context(): MessageContext {
    return this.connection === undefined ? this.#given : anyVersion(contextOf(this.connection))
  }

  /** The same for messages that go the other way, encapsulated: the requester answers and signs. */
  reversedContext(): MessageContext {
    if (this.connection !== undefined) return anyVersion(encapsulatedContext(this.connection))
    const {requesterSignatureSize} = this.#given
    const signature = requesterSignatureSize === undefined ? {} : {signatureSize: requesterSignatureSize}
    return {...this.#given, ...signature, multiKey: 0, summary: 0}
  }

  /** What `request` says about the extent of its response. */
  responseContext(name: SpdmMessageName, request: Seen | undefined, base: MessageContext): MessageContext {
    return request === undefined ? base : {...base, ...askedOf(name, request, this.connection?.responder.flags)}
  }

  /** GET_DIGESTS and GET_CERTIFICATE of the responder, with their answers. */
  noteMutualIdentity(request: SpdmMessageName, asked: Uint8Array, answered: Uint8Array): void {
    if (request === 'GET_DIGESTS') this.#mutual = []
    this.#mutual.push(asked, answered)
  }

  /** M1/M2 of the requester: since 1.2 with the negotiation in front. */
  mutualChallenge(asked: Uint8Array, unsigned: Uint8Array): Transcript | undefined {
    const {connection} = this
    if (connection?.hash === undefined || this.transcripts === undefined) return undefined
    const transcript = Transcript.start(connection.hash)
    if (connection.version >= 0x12) transcript.append(connection.vca)
    transcript.append(...this.#mutual, asked, unsigned)
    this.#mutual = []
    return transcript
  }
}
