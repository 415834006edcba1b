/** Random legal values of any layout, drawn field by field in table order, so that extents may depend on them. */
import fc from 'fast-check'
import {type AnyLayout, type Context, REST, type Seen} from '../../src/bits/index.js'

type Draw = <T>(arbitrary: fc.Arbitrary<T>) => T

function extent(given: unknown, seen: Seen, context: Context, draw: Draw): number {
  if (given === REST || typeof given === 'string') return draw(fc.nat({max: 3}))
  if (typeof given === 'number') return given
  const computed = (given as (s: Seen, c: Context) => number)(seen, context)
  // computed from a length that the encoder fills in
  return Number.isSafeInteger(computed) ? computed : draw(fc.nat({max: 3}))
}

/** A value `encode` accepts: counts, lengths and constants are left for it to fill in. */
export function sample(layout: AnyLayout, context: Context, draw: Draw): Record<string, unknown> {
  const fields = layout.fields
  const counters = new Set<string>()
  for (const field of Object.values(fields)) {
    if (field.kind === 'bytes' && typeof field.extent === 'string') counters.add(field.extent)
    if (field.kind === 'array') for (const e of [field.count, field.span]) if (typeof e === 'string') counters.add(e)
  }
  const value: Record<string, unknown> = {}
  // fields that exist since some version look at this one, which the encoder takes from the context
  if ('spdmVersion' in fields && context.version !== undefined) value.spdmVersion = context.version
  for (const [key, field] of Object.entries(fields)) {
    if (field.is !== undefined || counters.has(key)) continue
    if (field.when && !field.when(value, context)) continue
    switch (field.kind) {
      case 'uint':
        value[key] = field.reserved ? 0 : draw(fc.nat({max: 2 ** (field.hi - field.lo + 1) - 1}))
        break
      case 'flag':
        value[key] = draw(fc.boolean())
        break
      case 'u64':
        value[key] = draw(fc.bigInt({min: 0n, max: (1n << 64n) - 1n}))
        break
      case 'bytes': {
        const length = extent(field.extent, value, context, draw)
        value[key] = draw(fc.uint8Array({minLength: length, maxLength: length}))
        break
      }
      case 'nested':
        value[key] = sample(field.layout, context, draw)
        break
      case 'array':
        value[key] = Array.from({length: extent(field.count, value, context, draw)}, () =>
          sample(field.layout, context, draw),
        )
        break
    }
  }
  return value
}

/** Does any byte string that starts like this structure also end like it? (A `REST` field takes what is there.) */
export const isOpenEnded = (layout: AnyLayout): boolean =>
  Object.values(layout.fields).some(
    field =>
      (field.kind === 'bytes' && field.extent === REST) ||
      (field.kind === 'array' && field.count === REST && field.span === undefined) ||
      (field.kind === 'nested' && isOpenEnded(field.layout)),
  )
