/** A transcript: messages one after another, whose digest can be taken at any point while more follow. */
import {join} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import type {HashAlgorithm} from '../algorithms.js'
import {type TranscriptHash, transcriptHash} from '../crypto/index.js'

export class Transcript {
  readonly #state: TranscriptHash
  readonly #parts: Uint8Array[]
  readonly #most: number
  #size: number

  private constructor(state: TranscriptHash, parts: readonly Uint8Array[], size: number, most: number) {
    this.#state = state
    this.#parts = [...parts]
    this.#size = size
    this.#most = most
  }

  /** An empty transcript of at most `most` bytes. Throws TsmctlError `unsupported` for a hash we cannot compute. */
  static start(hash: Pick<HashAlgorithm, 'name'>, most = Infinity): Transcript {
    return new Transcript(transcriptHash(hash), [], 0, most)
  }

  /** Throws TsmctlError `unsupported` when it would become too long; it is then as it was. */
  append(...parts: readonly Uint8Array[]): this {
    const size = parts.reduce((sum, part) => sum + part.length, this.#size)
    if (size > this.#most)
      throw new TsmctlError({
        kind: 'unsupported',
        attempted: 'keep an SPDM transcript',
        got: `it would have more than ${this.#most} bytes`,
      })
    this.#size = size
    this.#state.update(...parts)
    this.#parts.push(...parts)
    return this
  }

  /** An independent transcript that starts with everything in this one. */
  fork(...parts: readonly Uint8Array[]): Transcript {
    return new Transcript(this.#state.fork(), this.#parts, this.#size, this.#most).append(...parts)
  }

  digest(): Uint8Array {
    return this.#state.digest()
  }

  /** The messages themselves: up to 1.1 signature primitives take them, not their digest. */
  bytes(): Uint8Array {
    return join(this.#parts)
  }
}
