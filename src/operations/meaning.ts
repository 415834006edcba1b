/**
 * What the presence and the content of `tsm/`, `bound` and `authenticated` mean, in words for people: each looks like a
 * statement about trust, and none is. Linux drivers/pci/tsm.c, where it differs from Documentation/ABI.
 */
import {printable} from '../errors.js'
import {type Present, valueOf} from '../known.js'
import type {TsmAttributes, Tsms} from '../pci/index.js'
import {UNTOLD} from './list.js'

export interface Meaning {
  readonly attribute: string
  readonly text: string
}

const textOf = (attribute: Present<string>): string | undefined =>
  attribute.present ? valueOf(attribute.value) : undefined

function directoryText({connect, lock, dsm, bound}: TsmAttributes): string {
  if (lock.present && connect.present)
    return 'there: this kernel has TSMs of both sides, and the function can be connected or locked, one at a time; neither says anything about trust'
  if (lock.present) return 'there: the function is a TDI of this guest; it says nothing about trust, evidence does'
  if (connect.present)
    return 'there: a connect may be tried; the kernel looked for IDE or TEE-IO only, and asked neither the device nor the TSM'
  if (dsm.present || bound.present) return 'there: the function belongs to a connected DSM'
  return 'absent: the function is neither one that Linux would connect nor part of a connection'
}

function authenticatedText({authenticated: attribute}: TsmAttributes): string {
  if (!attribute.present)
    return 'unknown: the file exists only where a connection may be or is; absent never means unauthenticated'
  const tsm = textOf(attribute)
  if (tsm === '') return 'not connected; the file repeats what connect says'
  return tsm === undefined
    ? 'not readable'
    : `connected through ${printable(tsm)}: this repeats connect, no certificate was judged by anybody; verify judges`
}

function boundText({bound: attribute}: TsmAttributes): string {
  const tsm = textOf(attribute)
  if (tsm === undefined) return 'not readable'
  return tsm === ''
    ? 'no TDI context for a guest; no kernel up to 7.3 makes one, so an empty line there says nothing'
    : `the kernel holds a TDI context with ${printable(tsm)}; whether it is locked, running or in error is not asked`
}

/** One entry per attribute that needs an explanation. */
export function meaningOf(attributes: TsmAttributes, {list, core}: Tsms): Meaning[] {
  if (!core.known)
    return [
      {attribute: 'tsm/', text: `unknown: ${UNTOLD}`},
      {attribute: 'authenticated', text: `unknown: ${UNTOLD}`},
    ]
  if (list.length === 0)
    return [
      {attribute: 'tsm/', text: 'unknown: no TSM is registered, so its absence says nothing'},
      {attribute: 'authenticated', text: 'unknown: no TSM is registered; absent never means unauthenticated'},
    ]
  return [
    {attribute: 'tsm/', text: directoryText(attributes)},
    ...(attributes.bound.present ? [{attribute: 'bound', text: boundText(attributes)}] : []),
    // a guest has no such file, and what it would say is the host's business
    ...(attributes.lock.present ? [] : [{attribute: 'authenticated', text: authenticatedText(attributes)}]),
  ]
}
