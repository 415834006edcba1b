/** What one exchange adds to what an observer knows, and the transcript digests that matter in it. */
import type {Seen} from '../../bits/index.js'
import type {SignatureContext} from '../crypto/index.js'
import {
  type MessageContext,
  PUBLIC_KEY_SLOT,
  SPDM_CODE,
  SPDM_ERROR_CODE,
  type SpdmMessageName,
} from '../messages/index.js'
import {joinSessionId} from '../session/index.js'
import type {Scope, Transcript} from '../transcript/index.js'
import {Chains} from './chains.js'
import {Conversation} from './conversation.js'
import type {TranscriptPoint} from './event.js'
import {type Exchanged, ObservedSession} from './observed-session.js'
import {point, signatureProof, unchecked} from './proofs.js'
import {SessionKeys} from './session-keys.js'

export interface Secrets {
  /** What each KEY_EXCHANGE agreed on, in the order of the sessions. */
  readonly exchange?: readonly Uint8Array[]
  readonly psk?: Uint8Array | undefined
}

/** Without context of the responder there is no PSK_FINISH. */
const PSK_WITHOUT_CONTEXT = 1

/** Errors after which the same request may succeed, so that nothing ends with them. */
const TRANSIENT: ReadonlySet<number> = new Set([
  SPDM_ERROR_CODE.Busy,
  SPDM_ERROR_CODE.ResponseNotReady,
  SPDM_ERROR_CODE.LargeResponse,
])

interface Signed {
  readonly name: 'M1/M2' | 'L1/L2' | 'IL1/IL2'
  readonly response: SpdmMessageName
  readonly context: SignatureContext
}

const CHALLENGED: Signed = {
  name: 'M1/M2',
  response: 'CHALLENGE_AUTH',
  context: 'responder-challenge_auth signing',
}
const MEASURED: Signed = {name: 'L1/L2', response: 'MEASUREMENTS', context: 'responder-measurements signing'}
const INFORMED: Signed = {name: 'IL1/IL2', response: 'ENDPOINT_INFO', context: 'responder-endpoint_info signing'}

const FOUR_BIT_PUBLIC_KEY_SLOT = 0xf
const slotText = (slot: number): string =>
  slot === PUBLIC_KEY_SLOT || slot === FOUR_BIT_PUBLIC_KEY_SLOT ? 'the provisioned public key' : `slot ${slot}`

export class Knowledge {
  readonly #given: MessageContext
  readonly #secrets: Secrets
  readonly responder = new Chains()
  readonly requester = new Chains()
  readonly sessions = new Map<number, ObservedSession>()
  #conversation: Conversation
  /** The session whose handshake is under way in the clear. */
  #handshake: ObservedSession | undefined
  #exchanges = 0

  constructor(secrets: Secrets, given: MessageContext) {
    this.#given = given
    this.#secrets = secrets
    this.#conversation = new Conversation(given)
  }

  /** The connection a message of `scope` belongs to: a session keeps the one it was opened on. */
  conversationOf(scope: Scope): Conversation {
    return (scope === 'clear' ? undefined : this.sessions.get(scope)?.conversation) ?? this.#conversation
  }

  /** A request went by; its response may never come. */
  request(name: SpdmMessageName, bytes: Uint8Array, value: Seen | undefined, scope: Scope): TranscriptPoint[] {
    if (name === 'GET_VERSION' && scope === 'clear') this.#conversation = new Conversation(this.#given)
    this.conversationOf(scope).transcripts?.begin(name, scope)
    if (value === undefined) return []
    const session = this.#sessionOf(scope)
    if (name === 'FINISH' || name === 'PSK_FINISH') return session?.finishing(name, bytes, value) ?? []
    // ResponseNotReady came under the old key: which one the answer comes under is for the record itself to say
    const isDeferred = name === 'RESPOND_IF_READY' && value.requestCode === SPDM_CODE.KEY_UPDATE
    if (isDeferred || (name === 'KEY_UPDATE' && value.keyOperation === 2)) this.#update(session, 'responder')
    return []
  }

