/** Small words that explanations are made of. */
import {printable, quoted} from '../../../errors.js'

/** How each member of `T` is said; a key of the schema without words does not compile. */
export type Words<T> = {readonly [K in keyof T]-?: (value: NonNullable<T[K]>) => string}

/** Said for every member that has a value, in the order of the words. */
export const sayAll = <T extends object>(words: Words<T>, values: T): readonly string[] =>
  (Object.keys(words) as (keyof T)[]).flatMap(key => {
    const value = values[key]
    return value === undefined || value === null ? [] : [words[key](value as never)]
  })

const LONGEST = 256
export const text = (value: string): string => quoted(value, LONGEST)
/** Ids, digests, numbers: what the form of a policy lets through unquoted. */
export const plain = (value: string): string => printable(value, LONGEST)

/** `a`, `a or b`, `a, b or c`. */
export function either(items: readonly string[], word = 'or'): string {
  const last = items.at(-1) ?? 'none'
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} ${word} ${last}`
}

export const both = (items: readonly string[]): string => either(items, 'and')

/** Values of a picklist in words. */
export const chosen =
  <K extends string>(words: Readonly<Record<K, string>>) =>
  (value: K): string =>
    words[value]

export const plural = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`
