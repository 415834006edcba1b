/**
 * CBOR (RFC 8949) of strangers: one item of definite lengths, without duplicate keys, floating point numbers, bad UTF-8
 * or bytes behind it, and of bounded depth. Integers, text, byte strings, arrays, `Map`s and tags are what comes out.
 */
import {decode, encode, getEncoded, Tag} from 'cbor2'
import {DecodeError} from '../bits/index.js'
import {printable} from '../errors.js'

/** Nesting of the deepest structure read here is about half of it. */
const MAX_DEPTH = 32
/** Bytes. Manifests have some thousands. */
export const CORIM_LIMIT = 4 * 1024 * 1024

const OPTIONS = {
  maxDepth: MAX_DEPTH,
  ignoreGlobalTags: true,
  preferMap: true,
  rejectDuplicateKeys: true,
  rejectStreaming: true,
  rejectFloats: true,
  rejectSimple: true,
  rejectUndefined: true,
  saveOriginal: true,
  createObject: uniqueMap,
} as const

/** The library compares keys as they are encoded; one number has several encodings. */
function uniqueMap(entries: readonly (readonly [unknown, unknown, Uint8Array])[]): Map<unknown, unknown> {
  const map = new Map(entries.map(([key, value]) => [key, value]))
  if (map.size !== entries.length) throw new TypeError('a key occurs twice')
  return map
}

/** The item that `bytes` consist of, `limit` of them at most. Throws DecodeError, for `structure`. */
export function decodeItem(bytes: Uint8Array, structure: string, path = '', limit = CORIM_LIMIT): unknown {
  const refuse = (expected: string, got: string): DecodeError =>
    new DecodeError({structure, path, offset: bytes.byteOffset, expected, got})
  if (bytes.length > limit) throw refuse(`at most ${limit} bytes`, `${bytes.length}`)
  try {
    return decode(bytes, OPTIONS)
  } catch (error) {
    // the library throws whatever the engine does for lengths that do not exist
    const text = error instanceof Error ? error.message : String(error)
    const isLength = error instanceof RangeError || text.includes('BigInt')
    throw refuse('one CBOR item', isLength ? 'a length beyond its end' : printable(text, 120))
  }
}

/** Bytes of the item, for what is signed. */
export const encodeItem = (value: unknown): Uint8Array => encode(value)

export const isTagged = (value: unknown, tag?: number): value is Tag =>
  value instanceof Tag && (tag === undefined || Number(value.tag) === tag)

/** Byte at which a map, array, tagged or byte string starts in the document it was read from. */
export function offsetOf(value: unknown): number {
  if (value instanceof Uint8Array) return value.byteOffset
  return (typeof value === 'object' && value !== null ? getEncoded(value)?.byteOffset : undefined) ?? 0
}

/** What an item is, in a word or two, for messages. */
export function kindOf(value: unknown): string {
  if (value instanceof Tag) return `tag ${value.tag}`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Map) return 'a map'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'string') return `text "${printable(value, 32)}"`
  return String(value)
}
