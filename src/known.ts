/**
 * What could not be read is unknown, with its reason: never absent, never a default. A file that may not exist on this
 * kernel is `Present`: absent is a fact of its own.
 */
import {ErrnoError, errnoOf, printablePath} from './errors.js'

export type Known<T> = {readonly known: true; readonly value: T} | {readonly known: false; readonly reason: string}

export type Present<T> = {readonly present: false} | {readonly present: true; readonly value: Known<T>}

/**
 * A class, not a literal: V8 puts all literals of a place where many lived long straight into the old space. A walk
 * keeps what it knows, and whatever else is known after it (whole configuration spaces) would stay as long.
 */
class Fact<T> {
  declare readonly known: true
  declare readonly value: T
  constructor(value: T) {
    this.known = true
    this.value = value
  }
}

export const known = <T>(value: T): Known<T> => new Fact(value)
export const unknown = (reason: string): Known<never> => ({known: false, reason})
export const ABSENT: Present<never> = Object.freeze({present: false})

/** The fact seen through `map`; unknown stays unknown for the same reason. */
export const mapKnown = <T, U>(fact: Known<T>, map: (value: T) => U): Known<U> =>
  fact.known ? known(map(fact.value)) : fact

/** As `mapKnown`, for a `map` that may itself not know. */
export const thenKnown = <T, U>(fact: Known<T>, map: (value: T) => Known<U>): Known<U> =>
  fact.known ? map(fact.value) : fact

/** Value of a fact, or undefined when it is unknown. */
export const valueOf = <T>(fact: Known<T>): T | undefined => (fact.known ? fact.value : undefined)

/** Errnos with which Linux answers once the file or its device is gone (kernfs; the path, the node, the device). */
const GONE = new Set(['ENOENT', 'ENODEV', 'ENXIO', 'ENOTDIR'])
export const isGone = (error: unknown): boolean => GONE.has(errnoOf(error) ?? '')

const NOT_PERMITTED = new Set(['EACCES', 'EPERM'])

/**
 * Why `path` could not be read, in the words of whoever refused: the kernel's errno, or a recording that does not hold
 * it. Rethrows what is not an operating-system refusal: that is a bug, not a fact.
 */
export function refusal(error: unknown, path: string): Known<never> {
  if (!(error instanceof ErrnoError)) throw error
  const privilege = NOT_PERMITTED.has(error.errno) ? '; run as root' : ''
  return unknown(`${printablePath(path)}: ${error.got ?? error.errno}${privilege}`)
}

/** Reads a fact from `path`: refused is unknown. */
export function attempt<T>(path: string, read: (path: string) => T): Known<T> {
  try {
    return known(read(path))
  } catch (error) {
    return refusal(error, path)
  }
}

/** Reads a fact from a file that need not exist. */
export function attemptPresent<T>(path: string, read: (path: string) => T): Present<T> {
  try {
    return {present: true, value: known(read(path))}
  } catch (error) {
    return isGone(error) ? ABSENT : {present: true, value: refusal(error, path)}
  }
}
