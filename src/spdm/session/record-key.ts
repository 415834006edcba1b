/**
 * One direction of a session: a key and the number of the next record under it. Sealing and opening are AEAD with the
 * header as additional data and the sequence number in the nonce (DSP0277 1.2 §7).
 */
import {createCipheriv, createDecipheriv} from 'node:crypto'
import {TsmctlError} from '../../errors.js'
import type {AeadAlgorithm} from '../algorithms.js'
import type {TrafficKey} from './key-schedule.js'
import type {RecordForm} from '../transport/index.js'
import {APPLICATION_LENGTH_SIZE, recordHeaderSize, TAG_SIZE} from './secured-message.js'

/** How the records of a session are protected. */
export interface RecordProtection {
  readonly aead: AeadAlgorithm
  /** Otherwise records are only authenticated: MAC_CAP without ENCRYPT_CAP. */
  readonly encrypted: boolean
  readonly form: RecordForm
  /** Take records whose sequence number is ahead: a capture may lack some. A session of ours never does. */
  readonly gaps?: boolean
}

/** Why records cannot be protected by `aead` here, or undefined. */
export const unsupportedAead = ({name}: Pick<AeadAlgorithm, 'name'>): string | undefined =>
  name === 'sm4-gcm' ? `${name} is not supported` : undefined

/** ApplicationDataLength and Length have 16 bits. */
const MAX_LENGTH = 0xffff
/** The first sequence number that is not used: beyond it numbers of the platform are no longer exact. */
const SEQUENCE_LIMIT = Number.MAX_SAFE_INTEGER
const WORD = 2 ** 32
/** Numbers that a sequence number of `sequenceSize` bytes tells apart. */
const WIRE = 2 ** 16
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
    const {encrypted, form} = this.#protection
    return MAX_LENGTH - TAG_SIZE - (encrypted ? APPLICATION_LENGTH_SIZE : 0) - form.prefix.length
  }

  /** Number of the next record. */
  get next(): number {
    return this.#next
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
    const {encrypted, form} = this.#protection
    const {prefix, sequenceSize} = form
    const head = recordHeaderSize(form)
    const lead = encrypted ? APPLICATION_LENGTH_SIZE : 0
    const inside = lead + prefix.length + message.length
    const record = new Uint8Array(head + inside + TAG_SIZE)
    const data = new DataView(record.buffer)
    data.setUint32(0, sessionId, true)
    if (sequenceSize > 0) data.setUint16(4, this.#next % WIRE, true)
    data.setUint16(head - 2, inside + TAG_SIZE, true)
    record.set(prefix, head + lead)
    record.set(message, head + lead + prefix.length)
    const cipher = createCipheriv(this.#cipher, this.#traffic.key, this.#nonceOf(this.#next), TAG)
    if (encrypted) {
      // the plaintext is laid out in place, so that one pass replaces it
      const body = record.subarray(head, head + inside)
      data.setUint16(head, prefix.length + message.length, true)
      cipher.setAAD(record.subarray(0, head))
      body.set(cipher.update(body))
    } else cipher.setAAD(record.subarray(0, head + inside))
    cipher.final()
    record.set(cipher.getAuthTag(), head + inside)
    this.#next++
    return record
  }

  /**
   * The plaintext of `record`, whose header the caller has checked; undefined when it is not authentic, in which case the
   * sequence number stays.
   */
  open(record: Uint8Array): Uint8Array | undefined {
    const {encrypted, form} = this.#protection
    const head = recordHeaderSize(form)
    if (record.length < head + TAG_SIZE) return undefined
    const sequence = this.#sequenceOf(record)
    if (sequence === undefined) return undefined
    const inside = record.subarray(head, record.length - TAG_SIZE)
    const decipher = createDecipheriv(this.#cipher, this.#traffic.key, this.#nonceOf(sequence), TAG)
    decipher.setAuthTag(record.subarray(record.length - TAG_SIZE))
    decipher.setAAD(encrypted ? record.subarray(0, head) : record.subarray(0, record.length - TAG_SIZE))
    const plain = encrypted ? decipher.update(inside) : inside
    try {
      decipher.final()
    } catch {
      if (encrypted) plain.fill(0)
      return undefined
    }
    this.#next = sequence + 1
    return new Uint8Array(plain)
  }

  /** The number of `record`: the next, which its header must agree with; or a later one, if those between may be missing. */
  #sequenceOf(record: Uint8Array): number | undefined {
    const {form, gaps} = this.#protection
    if (form.sequenceSize === 0) return this.#next
    const stated = new DataView(record.buffer, record.byteOffset).getUint16(4, true)
    const missing = (stated - (this.#next % WIRE) + WIRE) % WIRE
    return missing === 0 || gaps === true ? this.#next + missing : undefined
  }

  /** The sequence number, 64 bits little-endian, XORed into the first bytes of the initial value. */
  #nonceOf(sequence: number): Uint8Array {
    if (sequence >= SEQUENCE_LIMIT)
      throw new TsmctlError({
        kind: 'busy',
        attempted: 'protect an SPDM message',
        got: 'no sequence number is left under this key',
        hint: 'update the keys or open a new session',
      })
    const [low, high] = this.#iv
    this.#sequence.setUint32(0, low ^ (sequence % WORD), true)
    this.#sequence.setUint32(4, high ^ Math.floor(sequence / WORD), true)
    return this.#nonce
  }
}
