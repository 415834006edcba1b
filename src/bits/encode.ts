/** The encoder half of a layout: everything that follows from other fields is filled in, everything given is checked. */
import {type AnyField, type BytesField, type Context, type Fields, REST, type Seen} from './field.js'
import {mask, prep} from './mask.js'
import {expectedOf, extentOf} from './rules.js'
import {LOAD, STORE} from './word.js'

type Entries = readonly (readonly [string, AnyField])[]

/** Fields that another field's extent names: their value follows from that field when encoding. */
function derivedFrom(entries: Entries): Map<string, (seen: Seen) => number> {
  const derived = new Map<string, (seen: Seen) => number>()
  for (const [key, field] of entries) {
    if (field.kind === 'bytes' && typeof field.extent === 'string' && field.extent !== REST)
      derived.set(field.extent, seen => (seen[key] as Uint8Array | undefined)?.length ?? 0)
    if (field.kind === 'array' && typeof field.count === 'string' && field.count !== REST)
      derived.set(field.count, seen => (seen[key] as readonly unknown[] | undefined)?.length ?? 0)
  }
  return derived
}

/**
 * A decoded structure has its fixed fields as getters of its class: spread or rest would copy `data` and `base`, which
 * no layout may call a field, and lose the fields without a word.
 */
const isSpread = (given: Seen): boolean =>
  Object.hasOwn(given, 'base') && Object.getPrototypeOf(given) === Object.prototype

/** Encoder of the table `fields` whose fixed head takes `headSize` bytes. It throws RangeError naming the field. */
export function encoder(
  name: string,
  fields: Fields,
  headSize: number,
): (given: Seen, context?: Context) => Uint8Array {
  const entries: Entries = Object.entries(fields)
  const head = entries.filter(([, field]) => field.at !== 'next')
  const tail = entries.filter(([, field]) => field.at === 'next')
  const constants = entries.filter(([, field]) => field.is !== undefined)
  const derived = derivedFrom(entries)
  const spans = new Map(
    entries.flatMap(([key, field]) =>
      field.kind === 'array' && typeof field.span === 'string' ? [[field.span, [key, field]] as const] : [],
    ),
  )

  const reject = (key: string, why: string): never => {
    throw new RangeError(`${name}.${key}: ${why}`)
  }

  function word(key: string, field: AnyField & {kind: 'uint' | 'flag'}, value: unknown): number {
    try {
      return prep(mask(field.hi, field.lo), field.kind === 'flag' ? Number(value) : (value as number))
    } catch (error) {
      return reject(key, (error as Error).message)
    }
  }

  function encodeBytes(key: string, field: BytesField, value: unknown, all: Seen, ctx: Context): Uint8Array {
    const given = value as Uint8Array | undefined
    if (field.extent === REST) return given ?? new Uint8Array()
    const wanted =
      typeof field.extent === 'string' ? (given?.length ?? 0) : extentOf(field.extent, all, ctx, given?.length ?? 0)
    if (given !== undefined && given.length !== wanted) reject(key, `needs ${wanted} bytes, not ${given.length}`)
    return given ?? new Uint8Array(wanted)
  }

  function encodeField(key: string, field: AnyField, value: unknown, all: Seen, ctx: Context): Uint8Array {
    switch (field.kind) {
      case 'uint':
      case 'flag': {
        const out = new Uint8Array(field.width)
        STORE[field.width]!(new DataView(out.buffer), 0, word(key, field, value ?? 0))
        return out
      }
      case 'u64': {
        const out = new Uint8Array(8)
        const big = (value as bigint | undefined) ?? 0n
        if (big < 0n || big >= 1n << 64n) reject(key, `${big} does not fit 64 bits`)
        new DataView(out.buffer).setBigUint64(0, big, true)
        return out
      }
      case 'bytes':
        return encodeBytes(key, field, value, all, ctx)
      case 'nested':
        return field.layout.encode((value as object | undefined) ?? {}, ctx)
      case 'array': {
        const items = (value as readonly object[] | undefined) ?? []
        const parts = items.map(item => field.layout.encode(item, ctx))
        const count = field.count === REST ? items.length : extentOf(field.count, all, ctx, items.length)
        if (count !== items.length) reject(key, `needs ${count} elements, not ${items.length}`)
        const out = new Uint8Array(Buffer.concat(parts))
        if (field.span !== undefined && extentOf(field.span, all, ctx, out.length) !== out.length)
          reject(key, `needs ${extentOf(field.span, all, ctx, out.length)} bytes, not ${out.length}`)
        return out
      }
    }
  }

  /** The input's values with everything that follows from other fields filled in and checked. */
  function complete(given: Seen, ctx: Context): Record<string, unknown> {
    const all: Record<string, unknown> = {}
    for (const key of Object.keys(fields)) all[key] = given[key]
    // in table order: what a field is, and whether it is there at all, may depend on the fields before it
    for (const [key, field] of entries) {
      if (all[key] !== undefined || (field.when && !field.when(all, ctx))) continue
      const spanned = spans.get(key)
      if (field.is !== undefined) all[key] = expectedOf(field, all, ctx)
      else if (derived.has(key)) all[key] = derived.get(key)!(all)
      else if (spanned !== undefined) {
        const [content, {layout: inner}] = spanned
        const items = (all[content] as readonly object[] | undefined) ?? []
        all[key] = items.reduce((sum, item) => sum + inner.encode(item, ctx).length, 0)
      } else if (field.kind === 'uint' || field.kind === 'flag') all[key] = field.kind === 'flag' ? false : 0
    }
    for (const [key, count] of derived) {
      const field = fields[key]
      if (field === undefined) throw new RangeError(`${name}: no field ${key} to hold a count`)
      if (all[key] !== undefined && all[key] !== count(all))
        reject(key, `is ${String(all[key])}, but the content has ${count(all)}`)
    }
    for (const [key, field] of constants)
      if (all[key] !== undefined && all[key] !== expectedOf(field, all, ctx))
        reject(key, `must be ${expectedOf(field, all, ctx)}, not ${String(all[key])}`)
    return all
  }

  return (given, ctx = {}) => {
    if (isSpread(given)) throw new RangeError(`${name}: spread from a decoded structure, whose fields are left behind`)
    const all = complete(given, ctx)
    const out = new Uint8Array(headSize)
    const data = new DataView(out.buffer)
    for (const [key, field] of head) {
      const at = field.at as number
      if (field.kind === 'uint' || field.kind === 'flag') {
        const old = LOAD[field.width]!(data, at)
        STORE[field.width]!(data, at, (old | word(key, field, all[key] ?? 0)) >>> 0)
      } else out.set(encodeField(key, field, all[key], all, ctx), at)
    }
    const parts: Uint8Array[] = [out]
    for (const [key, field] of tail) {
      if (field.when && !field.when(all, ctx)) {
        if (all[key] !== undefined) reject(key, 'is not present in this form of the structure')
      } else parts.push(encodeField(key, field, all[key], all, ctx))
    }
    return tail.length === 0 ? out : new Uint8Array(Buffer.concat(parts))
  }
}
