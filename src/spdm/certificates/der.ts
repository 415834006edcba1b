/**
 * A strict reader of DER (X.690 §10): definite lengths in the fewest octets, one-octet tags, nothing behind the end.
 * Certificate libraries accept more than this, and two readers that disagree about where a certificate ends are a hole.
 */
import {DecodeError, get, hex, mask} from '../../bits/index.js'

export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  ENUMERATED: 0x0a,
  UTF8_STRING: 0x0c,
  PRINTABLE_STRING: 0x13,
  IA5_STRING: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const

/** Tag of a context-specific element, `constructed` or primitive. */
export const contextTag = (n: number, constructed: boolean): number => (constructed ? 0xa0 : 0x80) + n

export interface Der {
  /** Bytes the offsets refer to. */
  readonly source: Uint8Array
  readonly tag: number
  /** First byte of the tag, first byte of the content, first byte behind. */
  readonly at: number
  readonly start: number
  readonly end: number
}

const MAX_DEPTH = 32
const LONG_FORM = 0x80
const HIGH_TAG = mask(4, 0)
const CONSTRUCTED = mask(5, 5)

export const malformed = (what: string, offset: number, expected: string, got: string): DecodeError =>
  new DecodeError({structure: what, path: '', offset, expected, got})

/** Content length at `at`, and how many octets state it. */
function readLength(source: Uint8Array, at: number, end: number, what: string): {length: number; octets: number} {
  const first = source[at]
  if (first === undefined || at >= end) throw malformed(what, at, 'a length', 'the end')
  if (first < LONG_FORM) return {length: first, octets: 1}
  const count = first - LONG_FORM
  if (count === 0 || count > 4) throw malformed(what, at, 'a definite length of at most 4 octets', hex(first, 2))
  if (at + count >= end) throw malformed(what, at, `${count} octets of length`, 'the end')
  let length = 0
  for (const octet of source.subarray(at + 1, at + 1 + count)) length = length * 256 + octet
  const fewest = length < LONG_FORM ? 0 : Math.ceil(Math.log2(length + 1) / 8)
  if (count !== fewest) throw malformed(what, at, 'a length in the fewest octets', `${count} octets for ${length}`)
  return {length, octets: 1 + count}
}

/** The element at byte `at`, which must end by `end`. Throws DecodeError. */
export function readDer(source: Uint8Array, at: number, end: number, what: string): Der {
  const tag = source[at]
  if (tag === undefined || at >= end) throw malformed(what, at, 'an element', 'the end')
  if (get(HIGH_TAG, tag) === get(HIGH_TAG, HIGH_TAG)) throw malformed(what, at, 'a one-octet tag', hex(tag, 2))
  const {length, octets} = readLength(source, at + 1, end, what)
  const start = at + 1 + octets
  if (start + length > end) throw malformed(what, at, `${length} bytes of content`, `${end - start} left`)
  return {source, tag, at, start, end: start + length}
}

/** The single element that `bytes` consist of. */
export function readWhole(bytes: Uint8Array, what: string): Der {
  const element = readDer(bytes, 0, bytes.length, what)
  if (element.end !== bytes.length)
    throw malformed(what, element.end, `${element.end} bytes`, `${bytes.length - element.end} more`)
  return element
}

const isConstructed = ({tag}: Der): boolean => get(CONSTRUCTED, tag) === 1
export const contentOf = ({source, start, end}: Der): Uint8Array => source.subarray(start, end)
export const encodingOf = ({source, at, end}: Der): Uint8Array => source.subarray(at, end)

/** Elements inside a constructed element. */
export function childrenOf(parent: Der, what: string): Der[] {
  const out: Der[] = []
  for (let at = parent.start; at < parent.end;) {
    const child = readDer(parent.source, at, parent.end, what)
    out.push(child)
    at = child.end
  }
  return out
}

/** The one element inside a constructed element. */
export function onlyChildOf(parent: Der, what: string): Der {
  const [child, ...others] = childrenOf(parent, what)
  if (child === undefined || others.length > 0)
    throw malformed(what, parent.at, 'one element', `${child === undefined ? 0 : others.length + 1}`)
  return child
}

/** Checks every length of a nested element, 32 levels deep. */
export function checkNesting(element: Der, what: string, depth = 0): void {
  if (depth > MAX_DEPTH) throw malformed(what, element.at, `at most ${MAX_DEPTH} levels`, 'more')
  if (isConstructed(element)) for (const child of childrenOf(element, what)) checkNesting(child, what, depth + 1)
}

export function expectTag(element: Der | undefined, tag: number, what: string): Der {
  if (element === undefined) throw malformed(what, 0, `an element ${hex(tag, 2)}`, 'nothing')
  if (element.tag !== tag) throw malformed(what, element.at, `tag ${hex(tag, 2)}`, hex(element.tag, 2))
  return element
}
