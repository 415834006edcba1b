/** The keys of a session that was observed and whose secret somebody handed over. They open records; they seal none. */
import {equal} from '../../bits/index.js'
import type {Connection} from '../negotiation/index.js'
import {
  type Content,
  contentIn,
  dataSecretsOf,
  Direction,
  handshakeSecretOf,
  handshakeSecretsOf,
  masterSecretOf,
  recordIn,
  type SecretKind,
  type Sides,
  TAG_SIZE,
  type TrafficSuite,
  unsupportedSession,
  verifyDataOf,
} from '../session/index.js'

import type {Side} from '../side.js'
import {DOE_RECORDS, MCTP_RECORDS, type RecordForm} from '../transport/index.js'

export type {Side} from '../side.js'

/** How a transport frames records. */
export type RecordFraming = RecordForm['name']

/** What was inside a record, and who sent it. */
export interface Opened {
  readonly sender: Side
  readonly content: Content
}

export class SessionKeys {
  readonly #suite: TrafficSuite
  readonly #secret: Uint8Array
  #handshake: Sides | undefined
  #directions: Readonly<Record<Side, Directions>> | undefined

  private constructor(suite: TrafficSuite, secret: Uint8Array) {
    this.#suite = suite
    this.#secret = secret
  }

  /** Keys over `connection`, or why there cannot be any. */
  static from(connection: Connection, secret: Uint8Array, kind: SecretKind): SessionKeys | string {
    const unsupported = unsupportedSession(connection)
    if (unsupported !== undefined) return unsupported
    const {version, hash, aead, encrypted} = connection
    const suite = {schedule: {version, hash: hash!}, protection: {aead: aead!, encrypted, form: DOE_RECORDS}}
    return new SessionKeys(suite, handshakeSecretOf(suite.schedule, secret, kind))
  }

  enterHandshake(th1: Uint8Array): void {
    this.#handshake = handshakeSecretsOf(this.#suite.schedule, this.#secret, th1)
    this.#directions = this.#directionsOf(this.#handshake)
  }

  /** Is `data` what `side` proves its knowledge of the secret with? Undefined before the handshake keys exist. */
  isVerifyData(side: Side, th: Uint8Array, data: Uint8Array): boolean | undefined {
    if (this.#handshake === undefined) return undefined
    return equal(verifyDataOf(this.#suite.schedule, this.#handshake[side], th), data)
  }

  enterApplication(th2: Uint8Array): void {
    const {schedule} = this.#suite
    this.#directions = this.#directionsOf(dataSecretsOf(schedule, masterSecretOf(schedule, this.#secret), th2))
  }

  /** KEY_UPDATE of what `side` sends; the next record decides whether it happened. */
  update(side: Side): void {
    this.#directions?.[side].doe.update(true)
    this.#directions?.[side].mctp.update(true)
  }

  /** The content of `record`; `likely` is tried first. Undefined when it is authentic under neither side's key. */
  open(record: Uint8Array, likely: Side, framing: RecordFraming): Opened | undefined {
    if (this.#directions === undefined) return undefined
    const form = FORMS[framing]
    const {record: whole, length} = recordIn(record, form)
    if (length < TAG_SIZE) return undefined
    for (const sender of likely === 'requester' ? SIDES : SIDES.toReversed()) {
      const plain = this.#directions[sender][framing].open(whole)
      if (plain !== undefined) return {sender, content: contentIn(plain, {...this.#suite.protection, form})}
    }
    return undefined
  }

  #directionsOf(secrets: Sides): Readonly<Record<Side, Directions>> {
    // directions take over what they are given
    const {protection} = this.#suite
    const one = (form: RecordForm, secret: Uint8Array): Direction =>
      new Direction({...this.#suite, protection: {...protection, form, gaps: true}}, secret.slice())
    const both = (secret: Uint8Array): Directions => ({doe: one(DOE_RECORDS, secret), mctp: one(MCTP_RECORDS, secret)})
    return {requester: both(secrets.requester), responder: both(secrets.responder)}
  }
}

/** The same secret in either framing; a session uses one. */
type Directions = Readonly<Record<RecordFraming, Direction>>

const FORMS: Readonly<Record<RecordFraming, RecordForm>> = {doe: DOE_RECORDS, mctp: MCTP_RECORDS}

const SIDES: readonly Side[] = ['requester', 'responder']
