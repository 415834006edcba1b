/** Values of primitive DER elements (X.690 §8): object identifiers, integers, bit strings, times, text. */
import {get, mask} from '../../bits/index.js'
import {contentOf, type Der, expectTag, malformed, TAG} from './der.js'

const MORE = mask(7, 7)
const ARC = mask(6, 0)

/** Dotted text of an object identifier. */
export function oidOf(element: Der | undefined, what: string): string {
  const checked = expectTag(element, TAG.OID, what)
  const arcs: bigint[] = []
  let value = 0n
  let isOpen = false
  for (const octet of contentOf(checked)) {
    if (!isOpen && get(MORE, octet) === 1 && get(ARC, octet) === 0)
      throw malformed(what, checked.at, 'an arc in the fewest octets', 'a leading zero')
    value = value * 128n + BigInt(get(ARC, octet))
    isOpen = get(MORE, octet) === 1
    if (!isOpen) {
      arcs.push(value)
      value = 0n
    }
  }
  const [first, ...rest] = arcs
  if (isOpen || first === undefined) throw malformed(what, checked.at, 'a complete object identifier', 'a part of one')
  const root = first < 40n ? 0n : first < 80n ? 1n : 2n
  return [root, first - root * 40n, ...rest].join('.')
}

/** Two's-complement integer of an element whose tag has been checked; refuses more octets than needed. */
export function integerOf(element: Der, what: string): bigint {
  const octets = contentOf(element)
  const [first, second] = octets
  if (first === undefined) throw malformed(what, element.at, 'an integer', 'no content')
  const isNegative = get(MORE, first) === 1
  if (second !== undefined && (first === 0x00 || first === 0xff) && (first === 0xff) === (get(MORE, second) === 1))
    throw malformed(what, element.at, 'an integer in the fewest octets', 'a redundant octet')
  const unsigned = BigInt(`0x${Buffer.from(octets).toString('hex')}`)
  return isNegative ? BigInt.asIntN(octets.length * 8, unsigned) : unsigned
}

/** A small non-negative integer, as versions, layers and counts are. */
export function countOf(element: Der, what: string): number {
  const value = integerOf(element, what)
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(what, element.at, 'a count', String(value))
  return Number(value)
}

/** Numbers of the bits set in a bit string, bit 0 first. */
export function bitNumbersOf(element: Der, what: string): number[] {
  const [unused, ...octets] = contentOf(element)
  if (unused === undefined || unused > 7 || (octets.length === 0 && unused !== 0))
    throw malformed(what, element.at, 'a bit string', 'an illegal number of unused bits')
  return octets.flatMap((octet, i) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter(bit => get(mask(7 - bit, 7 - bit), octet) === 1).map(bit => i * 8 + bit),
  )
}

/** UTF-8 text of an element's content. Throws DecodeError for bytes that are not UTF-8. */
export function utf8Of(element: Der, what: string): string {
  try {
    return new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(contentOf(element))
  } catch {
    throw malformed(what, element.at, 'UTF-8 text', 'other bytes')
  }
}

/** `YYMMDDHHMMSSZ` of the years 1950 to 2049, and `YYYYMMDDHHMMSSZ` (RFC 5280 §4.1.2.5, X.690 §11.7 and §11.8). */
const TIMES: Readonly<Record<number, RegExp>> = {
  [TAG.UTC_TIME]: /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/,
  [TAG.GENERALIZED_TIME]: /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/,
}

export const isTime = ({tag}: Der): boolean => tag in TIMES

/** The moment an element states. Throws DecodeError for fractions, offsets and days that do not exist. */
export function timeOf(element: Der | undefined, what: string): Date {
  const form = element && TIMES[element.tag]
  if (element === undefined || form === undefined) throw malformed(what, element?.at ?? 0, 'a time', 'something else')
  const text = Buffer.from(contentOf(element)).toString('latin1')
  const [, years = '', ...parts] = form.exec(text) ?? []
  const year = years.length === 2 ? Number(years) + (Number(years) < 50 ? 2000 : 1900) : Number(years)
  const [month, day, hour, minute, second] = parts.map(Number) as [number, number, number, number, number]
  const time = new Date(0)
  time.setUTCFullYear(year, month - 1, day)
  time.setUTCHours(hour, minute, second)
  const isReal = time.getUTCMonth() === month - 1 && time.getUTCDate() === day && time.getUTCSeconds() === second
  if (parts.length === 0 || !isReal || hour > 23 || minute > 59)
    throw malformed(what, element.at, 'a UTC time to the second', 'another form')
  return time
}
