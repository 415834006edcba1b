/**
 * A passive observer of an SPDM connection: datagrams in, in order; out come the messages, what is odd about them, and
 * the digest of each transcript where it is signed, authenticated or made keys of. It starts anywhere, survives whatever
 * it is fed, and says of each message that it could not read why it could not.
 */
import {type Finding, findings, hex, type Seen} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {loadCrypto} from '../crypto/index.js'
import {type MessageContext, SPDM_CODE, SPDM_ERROR_CODE, type SpdmMessageName} from '../messages/index.js'
import {sessionIdOf} from '../session/index.js'
import type {Scope} from '../transcript/index.js'
import {versionText} from '../version.js'
import type {MessageDirection, EventForm, SpdmEvent, TranscriptPoint} from './event.js'
import {guesses, needsContext} from './guess.js'
import {Knowledge, type Secrets} from './knowledge.js'
import {isFirstChunk, LargeMessage} from './large.js'
import type {RecordFraming} from './session-keys.js'
import {headerOf, readMessage, type ReadMessage} from './read-message.js'

export interface ObservedDatagram {
  /** A record of DSP0277 instead of a message. */
  readonly secured: boolean
  readonly payload: Uint8Array
  /** Zero bytes that the transport may have added. */
  readonly maxPadding: number
  /** What the record cannot say itself, if the transport knows. */
  readonly direction?: MessageDirection | undefined
  /** How the transport frames records; as DOE does unless it is said. */
  readonly framing?: RecordFraming | undefined
}

export interface ObserverOptions {
  readonly secrets?: Secrets
  /** Sizes for messages whose negotiation is not in the capture. */
  readonly context?: MessageContext
}

/** A message and how it came. */
interface Arrival {
  readonly index: number
  readonly form: EventForm
  readonly bytes: Uint8Array
  readonly maxPadding: number
  readonly session: number | undefined
  readonly secured: boolean
  readonly direction: MessageDirection
  /** Its sender is the responder as a requester, or the requester that answers it. */
  readonly reversed: boolean
}

interface Asked {
  readonly name: SpdmMessageName
  readonly bytes: Uint8Array
  readonly value: Seen | undefined
}

/** What is under way in one scope. */
interface Lane {
  asked: Asked | undefined
  /** A request of the responder. */
  encapsulated: Asked | undefined
  /** A request whose answer was not ready. */
  deferred: Asked | undefined
  /** A request whose response is being fetched, or which is being sent, in chunks. */
  large: {readonly message: LargeMessage; readonly asked: Asked | undefined} | undefined
}

/** Members of messages that are messages themselves. */
const INNER: Partial<Record<SpdmMessageName, {readonly key: string; readonly reversed: boolean}>> = {
  ENCAPSULATED_REQUEST: {key: 'encapsulatedRequest', reversed: true},
  DELIVER_ENCAPSULATED_RESPONSE: {key: 'encapsulatedResponse', reversed: true},
  ENCAPSULATED_RESPONSE_ACK: {key: 'encapsulatedRequest', reversed: true},
  CHUNK_SEND_ACK: {key: 'response', reversed: false},
}
const FIRST_REQUEST = 0x80
/** Contexts tried in one capture without negotiation: somebody may have made it to keep us busy. */
const MAX_GUESSES = 10_000

const FOREIGN = 'a message of another protocol in the session'

const isRequest = (code: number): boolean => code >= FIRST_REQUEST
const note = (message: string): Finding => ({path: '', offset: 0, message})
const textOf = (error: unknown): string => {
  if (error instanceof TsmctlError) return error.message
  throw error
}

export class Observer {
  readonly #knowledge: Knowledge
  readonly #lanes = new Map<Scope, Lane>()
  #next = 0
  #last: MessageDirection = 'response'
  #guessesLeft = MAX_GUESSES

  constructor({secrets = {}, context = {}}: ObserverOptions = {}) {
    this.#knowledge = new Knowledge(secrets, context)
  }

