/** What a responder knows about its connection, and what the handlers of requests are given. */
import type {Phase} from '../legality.js'
import type {CapabilityFlags, GET_CAPABILITIES, SpdmMessageName} from '../messages/index.js'
import {type MessageContext, SPDM_VERSION} from '../messages/index.js'
import {type Connection, contextOf} from '../negotiation/index.js'
import type {SecureSession} from '../session/index.js'
import type {Scope, Transcript, Transcripts} from '../transcript/index.js'
import type {ResponderOptions} from './options.js'

/** A connection whose negotiation is complete. */
export interface Negotiated {
  readonly connection: Connection
  readonly transcripts: Transcripts
  /** Chain object of each provisioned slot, ascending, under the negotiated hash. */
  readonly chains: ReadonlyMap<number, Uint8Array>
}

export interface Session {
  readonly id: number
  readonly secure: SecureSession
  readonly kind: 'exchange' | 'psk'
  /** FINISH is expected outside the session. */
  readonly isClearHandshake: boolean
  readonly heartbeatPeriod: number
  /** TH so far. */
  readonly th: Transcript
  /** The key update that VerifyNewKey has to conclude. */
  isUpdating: boolean
  /** `monotonic` when the last record was opened. */
  lastSeen: number
}

/** A response that waits for CHUNK_GET. */
export interface LargeResponse {
  readonly handle: number
  readonly message: Uint8Array
  next: number
  sent: number
  /** Done when the last chunk is on its way. */
  readonly afterwards: (() => void) | undefined
}

/** A request that arrives by CHUNK_SEND. */
export interface LargeRequest {
  readonly handle: number
  readonly size: number
  readonly chunks: Uint8Array[]
  next: number
  received: number
}

/** A request that waits for RESPOND_IF_READY. */
export interface Deferred {
  readonly name: SpdmMessageName
  readonly code: number
  readonly token: number
  readonly request: Uint8Array
}

/** What is under way between two messages of one scope. */
export interface Transfer {
  response?: LargeResponse | undefined
  request?: LargeRequest | undefined
  deferred?: Deferred | undefined
}

export class State {
  phase: Phase = 'start'
  /** SPDMVersion of responses. */
  version: number = SPDM_VERSION['1.0']
  /** Messages of the negotiation so far. */
  vca: readonly Uint8Array[] = []
  flags: CapabilityFlags | undefined
  requester: ReturnType<typeof GET_CAPABILITIES.decode> | undefined
  negotiated: Negotiated | undefined
  readonly sessions = new Map<number, Session>()
  /** The session whose FINISH is expected in the clear. */
  clearHandshake: number | undefined
  /** Of the next large response, and of the next response that is not ready. */
  nextHandle = 0
  nextToken = 0
  readonly transfers = new Map<Scope, Transfer>()

  transfer(scope: Scope): Transfer {
    const known = this.transfers.get(scope)
    if (known !== undefined) return known
    const made: Transfer = {}
    this.transfers.set(scope, made)
    return made
  }
}

/** One request on its way through the responder. */
export interface Call {
  readonly options: ResponderOptions
  readonly state: State
  readonly name: SpdmMessageName
  /** The message; `read` cuts off what the transport put behind it. */
  readonly bytes: Uint8Array
  /** Undefined in the clear. */
  readonly session: Session | undefined
}

/** `afterwards` is done when the response is on its way. */
export interface Answer {
  readonly response: Uint8Array
  readonly afterwards?: (() => void) | undefined
}

export type Handler = (call: Call) => Uint8Array | Answer | undefined

export const scopeOf = ({session}: Pick<Call, 'session'>): Scope => session?.id ?? 'clear'

/** The negotiation, which the legality table has found complete. */
export const negotiatedOf = ({state}: Pick<Call, 'state'>): Negotiated => state.negotiated!

/** Context of this call's messages. */
export const contextFor = (call: Call, more: MessageContext = {}): MessageContext =>
  contextOf(negotiatedOf(call).connection, more)

/** Ends `session` and tells who asked to know. */
export function endSession({options, state}: Pick<Call, 'options' | 'state'>, session: Session): void {
  if (!state.sessions.delete(session.id)) return
  state.transfers.delete(session.id)
  if (state.clearHandshake === session.id) state.clearHandshake = undefined
  session.secure.end()
  options.onSessionEnd?.(session.id)
}
