/**
 * Maps of CoRIM as tables: key, name, what the member means for us, and how it is read. From a table come the decoder,
 * what is said about members that nobody here evaluates, and the documentation.
 */
import {DecodeError} from '../bits/index.js'
import {kindOf, offsetOf} from './cbor.js'

/**
 * `evaluated`: values are compared by it. `shown`: it describes, and nothing follows from it. `refused`: it says more
 * than we look at, so whatever it stands in cannot be used.
 */
export type Use = 'evaluated' | 'shown' | 'refused'

/** Where something stands in a document, and what was met there that makes it unusable. */
export class At {
  readonly path: string
  readonly structure: string
  readonly remarks: string[]
  readonly offset: number

  constructor(path: string, structure: string, remarks: string[] = [], offset = 0) {
    this.path = path
    this.structure = structure
    this.remarks = remarks
    this.offset = offset
  }

  member(name: string): At {
    const path = this.path === '' || name.startsWith('[') ? `${this.path}${name}` : `${this.path}.${name}`
    return new At(path, this.structure, this.remarks, this.offset)
  }

  /** The same place, with remarks of its own. */
  apart(): At {
    return new At(this.path, this.structure, [], this.offset)
  }

  /** The same place, where `value` starts. */
  near(value: unknown): At {
    const offset = offsetOf(value)
    return offset === 0 ? this : new At(this.path, this.structure, this.remarks, offset)
  }

  remark(text: string): void {
    this.remarks.push(this.path === '' ? text : `${this.path}: ${text}`)
  }

  wrong(expected: string, value: unknown): DecodeError {
    return this.refuse(expected, kindOf(value))
  }

  refuse(expected: string, got: string): DecodeError {
    return new DecodeError({structure: this.structure, path: this.path, offset: this.offset, expected, got})
  }
}

/** Reads a decoded item. Throws DecodeError for what the format does not allow; remarks on what we do not evaluate. */
export type Read<T> = (value: unknown, at: At) => T

export interface Member<T, Needed extends boolean = boolean> {
  readonly key: number
  readonly use: Use
  readonly needed: Needed
  readonly read: Read<T>
}

export const member = <T>(key: number, use: Use, read: Read<T>): Member<T, false> => ({key, use, needed: false, read})
export const needed = <T>(key: number, use: Use, read: Read<T>): Member<T, true> => ({key, use, needed: true, read})

export type Members = Readonly<Record<string, Member<unknown>>>
type Value<M> = M extends Member<infer T, infer Needed> ? (Needed extends true ? T : T | undefined) : never
export type Values<T extends Members> = {readonly [Name in keyof T]: Value<T[Name]>}

/** Reader of a map with `members`. */
export function mapOf<T extends Members>(members: T): Read<Values<T>> {
  const names = new Map(Object.entries(members).map(([name, {key}]) => [key, name]))
  return (value, at) => {
    if (!(value instanceof Map)) throw at.wrong('a map', value)
    const here = at.near(value)
    for (const key of value.keys())
      if (typeof key !== 'number' || !names.has(key)) here.remark(`member ${kindOf(key)} is not known`)
    const read = Object.entries(members).map(([name, {key, use, needed: isNeeded, read: reader}]) => {
      if (!value.has(key)) {
        if (isNeeded) throw here.refuse(`a member ${name}`, 'none')
        return [name, undefined]
      }
      if (use === 'refused') here.remark(`${name} is not evaluated`)
      const inside = here.member(name)
      return [name, reader(value.get(key), use === 'evaluated' ? inside : inside.apart())]
    })
    return Object.fromEntries(read) as Values<T>
  }
}

/** An array of at least one of the same. */
export const listOf =
  <T>(read: Read<T>): Read<readonly T[]> =>
  (value, at) => {
    if (!Array.isArray(value) || value.length === 0) throw at.wrong('an array that is not empty', value)
    return value.map((item, i) => read(item, at.near(value).member(`[${i}]`)))
  }
