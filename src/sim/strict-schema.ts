/** Refusals of a schema in words: where, what, and which known key an unknown one was probably meant to be. */
import * as v from 'valibot'
import {printable, quoted, TsmctlError} from '../errors.js'

interface Walkable {
  readonly type?: string
  readonly entries?: Readonly<Record<string, Walkable>>
  readonly item?: Walkable
  readonly wrapped?: Walkable
  readonly pipe?: readonly Walkable[]
}

const unwrapped = (schema: Walkable | undefined): Walkable | undefined =>
  schema?.wrapped === undefined ? schema : unwrapped(schema.wrapped)

/** Keys known where `path` leads. */
function keysAt(schema: Walkable, path: readonly unknown[]): string[] {
  let here = unwrapped(schema)
  for (const key of path) here = unwrapped(typeof key === 'number' ? here?.item : here?.entries?.[String(key)])
  return Object.keys(here?.entries ?? {})
}

/** Number of single-character edits between two words. */
function distance(a: string, b: string): number {
  let row = Array.from({length: b.length + 1}, (_, i) => i)
  for (const [i, left] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, right] of [...b].entries())
      next.push(Math.min(row[j]! + Number(left !== right), row[j + 1]! + 1, next[j]! + 1))
    row = next
  }
  return row.at(-1)!
}

/** The known word `wanted` was probably meant to be, or undefined when none is near. */
export function nearest(wanted: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map(word => ({word, edits: distance(wanted.toLowerCase(), word.toLowerCase())}))
    .sort((a, b) => a.edits - b.edits)
  return best !== undefined && best.edits <= Math.max(1, Math.floor(wanted.length / 2)) ? best.word : undefined
}

const pathText = (path: readonly unknown[]): string =>
  path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${printable(String(key))}`))
    .join('')

/** What stands there, as far as it is a word. */
const shown = (input: unknown): string =>
  typeof input === 'object' && input !== null ? 'a mapping or list' : quoted(String(input))

function explained(schema: Walkable, issue: v.BaseIssue<unknown>): {got: string; hint?: string} {
  const path = (issue.path ?? []).map(item => item.key)
  const where = path.length === 0 ? '' : `${pathText(path)}: `
  const last = String(path.at(-1))
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const known = keysAt(schema, path.slice(0, -1))
    const meant = nearest(last, known)
    return {
      got: `${pathText(path)}: unknown key`,
      hint: meant === undefined ? `Known here: ${known.join(', ')}.` : `Did you mean ${meant}?`,
    }
  }
  if (issue.type === 'strict_object' && issue.received === 'undefined') return {got: `${where}is missing`}
  if (issue.type === 'picklist') {
    const known = [...issue.expected!.matchAll(/"([^"]*)"/g)].map(match => match[1]!)
    const meant = typeof issue.input === 'string' ? nearest(issue.input, known) : undefined
    return {
      got: `${where}${shown(issue.input)} is not one of ${known.join(', ')}`,
      ...(meant !== undefined && {hint: `Did you mean ${meant}?`}),
    }
  }
  return {got: `${where}${printable(issue.message, 200)}`}
}

/** `input` as `schema` defines it. Throws TsmctlError `malformed`: "cannot `attempted`: devices[0].knd: unknown key". */
export function checked<S extends v.GenericSchema>(schema: S, input: unknown, attempted: string): v.InferOutput<S> {
  const result = v.safeParse(schema, input)
  if (result.success) return result.output
  const {got, hint} = explained(schema as Walkable, result.issues[0])
  throw new TsmctlError({kind: 'malformed', attempted, got, hint})
}
