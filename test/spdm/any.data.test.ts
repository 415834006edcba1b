/** Every message of every capture: which one it is, what it says, where it ends. */
import {describe, expect, it} from 'vitest'
import {concat, equal, fromHex, isZero, toHex} from '../../src/bits/index.js'
import {
  type Connection,
  connectionOf,
  contextOf,
  decodeSpdmMessage,
  encapsulatedContext,
  type MessageContext,
  parseVca,
  responseContext,
  type SpdmMessage,
} from '../../src/spdm/index.js'
import {captureIndex, captureLines, hasCaptures} from './captures.js'

const DOE = {maxPadding: 3}
const NOT_TRIMMED = ['MEASUREMENT_EXTENSION_LOG', 'CHUNK_RESPONSE']

/** Follows a capture as an observer does: what a response looks like follows from the request before it. */
class Follower {
  #vca: Uint8Array[] = []
  #connection: Connection | undefined
  #request: SpdmMessage | undefined
  /** The request whose response comes in chunks. */
  #large: SpdmMessage | undefined

  context(kind: string, direction: string | undefined): MessageContext {
    if (this.#connection === undefined) return {}
    if (kind === 'reassembled') return responseContext(this.#connection, this.#large!)
    return direction === 'request' || this.#request === undefined
      ? contextOf(this.#connection)
      : responseContext(this.#connection, this.#request)
  }

  saw(message: SpdmMessage, direction: string | undefined): void {
    if (message.name === 'GET_VERSION') {
      this.#vca = []
      this.#connection = undefined
    }
    if (this.#connection === undefined) this.#vca.push(message.bytes)
    if (message.name === 'ALGORITHMS') this.#connection = connectionOf(parseVca(concat(...this.#vca)))
    if (message.name === 'ERROR' && message.value.handle !== undefined) this.#large = this.#request
    if (direction === 'request') this.#request = message
  }

  get connection(): Connection | undefined {
    return this.#connection
  }
}

describe.skipIf(!hasCaptures)('any message of the captures (shared test data)', () => {
  it.each(Object.keys(captureIndex))('%s', name => {
    const follower = new Follower()
    let count = 0
    for (const {kind, name: expected, hex, direction} of captureLines(name)) {
      if (kind !== 'message' && kind !== 'reassembled') continue
      const logged = fromHex(hex)
      const context = follower.context(kind, direction)
      const padded = concat(logged, new Uint8Array((4 - (logged.length % 4)) % 4))
      const message = decodeSpdmMessage(padded, context, DOE)
      if (kind === 'message') expect(message.name).toBe(expected)
      const end = message.bytes.length
      expect(toHex(message.bytes)).toBe(toHex(padded.subarray(0, end)))
      // the log trims what it verified only: of the others it keeps the padding
      if (NOT_TRIMMED.includes(message.name)) expect(isZero(logged.subarray(end))).toBe(true)
      else expect(end).toBe(logged.length)
      const encode: (value: never, context: MessageContext) => Uint8Array = message.layout.encode
      expect(equal(encode(message.value as never, context), message.bytes)).toBe(true)
      if (kind === 'message') follower.saw(message, direction)
      count++
    }
    expect(count).toBeGreaterThan(20)
    expect(encapsulatedContext(follower.connection!)).toMatchObject({summary: 0})
  })
})