  /** A response and the request it answers. */
  response(name: SpdmMessageName, pair: Exchanged, scope: Scope): TranscriptPoint[] {
    const {transcripts} = this.conversationOf(scope)
    switch (name) {
      case 'DIGESTS':
        this.responder.noteDigests(pair.answered)
        transcripts?.identity(pair.request, pair.response, scope)
        if (scope === 'clear') transcripts?.digests(pair.response)
        return []
      case 'CERTIFICATE':
        this.responder.notePortion(pair.asked, pair.answered)
        transcripts?.identity(pair.request, pair.response, scope)
        return []
      case 'CHALLENGE_AUTH':
        return [this.#signed(CHALLENGED, pair, scope, unsigned => transcripts?.challenge(pair.request, unsigned))]
      case 'MEASUREMENTS':
        return this.#measured(pair, scope)
      case 'ENDPOINT_INFO':
        if ((pair.answered.signature as Uint8Array).length === 0) return []
        return [this.#signed(INFORMED, pair, scope, unsigned => transcripts?.endpointInfo(pair.request, unsigned))]
      case 'KEY_EXCHANGE_RSP':
        return this.#open('exchange', pair).exchanged(pair)
      case 'PSK_EXCHANGE_RSP':
        return this.#openPsk(pair)
      case 'FINISH_RSP':
      case 'PSK_FINISH_RSP':
        return this.#sessionOf(scope)?.finished(name, pair.response, pair.answered) ?? []
      case 'KEY_UPDATE_ACK':
        if (pair.answered.keyOperation !== 3) this.#update(this.#sessionOf(scope), 'requester')
        return []
      case 'END_SESSION_ACK':
        if (scope !== 'clear') this.sessions.delete(scope)
        return []
      case 'ERROR':
        if (!TRANSIENT.has(pair.answered.errorCode as number)) transcripts?.failed(scope)
        return []
      default:
        return []
    }
  }

  /** An exchange of the negotiation. Returns what is wrong with it, once it is whole. */
  negotiated(request: SpdmMessageName, {request: asked, response: answered}: Exchanged): string | undefined {
    return this.#conversation.negotiate(request, asked, answered)
  }

  /** A response of the requester to an encapsulated request. */
  mutualResponse(name: SpdmMessageName, request: SpdmMessageName, pair: Exchanged, scope: Scope): TranscriptPoint[] {
    const conversation = this.conversationOf(scope)
    if (name === 'DIGESTS') {
      this.requester.noteDigests(pair.answered)
      conversation.requesterDigests = pair.response
    }
    if (name === 'CERTIFICATE') this.requester.notePortion(pair.asked, pair.answered)
    if (name === 'DIGESTS' || name === 'CERTIFICATE')
      conversation.noteMutualIdentity(request, pair.request, pair.response)
    // the responder's own key: what follows the acknowledgement comes under the new one
    if (name === 'KEY_UPDATE_ACK' && pair.answered.keyOperation === 1) this.#update(this.#sessionOf(scope), 'responder')
    return name === 'CHALLENGE_AUTH' ? [this.#mutuallySigned(conversation, pair)] : []
  }

  /** The responder has asked for the requester's DIGESTS in KEY_EXCHANGE_RSP already. */
  impliesDigests(scope: Scope): boolean {
    return this.#sessionOf(scope)?.impliesDigests === true
  }

  #sessionOf(scope: Scope): ObservedSession | undefined {
    return scope === 'clear' ? this.#handshake : this.sessions.get(scope)
  }

  #update(session: ObservedSession | undefined, side: 'requester' | 'responder'): void {
    if (session !== undefined && typeof session.keys !== 'string') session.keys.update(side)
  }

  #measured(pair: Exchanged, scope: Scope): TranscriptPoint[] {
    const {transcripts} = this.conversationOf(scope)
    const isSigned = (pair.answered.signature as Uint8Array).length > 0
    const transcriptOf = (unsigned: Uint8Array): Transcript | undefined =>
      transcripts?.measurements(pair.request, unsigned, isSigned, scope)
    if (isSigned) return [this.#signed(MEASURED, pair, scope, transcriptOf)]
    transcriptOf(pair.response)
    return []
  }

  #signed(
    {name, response, context}: Signed,
    pair: Exchanged,
    scope: Scope,
    transcriptOf: (unsigned: Uint8Array) => Transcript | undefined,
  ): TranscriptPoint {
    const {connection, why} = this.conversationOf(scope)
    const signature = pair.answered.signature as Uint8Array
    const use = `signature of ${response}`
    const transcript = transcriptOf(pair.response.subarray(0, pair.response.length - signature.length))
    if (connection?.hash === undefined || transcript === undefined)
      return point(name, use, undefined, unchecked('signature', why))
    // a signed GET_MEASUREMENTS of 1.0 names no slot: it is slot 0
    const slot = ((name === 'L1/L2' ? pair.asked.slotIdParam : pair.asked.slotId) as number | undefined) ?? 0
    const {version, hash, asym} = connection
    const key = this.responder.keyOf(slot, hash, pair.answered.certChainHash as Uint8Array | undefined)
    const by = {version, hash, asym, context, key, whose: slotText(slot)}
    return point(name, use, transcript.digest(), signatureProof(by, transcript, signature))
  }

  #mutuallySigned(conversation: Conversation, pair: Exchanged): TranscriptPoint {
    const {connection, why} = conversation
    const signature = pair.answered.signature as Uint8Array
    const use = 'signature of the encapsulated CHALLENGE_AUTH'
    const unsigned = pair.response.subarray(0, pair.response.length - signature.length)
    const transcript = conversation.mutualChallenge(pair.request, unsigned)
    if (connection?.hash === undefined || transcript === undefined)
      return point('M1/M2', use, undefined, unchecked('signature', why))
    const slot = pair.asked.slotId as number
    const {version, hash, requesterAsym: asym} = connection
    const key = this.requester.keyOf(slot, hash, pair.answered.certChainHash as Uint8Array)
    const whose = `the requester's ${slotText(slot)}`
    const by = {version, hash, asym, context: 'requester-challenge_auth signing' as const, key, whose}
    return point('M1/M2', use, transcript.digest(), signatureProof(by, transcript, signature))
  }

  #openPsk(pair: Exchanged): TranscriptPoint[] {
    const session = this.#open('psk', pair)
    const points = session.pskExchanged(pair)
    const capability = session.conversation.connection?.responder.flags.pskCap
    return capability === PSK_WITHOUT_CONTEXT ? [...points, ...session.finishedAtOnce()] : points
  }

  #open(kind: 'exchange' | 'psk', {asked, answered}: Exchanged): ObservedSession {
    const conversation = this.#conversation
    const secret = kind === 'psk' ? this.#secrets.psk : this.#secrets.exchange?.[this.#exchanges++]
    const {connection} = conversation
    const keys =
      secret === undefined || connection === undefined ? undefined : SessionKeys.from(connection, secret, kind)
    const id = joinSessionId(asked.reqSessionId as number, answered.rspSessionId as number)
    const {responder, requester} = this
    const session = new ObservedSession({conversation, id, kind, keys, responder, requester})
    this.sessions.set(id, session)
    this.#handshake = session
    return session
  }
}
