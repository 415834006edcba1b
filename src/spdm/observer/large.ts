/** A message on its way in chunks (DSP0274 1.3 §10.26, §10.27). */
import {join, type Seen} from '../../bits/index.js'
import {chunkNumberOf} from '../messages/index.js'

/** Largest message anybody would put together. */
const MAX_MESSAGE = 0x400000
/** What a chunk led to: the whole message, nothing yet, or the reason why nothing will come of it. */
export type ChunkResult = {readonly whole: Uint8Array} | {readonly lost: string} | 'more'

const numberOf = (chunk: Seen): number => chunkNumberOf(chunk as unknown as Parameters<typeof chunkNumberOf>[0])

export const isFirstChunk = (chunk: Seen): boolean => numberOf(chunk) === 0

/** Chunks of one message, in order. */
export class LargeMessage {
  readonly #parts: Uint8Array[] = []
  #length = 0
  #total = 0
  #handle: number | undefined
  #isLost = false

  /** The next chunk. A chunk that is numbered 0 starts again. */
  add(chunk: Seen): ChunkResult {
    const number = numberOf(chunk)
    if (number === 0) this.#start(chunk)
    if (this.#isLost) return 'more'
    const {handle, lastChunk} = chunk as {handle: number; lastChunk: boolean}
    if (this.#handle === undefined) return this.#lose('its first chunk is not in the capture')
    if (handle !== this.#handle) return this.#lose(`chunk ${number} is of another message`)
    if (number !== this.#parts.length) return this.#lose(`chunk ${number} came where ${this.#parts.length} was due`)
    const bytes = chunk.chunk as Uint8Array
    this.#parts.push(bytes)
    this.#length += bytes.length
    if (this.#length > this.#total || this.#total > MAX_MESSAGE)
      return this.#lose(`${this.#length} bytes of a message of ${this.#total}`)
    if (!lastChunk) return 'more'
    if (this.#length !== this.#total) return this.#lose(`${this.#length} of ${this.#total} bytes at its last chunk`)
    return {whole: join(this.#parts)}
  }

  #start({largeMessageSize, handle}: Seen): void {
    this.#parts.length = 0
    this.#length = 0
    this.#isLost = false
    this.#total = largeMessageSize as number
    this.#handle = handle as number
  }

  /** Said once, not for every chunk that follows. */
  #lose(why: string): ChunkResult {
    this.#isLost = true
    return {lost: `the large message cannot be put together: ${why}`}
  }
}
