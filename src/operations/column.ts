/** A column of a listing: one entry drives the text, the JSON field, `--list-columns`, the help and the reference. */
import {printable} from '../errors.js'
import type {Known} from '../known.js'

/** Null: the function has none. A list may be empty. */
export type Value = string | number | boolean | null | readonly string[]

export interface Column<Subject> {
  /** As in `-o` and `--sort`; the header is the same in capitals. */
  readonly name: string
  /** Member of a row under `--json`. */
  readonly field: string
  readonly type: 'text' | 'number' | 'flag' | 'list'
  readonly help: string
  /** Needs the whole of configuration space: read at once, it serves the other columns too. */
  readonly whole?: true
  value(subject: Subject): Known<Value>
}

export const headerOf = ({name}: Pick<Column<never>, 'name'>): string => name.toUpperCase()

/** Room for the VFs of one physical function. */
const LIST_MAX = 4096

/** A value for people: `-` is none, `?` is unknown. */
export function cellText(fact: Known<Value>): string {
  if (!fact.known) return '?'
  const {value} = fact
  if (value === null || value === '') return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'number' || typeof value === 'string') return printable(String(value))
  return value.length === 0 ? '-' : printable(value.join(','), LIST_MAX)
}
