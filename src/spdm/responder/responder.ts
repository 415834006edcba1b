/**
 * The responder: one connection, any number of sessions, one message in and at most one out. It is synchronous and has no
 * transport of its own.
 */
import {DecodeError} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {SPDM_HEADER} from '../messages/index.js'
import {SecureSession, sessionIdOf, type SessionMemory} from '../session/index.js'
import type {Datagram} from '../transport/index.js'
import type {ResponderOptions} from './options.js'
import {Refusal} from './refusal.js'
import {answerTo} from './respond.js'
import {endSession, type Negotiated, type Session, State} from './state.js'

/** A session dies after twice its HeartbeatPeriod without a record. */
const MILLISECONDS_OF_SILENCE = 2000

/** Plaintext of `record`, or undefined when it does not authenticate: the session is then over. */
function opened(secure: SecureSession, record: Uint8Array): Uint8Array | undefined {
  try {
    return secure.open(record)
  } catch (error) {
    if (error instanceof DecodeError || (error instanceof TsmctlError && error.kind === 'malformed')) return undefined
    throw error
  }
}

/** A responder between two processes, for simulated devices: see `SessionMemory`. */
export interface ResponderMemory {
  /** GET_VERSION to ALGORITHMS, requests and responses in turn; fewer in a negotiation that is not complete. */
  readonly vca: readonly Uint8Array[]
  /** The sessions that are open; handshakes are not remembered. */
  readonly sessions: readonly SessionMemory[]
}

/** The session that `memory` describes; of the handshake nothing is needed any more. */
const recalled = (
  memory: SessionMemory,
  {connection, transcripts}: Negotiated,
  {records}: ResponderOptions,
  lastSeen: number,
): Session => ({
  id: memory.id,
  secure: SecureSession.recall(connection, memory, records),
  kind: 'exchange',
  isClearHandshake: false,
  heartbeatPeriod: 0,
  th: transcripts.handshake(),
  isUpdating: false,
  lastSeen,
})

export class Responder {
  readonly #options: ResponderOptions
  readonly #state = new State()

  /** With `memory` it goes on where that was taken: the negotiation is repeated, the sessions are recalled. */
  constructor(options: ResponderOptions, {vca, sessions}: ResponderMemory = {vca: [], sessions: []}) {
    this.#options = options
    for (const [i, message] of vca.entries()) if (i % 2 === 0) this.#respondOutside(message)
    for (const memory of sessions)
      this.#state.sessions.set(memory.id, recalled(memory, this.#state.negotiated!, options, this.#now()))
  }

  /** What the constructor needs to go on elsewhere. Sessions with heartbeats would not survive it. */
  memory(): ResponderMemory {
    const sessions = [...this.#state.sessions.values()].filter(({secure}) => secure.phase === 'application')
    return {vca: this.#state.vca, sessions: sessions.map(({secure}) => secure.memory())}
  }

  /** Answers `datagram`; undefined when it is to be discarded in silence. Throws nothing that a peer can cause. */
  respond({secured, payload}: Datagram): Datagram | undefined {
    this.#expire()
    return secured ? this.#respondInside(payload) : this.#respondOutside(payload)
  }

  /** IDs of the sessions that are open or in their handshake. */
  get sessions(): readonly number[] {
    return [...this.#state.sessions.keys()]
  }

  /** SPDMVersion that was agreed; 0x10 before. */
  get version(): number {
    return this.#state.version
  }

  #respondOutside(bytes: Uint8Array): Datagram | undefined {
    if (bytes.length < SPDM_HEADER.headSize) return undefined
    const answer = answerTo({options: this.#options, state: this.#state, session: undefined, bytes})
    answer?.afterwards?.()
    return answer && {secured: false, payload: answer.response}
  }

  #respondInside(record: Uint8Array): Datagram | undefined {
    const id = sessionIdOf(record)
    const session = id === undefined ? undefined : this.#state.sessions.get(id)
    if (session === undefined) return undefined
    const bytes = opened(session.secure, record)
    if (bytes === undefined) return this.#failed(session)
    session.lastSeen = this.#now()
    const answer = answerTo({options: this.#options, state: this.#state, session, bytes})
    if (answer === undefined) return undefined
    const payload = session.secure.seal(answer.response)
    answer.afterwards?.()
    return {secured: true, payload}
  }

  /** A record that does not authenticate is answered once more, and the session is gone. */
  #failed(session: Session): Datagram {
    const payload = session.secure.seal(new Refusal('DecryptError').encode(this.#state.version))
    this.#end(session)
    return {secured: true, payload}
  }

  #expire(): void {
    const now = this.#now()
    for (const session of this.#state.sessions.values()) {
      const {heartbeatPeriod, lastSeen} = session
      if (heartbeatPeriod > 0 && now - lastSeen > heartbeatPeriod * MILLISECONDS_OF_SILENCE) this.#end(session)
    }
  }

  #end(session: Session): void {
    endSession({options: this.#options, state: this.#state}, session)
  }

  #now(): number {
    return this.#options.monotonic?.() ?? 0
  }
}
