/** What one side of a session sends: its secret, the key made of it, and how both change in KEY_UPDATE. */
import {type KeySchedule, trafficKeyOf, updatedSecretOf} from './key-schedule.js'
import {RecordKey, type RecordProtection} from './record-key.js'

/** What the keys of every direction of a connection are made with. */
export interface TrafficSuite {
  readonly schedule: KeySchedule
  readonly protection: RecordProtection
}

interface Generation {
  readonly secret: Uint8Array
  readonly key: RecordKey
}

const generationOf = ({schedule, protection}: TrafficSuite, secret: Uint8Array, next = 0): Generation => ({
  secret,
  key: new RecordKey(protection, trafficKeyOf(schedule, secret, protection.aead.keySize), next),
})

/** A direction as `SessionMemory` has it. */
export interface DirectionMemory {
  readonly secret: Uint8Array
  /** Number of the next record. */
  readonly next: number
}

function forget(generation: Generation | undefined): void {
  generation?.key.forget()
  generation?.secret.fill(0)
}

export class Direction {
  readonly #suite: TrafficSuite
  #current: Generation
  /** What a peer still uses that has refused an update. */
  #previous: Generation | undefined
  #updates = 0

  /** Takes over `secret`; `next` is the number of the first record. Throws TsmctlError `unsupported` for the cipher. */
  constructor(suite: TrafficSuite, secret: Uint8Array, next = 0) {
    this.#suite = suite
    this.#current = generationOf(suite, secret, next)
  }

  /** A copy of what makes this direction; undefined while an update can still be taken back. */
  get memory(): DirectionMemory | undefined {
    const {secret, key} = this.#current
    return this.#previous === undefined ? {secret: secret.slice(), next: key.next} : undefined
  }

  /** How many updates are in force. */
  get updates(): number {
    return this.#updates
  }

  /** The record that carries `message`. Throws as `RecordKey.seal`. */
  seal(sessionId: number, message: Uint8Array): Uint8Array {
    return this.#current.key.seal(sessionId, message)
  }

  /**
   * The plaintext of `record`, whose bounds the caller has checked, or undefined when it is not authentic. After an
   * update the first record decides: under the new key it settles the update, under the old one it takes it back.
   */
  open(record: Uint8Array): Uint8Array | undefined {
    const plain = this.#current.key.open(record)
    if (this.#previous === undefined) return plain
    if (plain !== undefined) {
      forget(this.#previous)
      this.#previous = undefined
      return plain
    }
    const old = this.#previous.key.open(record)
    if (old === undefined) return undefined
    forget(this.#current)
    this.#current = this.#previous
    this.#previous = undefined
    this.#updates--
    return old
  }

  /** The next secret and key; sequence numbers start again. `revocable`: the sender may refuse and stay with the old. */
  update(revocable: boolean): void {
    forget(this.#previous)
    const old = this.#current
    this.#current = generationOf(this.#suite, updatedSecretOf(this.#suite.schedule, old.secret))
    this.#previous = revocable ? old : undefined
    this.#updates++
    if (!revocable) forget(old)
  }

  /** Zeroes everything. Nothing can be sealed or opened afterwards. */
  forget(): void {
    forget(this.#current)
    forget(this.#previous)
    this.#previous = undefined
  }
}
