/**
 * One session at one side (DSP0274 1.3 §9, §12; DSP0277 1.2): its secrets live here and nowhere else, and are zeroed as
 * soon as the next ones replace them. A record that does not authenticate ends the session.
 */
import {hex} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {equalInConstantTime, unsupportedHash} from '../crypto/index.js'
import type {Connection} from '../negotiation/index.js'
import type {Side} from '../side.js'
import {Direction, type DirectionMemory, type TrafficSuite} from './direction.js'
import {
  dataSecretsOf,
  handshakeSecretOf,
  handshakeSecretsOf,
  masterSecretOf,
  type SecretKind,
  type Sides,
  verifyDataOf,
} from './key-schedule.js'
import {unsupportedAead} from './record-key.js'
import {DOE_RECORDS, type RecordForm} from '../transport/index.js'
import {messageIn, recordIn, TAG_SIZE} from './secured-message.js'

export interface SecureSessionOptions {
  readonly connection: Connection
  /** ReqSessionID in the low half, RspSessionID in the high half. */
  readonly id: number
  /** The side we are. */
  readonly role: Side
  /** What KEY_EXCHANGE agreed on, or the pre-shared key. The caller zeroes its copy. */
  readonly secret: Uint8Array
  readonly kind: SecretKind
  /** How the transport frames records; as DOE does unless it is said. */
  readonly form?: RecordForm | undefined
}

/** Why no session can be kept over `connection`, or undefined. */
export function unsupportedSession({hash, aead}: Pick<Connection, 'hash' | 'aead'>): string | undefined {
  if (hash === undefined) return 'no base hash was negotiated'
  if (aead === undefined) return 'no AEAD cipher was negotiated'
  return unsupportedHash(hash) ?? unsupportedAead(aead)
}

const otherSide = (side: Side): Side => (side === 'requester' ? 'responder' : 'requester')

function suiteOf(connection: Connection, form: RecordForm): TrafficSuite {
  const {version, hash, aead, encrypted} = connection
  const got = unsupportedSession(connection)
  if (got !== undefined) throw new TsmctlError({kind: 'unsupported', attempted: 'open an SPDM session', got})
  return {schedule: {version, hash: hash!}, protection: {aead: aead!, encrypted, form}}
}

export type SessionPhase = 'handshake' | 'application' | 'ended'

/**
 * An open session as it stands in the memory of the side that keeps it, secrets and all. It exists for simulated parties
 * only: the simulator's processes live for one command each, while a TSM and a device keep their sessions for as long as
 * they run. Whoever talks to a real peer lets its sessions end with its own process, unsaved.
 */
export interface SessionMemory {
  readonly id: number
  readonly role: Side
  readonly directions: Readonly<Record<Side, DirectionMemory>>
}

export class SecureSession {
  readonly id: number
  readonly role: Side
  readonly #suite: TrafficSuite
  #phase: SessionPhase = 'handshake'
  /** Until the application phase. */
  #handshakeSecret: Uint8Array
  /** Secrets of the sides, during the handshake; the directions have them too. */
  #handshake: Sides | undefined
  #directions: Readonly<Record<Side, Direction>> | undefined

  /** Throws TsmctlError `unsupported` when the connection's algorithms do not suffice. */
  constructor({connection, id, role, secret, kind, form = DOE_RECORDS}: SecureSessionOptions) {
    this.#suite = suiteOf(connection, form)
    this.id = id
    this.role = role
    this.#handshakeSecret = handshakeSecretOf(this.#suite.schedule, secret, kind)
  }

