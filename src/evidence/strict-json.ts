/** JSON from strangers: UTF-8 or nothing, and no member twice, which parsers resolve differently. */
import {printable, TsmctlError} from '../errors.js'

/** Members of all objects in a parsed value. */
function members(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const inner = Object.values(value).reduce((sum: number, item) => sum + members(item), 0)
  return Array.isArray(value) ? inner : inner + Object.keys(value).length
}

/** Index behind the string literal that starts at `at`: its end is the next quote that no backslash escapes. */
function behindString(text: string, at: number): number {
  for (let quote = text.indexOf('"', at + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (text[quote - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return quote + 1
  }
  return text.length
}

/** Every member has exactly one colon outside of strings, so more colons than members means that one was repeated. */
function colons(text: string): number {
  let count = 0
  for (let at = 0; at < text.length;) {
    const string = text.indexOf('"', at)
    const end = string === -1 ? text.length : string
    count += text.slice(at, end).split(':').length - 1
    at = string === -1 ? text.length : behindString(text, string)
  }
  return count
}

/** Parsed JSON text. Throws TsmctlError of kind `malformed` about `what`. */
export function strictJson(input: Uint8Array | string, what: string): unknown {
  const refuse = (got: string, cause?: unknown): never => {
    throw new TsmctlError({kind: 'malformed', attempted: `read ${what}`, got, cause})
  }
  try {
    const text = typeof input === 'string' ? input : new TextDecoder('utf-8', {fatal: true}).decode(input)
    const value: unknown = JSON.parse(text)
    if (colons(text) === members(value)) return value
  } catch (error) {
    // also a nesting too deep for us, which no file of ours has
    return refuse(`not JSON: ${printable(error instanceof Error ? error.message : String(error), 120)}`, error)
  }
  return refuse('a member is given twice')
}
