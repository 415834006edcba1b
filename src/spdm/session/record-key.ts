/**
 * One direction of a session: a key and the number of the next record under it. Sealing and opening are AEAD with the
 * header as additional data and the sequence number in the nonce (DSP0277 1.2 §7).
 */
import {createCipheriv, createDecipheriv} from 'node:crypto'
import {TsmctlError} from '../../errors.js'
import type {AeadAlgorithm} from '../algorithms.js'
import type {TrafficKey} from './key-schedule.js'
import {APPLICATION_LENGTH_SIZE, RECORD_HEADER_SIZE, TAG_SIZE} from './secured-message.js'

/** How the records of a session are protected. */
export interface RecordProtection {
  readonly aead: AeadAlgorithm
  /** Otherwise records are only authenticated: MAC_CAP without ENCRYPT_CAP. */
  readonly encrypted: boolean
}

/** Why records cannot be protected by `aead` here, or undefined. */
export const unsupportedAead = ({name}: Pick<AeadAlgorithm, 'name'>): string | undefined =>
  name === 'sm4-gcm' ? `${name} is not supported` : undefined

/** ApplicationDataLength and Length have 16 bits. */
const MAX_LENGTH = 0xffff
/** The first sequence number that is not used: beyond it numbers of the platform are no longer exact. */
const SEQUENCE_LIMIT = Number.MAX_SAFE_INTEGER
const WORD = 2 ** 32
const TAG = {authTagLength: TAG_SIZE}

export class RecordKey {
  readonly #protection: RecordProtection
  /** Our names of ciphers are the platform's; its types tell them apart, although they serve alike. */
  readonly #cipher: 'aes-256-gcm'
  readonly #traffic: TrafficKey
  readonly #nonce: Uint8Array
  readonly #sequence: DataView
  readonly #iv: readonly [low: number, high: number]
  #next: number

  /** Takes over `traffic`. `next` is the number of the first record. Throws TsmctlError `unsupported`. */
  constructor(protection: RecordProtection, traffic: TrafficKey, next = 0) {
    const got = unsupportedAead(protection.aead)
    if (got !== undefined)
      throw new TsmctlError({kind: 'unsupported', attempted: 'protect the records of an SPDM session', got})
    this.#protection = protection
    this.#cipher = protection.aead.name as 'aes-256-gcm'
    this.#traffic = traffic
    this.#nonce = traffic.iv.slice()
    this.#sequence = new DataView(this.#nonce.buffer)
    this.#iv = [this.#sequence.getUint32(0, true), this.#sequence.getUint32(4, true)]
    this.#next = next
  }

  /** Most bytes of a message in one record. */
  get capacity(): number {
    return MAX_LENGTH - TAG_SIZE - (this.#protection.encrypted ? APPLICATION_LENGTH_SIZE : 0)
  }

  /** Zeroes the key. Nothing can be sealed or opened afterwards. */
  forget(): void {
    for (const secret of [this.#traffic.key, this.#traffic.iv, this.#nonce]) secret.fill(0)
    this.#next = SEQUENCE_LIMIT
  }

  /** The record that carries `message`. Throws TsmctlError when it does not fit, or no sequence number is left. */
  seal(sessionId: number, message: Uint8Array): Uint8Array {
    if (message.length > this.capacity)
      throw new TsmctlError({
        kind: 'unsupported',
        attempted: 'protect an SPDM message',
        got: `${message.length} bytes; a record holds ${this.capacity}`,
      })
    const {encrypted} = this.#protection
    const inside = message.length + (encrypted ? APPLICATION_LENGTH_SIZE : 0)
    const record = new Uint8Array(RECORD_HEADER_SIZE + inside + TAG_SIZE)
    const data = new DataView(record.buffer)
    data.setUint32(0, sessionId, true)
    data.setUint16(4, inside + TAG_SIZE, true)
    const cipher = createCipheriv(this.#cipher, this.#traffic.key, this.#nonceOfNext(), TAG)
    if (encrypted) {
      // the plaintext is laid out in place, so that one pass replaces it
      const body = record.subarray(RECORD_HEADER_SIZE, RECORD_HEADER_SIZE + inside)
      data.setUint16(RECORD_HEADER_SIZE, message.length, true)
      body.set(message, APPLICATION_LENGTH_SIZE)
      cipher.setAAD(record.subarray(0, RECORD_HEADER_SIZE))
      body.set(cipher.update(body))
    } else {
      record.set(message, RECORD_HEADER_SIZE)
      cipher.setAAD(record.subarray(0, RECORD_HEADER_SIZE + inside))
    }
    cipher.final()
    record.set(cipher.getAuthTag(), RECORD_HEADER_SIZE + inside)
    this.#next++
    return record
  }

  /**
   * The message in `record`, whose header and bounds the caller has checked; undefined when it is not authentic, in
   * which case the sequence number stays.
   */
  open(record: Uint8Array): Uint8Array | undefined {
    const inside = record.subarray(RECORD_HEADER_SIZE, record.length - TAG_SIZE)
    const decipher = createDecipheriv(this.#cipher, this.#traffic.key, this.#nonceOfNext(), TAG)
    decipher.setAuthTag(record.subarray(record.length - TAG_SIZE))
    const {encrypted} = this.#protection
    decipher.setAAD(encrypted ? record.subarray(0, RECORD_HEADER_SIZE) : record.subarray(0, record.length - TAG_SIZE))
    const plain = encrypted ? decipher.update(inside) : inside
    try {
      decipher.final()
    } catch {
      if (encrypted) plain.fill(0)
      return undefined
    }
    this.#next++
    return new Uint8Array(plain)
  }

  /** The sequence number, 64 bits little-endian, XORed into the first bytes of the initial value. */
  #nonceOfNext(): Uint8Array {
    if (this.#next >= SEQUENCE_LIMIT)
      throw new TsmctlError({
        kind: 'busy',
        attempted: 'protect an SPDM message',
        got: 'no sequence number is left under this key',
        hint: 'update the keys or open a new session',
      })
    const [low, high] = this.#iv
    this.#sequence.setUint32(0, low ^ (this.#next % WORD), true)
    this.#sequence.setUint32(4, high ^ Math.floor(this.#next / WORD), true)
    return this.#nonce
  }
}