  /** The session that `memory` describes, over the connection it was opened on. Copies the secrets. */
  static recall(connection: Connection, {id, role, directions}: SessionMemory, form?: RecordForm): SecureSession {
    const session = new SecureSession({connection, id, role, secret: new Uint8Array(), kind: 'exchange', form})
    const {requester, responder} = directions
    session.#forgetHandshake()
    session.#directions = {
      requester: new Direction(session.#suite, requester.secret.slice(), requester.next),
      responder: new Direction(session.#suite, responder.secret.slice(), responder.next),
    }
    session.#phase = 'application'
    return session
  }

  /** What `recall` needs. Throws TsmctlError unless the session is open and no key update is under way. */
  memory(): SessionMemory {
    const requester = this.#directions?.requester.memory
    const responder = this.#directions?.responder.memory
    const isSettled = this.#phase === 'application' && requester !== undefined && responder !== undefined
    this.#demand(isSettled, 'put down the state')
    return {id: this.id, role: this.role, directions: {requester: requester!, responder: responder!}}
  }

  get phase(): SessionPhase {
    return this.#phase
  }

  /** Handshake keys, from the digest of TH1. */
  enterHandshake(th1: Uint8Array): void {
    this.#demand(this.#phase === 'handshake' && this.#directions === undefined, 'make the handshake keys')
    this.#handshake = handshakeSecretsOf(this.#suite.schedule, this.#handshakeSecret, th1)
    this.#directions = this.#directionsOf(this.#handshake)
  }

  /** Verify data of `side` over the digest of a transcript, during the handshake. */
  verifyData(side: Side, th: Uint8Array): Uint8Array {
    this.#demand(this.#handshake !== undefined, 'compute verify data')
    return verifyDataOf(this.#suite.schedule, this.#handshake![side], th)
  }

  /** Is `data` the verify data of `side`? Compares in constant time. */
  isVerifyData(side: Side, th: Uint8Array, data: Uint8Array): boolean {
    return equalInConstantTime(this.verifyData(side, th), data)
  }

  /** Application keys, from the digest of TH2. The handshake's secrets are forgotten. */
  enterApplication(th2: Uint8Array): void {
    this.#demand(this.#handshake !== undefined, 'make the application keys')
    const {schedule} = this.#suite
    const master = masterSecretOf(schedule, this.#handshakeSecret)
    const secrets = dataSecretsOf(schedule, master, th2)
    master.fill(0)
    this.#forget()
    this.#directions = this.#directionsOf(secrets)
    this.#phase = 'application'
  }

  /**
   * The record that carries `message` to the peer. After a record that could not be opened, one more may be sealed: the
   * responder's ERROR DecryptError. Throws TsmctlError when the message does not fit or the session is over.
   */
  seal(message: Uint8Array): Uint8Array {
    this.#demand(this.#directions !== undefined, 'protect a message')
    const record = this.#directions![this.role].seal(this.id, message)
    if (this.#phase === 'ended') this.end()
    return record
  }

  /**
   * The message in `record`; what follows the record is the transport's padding. Throws TsmctlError or DecodeError, both
   * `malformed`, when it is not an authentic record of this session, which is then over.
   */
  open(record: Uint8Array): Uint8Array {
    this.#demand(this.#phase !== 'ended' && this.#directions !== undefined, 'read a record')
    try {
      return this.#opened(record)
    } catch (error) {
      this.#phase = 'ended'
      this.#directions?.[otherSide(this.role)].forget()
      this.#forgetHandshake()
      throw error
    }
  }

  /**
   * Replaces the key of what `side` sends; its sequence numbers start again (KEY_UPDATE). UpdateKey: the sender of the
   * request updates its side when the acknowledgement has come. UpdateAllKeys: the acknowledgement comes under the new key
   * of its sender already, then the requester's side follows. Where the peer refuses and stays with its old key, so do we.
   */
  update(side: Side): void {
    this.#demand(this.#phase === 'application', 'update keys')
    this.#directions![side].update(side !== this.role)
  }

  /** How often the key of what `side` sends has been replaced since the handshake, updates taken back not counted. */
  updates(side: Side): number {
    return this.#directions?.[side].updates ?? 0
  }

  /** Forgets all keys. */
  end(): void {
    this.#phase = 'ended'
    this.#forget()
  }

  #opened(payload: Uint8Array): Uint8Array {
    const {protection} = this.#suite
    const {sessionId, length, record} = recordIn(payload, protection.form)
    if (sessionId !== this.id) this.#refuse(`it names session ${hex(sessionId, 8)}`)
    if (length < TAG_SIZE) this.#refuse(`${length} bytes cannot hold a MAC`)
    const plain = this.#directions![otherSide(this.role)].open(record)
    if (plain === undefined) return this.#refuse('it is not authentic')
    return messageIn(plain, protection)
  }

  #directionsOf(secrets: Sides): Readonly<Record<Side, Direction>> {
    return {
      requester: new Direction(this.#suite, secrets.requester),
      responder: new Direction(this.#suite, secrets.responder),
    }
  }

  #forgetHandshake(): void {
    this.#handshakeSecret.fill(0)
    this.#handshake = undefined
  }

  #forget(): void {
    this.#forgetHandshake()
    this.#directions?.requester.forget()
    this.#directions?.responder.forget()
    this.#directions = undefined
  }

  #refuse(got: string): never {
    throw new TsmctlError({
      kind: 'malformed',
      attempted: `read a record of SPDM session ${hex(this.id, 8)}`,
      got,
      hint: 'the session is over; open a new one',
    })
  }

  #demand(condition: boolean, attempted: string): void {
    if (condition) return
    const isOver = this.#phase === 'ended'
    throw new TsmctlError({
      kind: isOver ? 'busy' : 'bug',
      attempted: `${attempted} in SPDM session ${hex(this.id, 8)}`,
      got: isOver ? 'the session is over' : `not in this phase of the session (${this.#phase})`,
      hint: isOver ? 'open a new session' : undefined,
    })
  }
}
