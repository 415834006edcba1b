/** The keys of a session that was observed and whose secret somebody handed over. They open records; they seal none. */
import {equal} from '../../bits/index.js'
import type {Connection} from '../negotiation/index.js'
import {
  APPLICATION_DATA,
  dataSecretsOf,
  Direction,
  handshakeSecretOf,
  handshakeSecretsOf,
  masterSecretOf,
  SECURED_MESSAGE,
  type SecretKind,
  type Sides,
  type TrafficSuite,
  unsupportedSession,
  verifyDataOf,
} from '../session/index.js'

import type {Side} from '../side.js'
import {MctpDirection} from './mctp-direction.js'

export type {Side} from '../side.js'

/** How a transport frames records. */
export type RecordFraming = 'doe' | 'mctp'

/** What was inside a record, and who sent it. */
export interface Opened {
  readonly sender: Side
  readonly message: Uint8Array
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
    const suite = {schedule: {version, hash: hash!}, protection: {aead: aead!, encrypted}}
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
    this.#directions?.[side].mctp.update()
  }

  /** The content of `record`; `likely` is tried first. Undefined when it is authentic under neither side's key. */
  open(record: Uint8Array, likely: Side, framing: RecordFraming): Opened | undefined {
    if (this.#directions === undefined) return undefined
    const whole = framing === 'doe' ? withoutPadding(record) : record
    for (const sender of likely === 'requester' ? SIDES : SIDES.toReversed()) {
      const plain = this.#directions[sender][framing].open(whole)
      if (plain !== undefined) return {sender, message: this.#messageIn(plain, framing)}
    }
    return undefined
  }

  #messageIn(plain: Uint8Array, framing: RecordFraming): Uint8Array {
    const data = this.#suite.protection.encrypted ? applicationDataOf(plain) : plain
    return framing === 'doe' ? data : data.subarray(MCTP_TYPE_SIZE)
  }

  #directionsOf(secrets: Sides): Readonly<Record<Side, Directions>> {
    // directions take over what they are given
    const both = (secret: Uint8Array): Directions => ({
      doe: new Direction(this.#suite, secret.slice()),
      mctp: new MctpDirection(this.#suite, secret.slice()),
    })
    return {requester: both(secrets.requester), responder: both(secrets.responder)}
  }
}

/** The same secret in either framing; a session uses one. */
interface Directions {
  readonly doe: Direction
  readonly mctp: MctpDirection
}

const SIDES: readonly Side[] = ['requester', 'responder']
/** What precedes the SPDM message inside a record of MCTP. */
const MCTP_TYPE_SIZE = 1

const withoutPadding = (record: Uint8Array): Uint8Array => {
  const data = new DataView(record.buffer, record.byteOffset, record.length)
  return record.subarray(0, SECURED_MESSAGE.read(data, 0, record.length).end)
}

const applicationDataOf = (plain: Uint8Array): Uint8Array =>
  APPLICATION_DATA.read(new DataView(plain.buffer, plain.byteOffset, plain.length), 0, plain.length).value
    .applicationData
