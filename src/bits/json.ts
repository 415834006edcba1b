/**
 * JSON form of decoded structures: 64-bit integers as `0x…` strings, bytes as lower-case hex, named values by name and
 * unknown ones as `0x…`, absent fields as null. Reserved fields appear only when they are not zero.
 */
import type {AnyField, Fields, Seen} from './field.js'
import {hex, toHex} from './hex.js'

export type Json = null | boolean | number | string | readonly Json[] | {readonly [key: string]: Json}

/** Name of an enumeration value, or `0x…` when the specification does not define it. */
export const nameOf = (names: Readonly<Record<number, string>>, value: number): string => names[value] ?? hex(value, 2)

export function jsonOf(fields: Fields, value: Seen): Json {
  const out: Record<string, Json> = {}
  for (const [key, field] of Object.entries(fields)) {
    if (field.kind === 'uint' && field.reserved && !value[key]) continue
    out[key] = jsonOfField(field, value[key])
  }
  return out
}

function jsonOfField(field: AnyField, value: unknown): Json {
  if (value === undefined) return null
  switch (field.kind) {
    case 'uint':
      return field.names ? nameOf(field.names, value as number) : (value as number)
    case 'flag':
      return value as boolean
    case 'u64':
      return hex(value as bigint)
    case 'bytes':
      return toHex(value as Uint8Array)
    case 'nested':
      return jsonOf(field.layout.fields, value as Seen)
    case 'array':
      return (value as readonly Seen[]).map(item => jsonOf(field.layout.fields, item))
  }
}
