/**
 * Answers kept by the bytes they are about: chains of one vendor share their upper certificates, and reading or verifying
 * one costs as much as a whole appraisal otherwise. Whole bytes are compared, never digests of them, and only few are
 * kept.
 */

/** Certificates of devices are far smaller; a larger one is not worth its memory. */
const LARGEST = 8192

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')

/** Answers by key, of which the `most` last used are kept. */
export class Remembered<Answer> {
  readonly #answers = new Map<string, Answer>()
  readonly #most: number
  constructor(most: number) {
    this.#most = most
  }

  /** The answer about these bytes: the known one, or what `make` says, if that is worth keeping. */
  of(bytes: readonly Uint8Array[], make: () => Answer, isKept: (answer: Answer) => boolean = () => true): Answer {
    if (bytes.some(({length}) => length > LARGEST)) return make()
    // lengths keep apart what concatenation would not
    const key = bytes.map(part => `${part.length}:${textOf(part)}`).join('')
    const known = this.#answers.get(key)
    const answer = known ?? make()
    if (known !== undefined) this.#answers.delete(key)
    if (known !== undefined || isKept(answer)) this.#answers.set(key, answer)
    if (this.#answers.size > this.#most) this.#answers.delete(this.#answers.keys().next().value!)
    return answer
  }
}
