/**
 * Canonical JSON (RFC 8785) for what tsmctl signs and names by digest: null, booleans, strings, safe integers, arrays
 * and objects. Fractions are refused: nothing we name needs them, and their printing is where implementations differ.
 */
import {TsmctlError} from '../errors.js'

/** Values with a canonical form. Members that are undefined are left out, as in JSON.stringify. */
export type Canonical =
  null | boolean | number | string | readonly Canonical[] | {readonly [member: string]: Canonical | undefined}

const LONE_SURROGATE = /\p{Surrogate}/u

const refuse = (what: string): never => {
  throw new TsmctlError({kind: 'bug', attempted: 'write canonical JSON', got: `${what} has no canonical form here`})
}

function text(value: string): string {
  if (LONE_SURROGATE.test(value)) refuse('a string with half a surrogate pair')
  return JSON.stringify(value)
}

/** The canonical text of `value`: members sorted by UTF-16 code units, no white space. */
export function jcs(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return text(value)
  if (typeof value === 'number') {
    // -0 prints as 0 and would be two values with one form
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) refuse(`the number ${value}`)
    return String(value)
  }
  if (Array.isArray(value)) return `[${value.map(jcs).join(',')}]`
  if (typeof value !== 'object') return refuse(`a ${typeof value}`)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return refuse('an object with a class')
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `${text(name)}:${jcs(member)}`).join(',')}}`
}

/** UTF-8 bytes of the canonical text. */
export const jcsBytes = (value: unknown): Uint8Array => new TextEncoder().encode(jcs(value))
