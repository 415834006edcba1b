/**
 * Bytes of a terminal in raw mode, taken apart into keys. Under load several keys arrive in one chunk, and an escape
 * sequence may arrive in two: nothing may get lost, and no key may be mistaken for another.
 */

export type NamedKey =
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'page-up'
  | 'page-down'
  | 'home'
  | 'end'
  | 'tab'
  | 'shift-tab'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'ctrl-c'
  | 'ctrl-u'
  | 'f5'

/** A named key, or one character. */
export type Key = NamedKey | (string & {})

export interface Decoded {
  readonly keys: readonly Key[]
  /** Start of a sequence whose end has not arrived yet. */
  readonly rest: string
}

/** Sequences of xterm, the Linux console, rxvt and tmux (ECMA-48 CSI, SS3), without the leading ESC. */
const SEQUENCES: Readonly<Record<string, NamedKey>> = {
  '[A': 'up',
  OA: 'up',
  '[B': 'down',
  OB: 'down',
  '[C': 'right',
  OC: 'right',
  '[D': 'left',
  OD: 'left',
  '[H': 'home',
  OH: 'home',
  '[1~': 'home',
  '[7~': 'home',
  '[F': 'end',
  OF: 'end',
  '[4~': 'end',
  '[8~': 'end',
  '[5~': 'page-up',
  '[6~': 'page-down',
  '[Z': 'shift-tab',
  '[15~': 'f5',
  '[[E': 'f5',
}

const CONTROLS: Readonly<Record<string, NamedKey>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\b': 'backspace',
  '\x7f': 'backspace',
  '\x03': 'ctrl-c',
  '\x15': 'ctrl-u',
}

/** A whole sequence, or the beginning of one, at the start of the text behind an ESC. */
const WHOLE = /^(?:\[\[[A-E]|\[[0-?]*[ -/]*[@-Z\\-~]|O[@-~])/
const PARTIAL = /^(?:|O|\[\[?|\[[0-?]*[ -/]*)$/

/** What a person can type into a line: no control, format (bidi override, zero width) or separator character but space. */
const TYPEABLE = /^(?:[^\p{C}\p{Z}]| )$/u

export const isTypeable = (key: Key): boolean => TYPEABLE.test(key)

/** Unknown sequences and control characters are left out; ESC before any other character is the Escape key. */
export function decodeKeys(input: string): Decoded {
  const keys: Key[] = []
  for (let at = 0; at < input.length;) {
    const char = String.fromCodePoint(input.codePointAt(at)!)
    at += char.length
    if (char !== '\x1b') {
      const key = CONTROLS[char] ?? (TYPEABLE.test(char) ? char : undefined)
      if (key !== undefined) keys.push(key)
      continue
    }
    // a window of 32 keeps this linear: no sequence of a terminal is longer
    const behind = input.slice(at, at + 32)
    const whole = WHOLE.exec(behind)?.[0]
    if (whole !== undefined) {
      const key = SEQUENCES[whole]
      if (key !== undefined) keys.push(key)
      at += whole.length
    } else if (at + behind.length === input.length && PARTIAL.test(behind)) return {keys, rest: `\x1b${behind}`}
    else keys.push('escape')
  }
  return {keys, rest: ''}
}

/** Keys of a rest to which nothing was added in time: the Escape key, and what was typed behind it. */
export const flushKeys = (rest: string): readonly Key[] =>
  rest === '' ? [] : ['escape', ...decodeKeys(rest.slice(1)).keys]
