/** Words to describe what a value read from a file must look like. */
import {isRecord} from '../records.js'

export type Shape = (value: unknown) => boolean

export const isText: Shape = value => typeof value === 'string'
export const isFlag: Shape = value => typeof value === 'boolean'
export const isCount: Shape = value => Number.isSafeInteger(value) && (value as number) >= 0
export const isWhole: Shape = Number.isSafeInteger
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
