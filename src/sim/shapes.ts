/** Words to describe what a value read from a file must look like. */
import {isRecord} from '../records.js'

export type Shape = (value: unknown) => boolean

export const isText: Shape = value => typeof value === 'string'
export const isFlag: Shape = value => typeof value === 'boolean'
export const isCount: Shape = value => Number.isSafeInteger(value) && (value as number) >= 0
/** A count that has room in a register or a number of the kernel's. */
export const isUpTo =
  (most: number): Shape =>
  value =>
    isCount(value) && (value as number) <= most
export const isByte = isUpTo(0xff)
export const isWord = isUpTo(0xffff)
export const isWhole: Shape = Number.isSafeInteger
/** Text that `pattern` describes. */
export const isLike =
  (pattern: RegExp): Shape =>
  value =>
    typeof value === 'string' && pattern.test(value)
export const oneOf =
  (...names: readonly string[]): Shape =>
  value =>
    names.includes(value as string)
export const nullOr =
  (shape: Shape): Shape =>
  value =>
    value === null || shape(value)
export const maybe =
  (shape: Shape): Shape =>
  value =>
    value === undefined || shape(value)
export const listOf =
  (shape: Shape): Shape =>
  value =>
    Array.isArray(value) && value.every(shape)

export const mapOf =
  (shape: Shape): Shape =>
  value =>
    isRecord(value) && Object.values(value).every(shape)

/** Exactly these fields; those that may be missing are `maybe`. */
export function fields(shapes: Readonly<Record<string, Shape>>): Shape {
  const known = Object.entries(shapes)
  return value =>
    isRecord(value) &&
    Object.keys(value).every(name => Object.hasOwn(shapes, name)) &&
    known.every(([name, shape]) => shape(Object.hasOwn(value, name) ? value[name] : undefined))
}
