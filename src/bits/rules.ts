/** What a table's extents and constants come to, given the fields seen so far: the same for decoding and encoding. */
import {type AnyField, type Context, type Extent, REST, type Seen} from './field.js'

/** Bytes or elements of an extent; `left` is what remains, for `REST`. */
export function extentOf(extent: Extent, seen: Seen, context: Context, left: number): number {
  if (extent === REST) return left
  if (typeof extent === 'number') return extent
  return typeof extent === 'string' ? (seen[extent] as number) : extent(seen, context)
}

/** The only legal value of a field that has one. */
export const expectedOf = (field: AnyField, seen: Seen, ctx: Context): number =>
  typeof field.is === 'function' ? field.is(seen, ctx) : field.is!
