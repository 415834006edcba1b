/** One line of a comparison. Everything in it is escaped here. */
import {printable} from '../../errors.js'
import type {Change} from './types.js'

const SHOWN = 12
const LONGEST = 160

/** The first digits of a digest or value, `9f3c01ab77de`. */
export function shortOf(value: string): string {
  const hex = value.slice(value.indexOf(':') + 1)
  return hex.length > SHOWN ? hex.slice(0, SHOWN) : hex
}

const shown = (value: string | null): string | null => (value === null ? null : printable(value, LONGEST))

export const change = (
  topic: Change['topic'],
  text: string,
  before: string | null,
  after: string | null,
  {grave = false}: {readonly grave?: boolean} = {},
): Change => ({topic, grave, text: printable(text, LONGEST), before: shown(before), after: shown(after)})

/** Null for nothing. */
export const list = (items: readonly string[]): string | null => (items.length === 0 ? null : items.join(', '))