  /** The messages of the next datagram: one as a rule, more when it carries or completes others. */
  observe({secured, payload, maxPadding, direction, framing = 'doe'}: ObservedDatagram): SpdmEvent[] {
    const index = this.#next++
    const likely = direction ?? (this.#last === 'request' ? 'response' : 'request')
    const events = secured
      ? this.#record(index, payload, likely, framing)
      : this.#message({
          index,
          form: 'message',
          bytes: payload,
          maxPadding,
          session: undefined,
          secured: false,
          direction: likely,
          reversed: false,
        })
    this.#last = events[0]!.direction
    return events
  }

  /** Loads what the algorithms agreed so far need beyond the platform; until then their signatures stay unchecked. */
  async prepare(): Promise<void> {
    const {connection} = this.#knowledge.conversationOf('clear')
    await loadCrypto(connection?.asym, connection?.requesterAsym)
  }

  #lane(scope: Scope): Lane {
    let lane = this.#lanes.get(scope)
    if (lane === undefined) {
      lane = {asked: undefined, encapsulated: undefined, deferred: undefined, large: undefined}
      this.#lanes.set(scope, lane)
    }
    return lane
  }

  #record(index: number, payload: Uint8Array, likely: MessageDirection, framing: RecordFraming): SpdmEvent[] {
    const id = sessionIdOf(payload)
    const session = id === undefined ? undefined : this.#knowledge.sessions.get(id)
    const closed = (why: string): SpdmEvent[] => [
      {
        ...unread(index, 'record', likely, id, why),
        secured: true,
        bytes: payload,
      },
    ]
    if (id === undefined) return closed(`${payload.length} bytes are no secured record`)
    if (session === undefined) return closed('the session was not opened in this capture')
    if (typeof session.keys === 'string') return closed(session.keys)
    try {
      const opened = session.keys.open(payload, likely === 'request' ? 'requester' : 'responder', framing)
      if (opened === undefined) return closed('it is not authentic under the keys of this session')
      const direction = opened.sender === 'requester' ? 'request' : 'response'
      const {data, isSpdm} = opened.content
      if (!isSpdm) return [{...unread(index, 'application', direction, id, FOREIGN), secured: true, bytes: data}]
      return this.#message({
        index,
        form: 'message',
        bytes: data,
        maxPadding: 0,
        session: id,
        secured: true,
        direction,
        reversed: false,
      })
    } catch (error) {
      return closed(textOf(error))
    }
  }

  #message(arrival: Arrival): SpdmEvent[] {
    const {index, form, bytes, session} = arrival
    const header = headerOf(bytes)
    const direction =
      header === undefined || arrival.form !== 'message'
        ? arrival.direction
        : isRequest(header.code)
          ? 'request'
          : 'response'
    const bare = (why: string): SpdmEvent => ({
      ...unread(index, form, direction, session, why),
      secured: arrival.secured,
      bytes,
      name: header?.name,
    })
    if (header === undefined) return [bare(`${bytes.length} bytes are no SPDM message`)]
    if (header.name === undefined) return [bare(`code ${hex(header.code, 2)} is not defined`)]
    const lane = this.#lane(session ?? 'clear')
    const asked = isRequest(header.code) ? undefined : this.#askedFor(header.code, lane, arrival)
    const odd = this.#oddities(header.version, header.code, lane, arrival, asked)
    let event: SpdmEvent
    let inner: Arrival | undefined
    try {
      const contexts = this.#contexts(header.name, arrival, asked)
      const carrier = this.#trimInner(readMessage(bytes, arrival.maxPadding, contexts), {...arrival, direction})
      inner = carrier.inner
      const {message, context} = carrier.read
      if (contexts.length > 1) odd.push(note(guessText(context)))
      event = {
        ...unread(index, form, direction, session, undefined),
        secured: arrival.secured,
        bytes: message.bytes,
        padding: bytes.length - message.bytes.length,
        name: message.name,
        layout: message.layout,
        value: message.value,
        findings: findings(message.layout, message.value),
      }
    } catch (error) {
      event = bare(textOf(error))
    }
    const before = lane.large
    const points = this.#effects(header.name, event, asked, lane, arrival)
    const own = {...event, findings: [...event.findings, ...odd, ...points.findings], points: points.points}
    const chunked = this.#chunk(own, lane, before, arrival)
    const carried = inner === undefined ? [] : this.#inner(inner, lane)
    return [chunked.event, ...chunked.more, ...carried]
  }

  #askedFor(code: number, lane: Lane, arrival: Arrival): Asked | undefined {
    const asked = arrival.reversed ? (lane.encapsulated ?? this.#implied(arrival)) : lane.asked
    if (asked === undefined) return undefined
    const wanted = asked.name === 'RESPOND_IF_READY' ? undefined : SPDM_CODE[asked.name] - FIRST_REQUEST
    return code === wanted || code === SPDM_CODE.ERROR ? asked : undefined
  }

  /** What KEY_EXCHANGE_RSP asked of the requester instead of a message of its own. */
  #implied({session}: Arrival): Asked | undefined {
    if (!this.#knowledge.impliesDigests(session ?? 'clear')) return undefined
    return {name: 'GET_DIGESTS', bytes: new Uint8Array(), value: {}}
  }

  #contexts(name: SpdmMessageName, arrival: Arrival, asked: Asked | undefined): MessageContext[] {
    const conversation = this.#knowledge.conversationOf(arrival.session ?? 'clear')
    const base = arrival.reversed ? conversation.reversedContext() : conversation.context()
    if (!needsContext(name)) return [base]
    const context = asked === undefined ? base : conversation.responseContext(asked.name, asked.value, base)
    const isAsked = isRequest(SPDM_CODE[name]) || asked?.value !== undefined
    if (conversation.connection === undefined) {
      if (this.#guessesLeft <= 0) return [context]
      const all = guesses(name, context)
      this.#guessesLeft -= all.length
      return all
    }
    // without its request a response of a known connection may or may not have the parts that one asks for
    return isAsked ? [context] : [context, {...context, summary: 1}, {...context, signatureSize: 0}]
  }

  /** Lets the message inside decide where its carrier ends: their common padding belongs to neither. */
  #trimInner(read: ReadMessage, arrival: Arrival): {read: ReadMessage; inner?: Arrival} {
    const {name, bytes} = read.message
    const value: Seen = read.message.value
    const place = INNER[name]
    if (place === undefined) return {read}
    const body = value[place.key] as Uint8Array | undefined
    if (body === undefined || body.length === 0) return {read}
    const {reversed} = place
    const form = reversed ? ('encapsulated' as const) : ('reassembled' as const)
    const inner = {...arrival, form, bytes: body, reversed}
    const header = headerOf(body)
    if (header?.name === undefined) return {read, inner}
    try {
      const lane = this.#lane(arrival.session ?? 'clear')
      const asked = isRequest(header.code) ? undefined : reversed ? lane.encapsulated : lane.large?.asked
      const {message} = readMessage(body, arrival.maxPadding, this.#contexts(header.name, inner, asked))
      const padding = body.length - message.bytes.length
      if (padding === 0) return {read, inner}
      const trimmed = readMessage(bytes.subarray(0, bytes.length - padding), 0, [read.context])
      return {read: trimmed, inner: {...inner, bytes: message.bytes}}
    } catch (error) {
      // it will be said of the message itself
      textOf(error)
      return {read, inner}
    }
  }

  #inner(inner: Arrival, lane: Lane): SpdmEvent[] {
    const arrival = {...inner, maxPadding: 0}
    if (inner.reversed) return this.#message(arrival)
    // the answer to a request that came in chunks
    const {large} = lane
    if (large === undefined) return this.#message(arrival)
    lane.asked = large.asked
    lane.large = undefined
    return this.#message(arrival)
  }

  #oddities(version: number, code: number, lane: Lane, arrival: Arrival, asked: Asked | undefined): Finding[] {
    const found: Finding[] = []
    const {connection} = this.#knowledge.conversationOf(arrival.session ?? 'clear')
    const isOpening = code === SPDM_CODE.GET_VERSION || code === SPDM_CODE.VERSION
    if (connection !== undefined && !isOpening && version !== connection.version)
      found.push(note(`SPDM ${versionText(version)} in a connection of ${versionText(connection.version)}`))
    const open = arrival.reversed ? lane.encapsulated : lane.asked
    if (isRequest(code)) {
      if (open !== undefined) found.push(note(`${open.name} before it was not answered`))
    } else if (asked === undefined) {
      found.push(note(open === undefined ? 'its request is not in the capture' : `it does not answer ${open.name}`))
    }
    return found
  }

  /** What the message changes: who waits for what, transcripts, sessions. */
  #effects(
    name: SpdmMessageName,
    event: SpdmEvent,
    asked: Asked | undefined,
    lane: Lane,
    arrival: Arrival,
  ): {readonly points: readonly TranscriptPoint[]; readonly findings: readonly Finding[]} {
    const scope: Scope = arrival.session ?? 'clear'
    const {bytes, value} = event
    const here = arrival.reversed ? 'encapsulated' : 'asked'
    if (isRequest(SPDM_CODE[name])) {
      lane[here] = {name, bytes, value}
      if (name === 'RESPOND_IF_READY') {
        lane.asked = lane.deferred ?? lane.asked
        lane.deferred = undefined
      }
      return {points: arrival.reversed ? [] : this.#knowledge.request(name, bytes, value, scope), findings: []}
    }
    lane[here] = undefined
    if (asked === undefined || value === undefined || asked.value === undefined) return {points: [], findings: []}
    if (name === 'ERROR' && value.errorCode === SPDM_ERROR_CODE.ResponseNotReady) lane.deferred = asked
    if (name === 'ERROR' && value.errorCode === SPDM_ERROR_CODE.LargeResponse)
      lane.large = {message: new LargeMessage(), asked}
    const pair = {request: asked.bytes, asked: asked.value, response: bytes, answered: value}
    if (arrival.reversed) return {points: this.#knowledge.mutualResponse(name, asked.name, pair, scope), findings: []}
    const problem = name === 'ERROR' || scope !== 'clear' ? undefined : this.#knowledge.negotiated(asked.name, pair)
    return {
      points: this.#knowledge.response(name, pair, scope),
      findings: problem === undefined ? [] : [note(problem)],
    }
  }

  /** Puts the chunk of `event` to those before it; the whole message follows the last one. */
  #chunk(event: SpdmEvent, lane: Lane, before: Lane['large'], arrival: Arrival): {event: SpdmEvent; more: SpdmEvent[]} {
    const {name, value} = event
    if (value === undefined || (name !== 'CHUNK_SEND' && name !== 'CHUNK_RESPONSE')) return {event, more: []}
    const isFirst = name === 'CHUNK_SEND' && isFirstChunk(value)
    const large = isFirst || before === undefined ? {message: new LargeMessage(), asked: before?.asked} : before
    lane.large = large
    const result = large.message.add(value)
    if (result === 'more') return {event, more: []}
    if ('lost' in result) return {event: {...event, findings: [...event.findings, note(result.lost)]}, more: []}
    const whole = {...arrival, form: 'reassembled' as const, bytes: result.whole, maxPadding: 0}
    if (name === 'CHUNK_RESPONSE') {
      lane.asked = large.asked
      lane.large = undefined
      return {event, more: this.#message({...whole, direction: 'response'})}
    }
    // the acknowledgement of the last chunk is answered first, then the request it completes
    const sent = lane.asked
    lane.asked = undefined
    const more = this.#message({...whole, direction: 'request'})
    lane.large = {message: large.message, asked: lane.asked}
    lane.asked = sent
    return {event, more}
  }
}

const guessText = (context: MessageContext): string =>
  `read with sizes that were guessed because they fit: ${Object.entries(context)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')}`

const unread = (
  index: number,
  form: EventForm,
  direction: MessageDirection,
  session: number | undefined,
  why: string | undefined,
): SpdmEvent => ({
  index,
  form,
  direction,
  session,
  secured: false,
  bytes: new Uint8Array(),
  padding: 0,
  name: undefined,
  layout: undefined,
  value: undefined,
  undecoded: why,
  findings: [],
  points: [],
})
