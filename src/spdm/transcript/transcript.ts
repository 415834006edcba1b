/** A transcript: messages one after another, whose digest can be taken at any point while more follow. */
import {concat} from '../../bits/index.js'
import type {HashAlgorithm} from '../algorithms.js'
import {type TranscriptHash, transcriptHash} from '../crypto/index.js'

export class Transcript {
  readonly #state: TranscriptHash
  readonly #parts: Uint8Array[]

  private constructor(state: TranscriptHash, parts: readonly Uint8Array[]) {
    this.#state = state
    this.#parts = [...parts]
  }

  /** An empty transcript under `hash`. Throws TsmctlError `unsupported` for a hash we cannot compute. */
  static start(hash: Pick<HashAlgorithm, 'name'>): Transcript {
    return new Transcript(transcriptHash(hash), [])
  }

  append(...parts: readonly Uint8Array[]): this {
    this.#state.update(...parts)
    this.#parts.push(...parts)
    return this
  }

  /** An independent transcript that starts with everything in this one. */
  fork(...parts: readonly Uint8Array[]): Transcript {
    return new Transcript(this.#state.fork(), this.#parts).append(...parts)
  }

  digest(): Uint8Array {
    return this.#state.digest()
  }

  /** The messages themselves: up to 1.1 signature primitives take them, not their digest. */
  bytes(): Uint8Array {
    return concat(...this.#parts)
  }
}
