/** A policy must not deceive whoever reviews it (L16). */
import {printable} from '../../../errors.js'
import type {Say} from './finding.js'

const LONGEST_TEXT = 256
/** Control, format, private and unassigned characters, lone surrogates, and every separator but the plain space. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u
const HEXADECIMAL = /^[0-9a-f]*$/

export function lintText(find: Say, value: unknown, path: string): void {
  if (typeof value === 'string') {
    if (HEXADECIMAL.test(value)) return
    if (INVISIBLE.test(value) || value.normalize('NFC') !== value || [...value].length > LONGEST_TEXT)
      find('L16', path, `text that cannot be shown as it is: "${printable(value)}"`)
  } else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) lintText(find, member, `${path}.${printable(name)}`)
}
