/**
 * One direction's records on MCTP (DSP0275, DSP0276): the header carries the low half of the sequence number, and the
 * plaintext starts with the MCTP message type. Only for reading what went by: it seals nothing.
 */
import {createDecipheriv} from 'node:crypto'
import {bytes, layout, NEXT, u16, u32} from '../../bits/index.js'
import {type TrafficSuite, trafficKeyOf, updatedSecretOf} from '../session/index.js'

const HEADER_SIZE = 8
const TAG_SIZE = 16
const WORD = 2 ** 32
/** SequenceNumber has 16 bits on the wire. */
const WIRE = 2 ** 16

export const MCTP_SECURED_MESSAGE = layout(
  {id: 'spdm-mctp-secured-message', name: 'SecuredMessage on MCTP', spec: 'DSP0276 1.2'},
  {
    sessionId: u32(0, 'ReqSessionID in the low half, RspSessionID in the high half'),
    sequenceNumber: u16(4, 'SequenceNumber [15:0]'),
    length: u16(6, 'bytes that follow: data and MAC'),
    body: bytes(NEXT, 'length', 'ciphertext, or clear data, and the MAC'),
  },
)

interface Generation {
  readonly secret: Uint8Array
  readonly key: Uint8Array
  readonly iv: Uint8Array
  next: number
}

function nonceOf(iv: Uint8Array, sequence: number): Uint8Array {
  const nonce = iv.slice()
  const data = new DataView(nonce.buffer)
  data.setUint32(0, data.getUint32(0, true) ^ (sequence % WORD), true)
  data.setUint32(4, data.getUint32(4, true) ^ Math.floor(sequence / WORD), true)
  return nonce
}

export class MctpDirection {
  readonly #suite: TrafficSuite
  #current: Generation
  #previous: Generation | undefined

  constructor(suite: TrafficSuite, secret: Uint8Array) {
    this.#suite = suite
    this.#current = this.#generation(secret)
  }

  /** The plaintext of `record`, or undefined when it is not authentic. Throws DecodeError when it is no record. */
  open(record: Uint8Array): Uint8Array | undefined {
    const {sequenceNumber, length} = MCTP_SECURED_MESSAGE.decode(record)
    if (length < TAG_SIZE) return undefined
    for (const generation of [this.#current, this.#previous]) {
      const plain = generation === undefined ? undefined : this.#try(generation, record, sequenceNumber)
      if (plain === undefined) continue
      this.#current = generation!
      this.#previous = undefined
      return plain
    }
    return undefined
  }

  /** The next secret and key; the first record that follows decides whether it happened. */
  update(): void {
    this.#previous = this.#current
    this.#current = this.#generation(updatedSecretOf(this.#suite.schedule, this.#current.secret))
  }

  #try(generation: Generation, record: Uint8Array, wire: number): Uint8Array | undefined {
    // a capture may lack records: the number on the wire says how many
    const sequence = generation.next + ((wire - (generation.next % WIRE) + WIRE) % WIRE)
    const {encrypted, aead} = this.#suite.protection
    const nonce = nonceOf(generation.iv, sequence)
    const options = {authTagLength: TAG_SIZE}
    const decipher = createDecipheriv(aead.name as 'aes-256-gcm', generation.key, nonce, options)
    const body = record.subarray(HEADER_SIZE, -TAG_SIZE)
    decipher.setAuthTag(record.subarray(-TAG_SIZE))
    decipher.setAAD(encrypted ? record.subarray(0, HEADER_SIZE) : record.subarray(0, -TAG_SIZE))
    const plain = encrypted ? decipher.update(body) : body
    try {
      decipher.final()
    } catch {
      return undefined
    }
    generation.next = sequence + 1
    return new Uint8Array(plain)
  }

  #generation(secret: Uint8Array): Generation {
    const {schedule, protection} = this.#suite
    return {secret, ...trafficKeyOf(schedule, secret, protection.aead.keySize), next: 0}
  }
}
