/**
 * A layout is a structure declared once, as a table of fields. When the module loads, the table is checked (bounds,
 * overlaps, undescribed bits) and becomes a class with one getter per fixed field, so that V8 inlines the reads; fields
 * of the variable tail become properties. Decoding is strict and linear, and copies its input first: bytes that were
 * checked cannot change afterwards.
 */
import {DecodeError} from './decode-error.js'
import {encoder} from './encode.js'
import {type AnyField, type ArrayField, type Context, type Field, type Fields, NEXT, REST, type Seen} from './field.js'
import {toHex} from './hex.js'
import {jsonOf} from './json.js'
import {mask} from './mask.js'
import {expectedOf, extentOf} from './rules.js'
import {LOAD} from './word.js'

export type Values<T extends Fields> = {readonly [K in keyof T]: T[K] extends Field<infer V> ? V : never}
/**
 * A decoded structure: its fields as properties, read-only. 64-bit integers are bigint, byte strings Uint8Array;
 * `JSON.stringify` gives the JSON form of `json.ts`.
 */
export type View<T extends Fields> = Values<T>
type Input<V> = V extends Uint8Array | bigint | number | boolean | undefined
  ? V
  : V extends readonly (infer E)[]
    ? readonly Input<E>[]
    : {readonly [K in keyof V]?: Input<V[K]>}
/** What `encode` takes: missing fields are zero or empty; counts, lengths and constants are filled in. */
export type Encodable<T extends Fields> = {readonly [K in keyof T]?: Input<Values<T>[K]> | undefined}

export interface Meta {
  /** Stable kebab-case identifier, unique over all layouts: the KIND of `tsmctl decode`. */
  readonly id: string
  /** The specification's own name of the structure. */
  readonly name: string
  /** Specification and section. */
  readonly spec: string
  /** Contexts this structure occurs in; tests cover each, and the first is the default of `tsmctl decode`. */
  readonly contexts?: readonly Context[]
}

export interface Layout<T extends Fields> extends Meta {
  readonly fields: T
  /** Bytes of the fixed head. */
  readonly headSize: number
  /** Total size in bytes, or undefined when it varies. */
  readonly size: number | undefined
  /** Decodes exactly `input`. Throws DecodeError, also for trailing bytes. */
  decode(input: Uint8Array, context?: Context): View<T>
  /** Decodes a prefix of `data` from byte `at` without copying. The caller owns the bytes. Throws DecodeError. */
  read(data: DataView, at: number, end: number, context?: Context): {value: View<T>; end: number}
  /** Only for a fixed size without constants: the structure at byte `at`, whose bounds the caller has checked. */
  view?(data: DataView, at: number): View<T>
  /** Bytes of `values`. Throws RangeError naming the field that does not fit. */
  encode(values: Encodable<T>, context?: Context): Uint8Array
}

const NO_CONTEXT: Context = Object.freeze({})

interface Instance {
  readonly data: DataView
  readonly base: number
}
type Getter = (this: Instance) => unknown

/** One literal closure per kind and width, so that each getter's call sites stay monomorphic. */
function getter(field: AnyField & {readonly at: number}): Getter {
  const {at} = field
  switch (field.kind) {
    case 'u64':
      return function () {
        return this.data.getBigUint64(this.base + at, true)
      }
    case 'bytes': {
      const length = field.extent as number
      return function () {
        return new Uint8Array(this.data.buffer, this.data.byteOffset + this.base + at, length)
      }
    }
    case 'nested': {
      const {layout: inner} = field
      return function () {
        return inner.view!(this.data, this.base + at)
      }
    }
    case 'array':
      throw new RangeError('an array belongs to the variable tail')
    default:
  }
  const {lo, width} = field
  const low = mask(field.hi - lo, 0)
  if (field.kind === 'flag') {
    if (width === 1)
      return function () {
        return ((this.data.getUint8(this.base + at) >>> lo) & 1) === 1
      }
    if (width === 2)
      return function () {
        return ((this.data.getUint16(this.base + at, true) >>> lo) & 1) === 1
      }
    return function () {
      return ((LOAD[width]!(this.data, this.base + at) >>> lo) & 1) === 1
    }
  }
  if (width === 1)
    return function () {
      return (this.data.getUint8(this.base + at) >>> lo) & low
    }
  if (width === 2)
    return function () {
      return (this.data.getUint16(this.base + at, true) >>> lo) & low
    }
  if (width === 4)
    return function () {
      return ((this.data.getUint32(this.base + at, true) >>> lo) & low) >>> 0
    }
  return function () {
    return (LOAD[width]!(this.data, this.base + at) >>> lo) & low
  }
}

const fixedExtent = (field: AnyField): number | undefined => {
  switch (field.kind) {
    case 'uint':
    case 'flag':
      return field.width
    case 'u64':
      return 8
    case 'bytes':
      return typeof field.extent === 'number' ? field.extent : undefined
    case 'nested':
      return field.layout.size
    case 'array':
      return undefined
  }
}

/** Bounds, overlaps and undescribed bits of the fixed head; returns its size. */
function checkHead(name: string, head: readonly (readonly [string, AnyField])[]): number {
  let size = 0
  for (const [key, field] of head) {
    const extent = fixedExtent(field)
    if (extent === undefined) throw new RangeError(`${name}.${key}: a field at a fixed offset needs a fixed size`)
    if (field.kind === 'nested' && field.layout.view === undefined)
      throw new RangeError(`${name}.${key}: a structure with constants is checked when read; place it NEXT`)
    if (field.when) throw new RangeError(`${name}.${key}: a field at a fixed offset cannot be optional`)
    size = Math.max(size, (field.at as number) + extent)
  }
  const described = new Uint8Array(size * 8)
  for (const [key, field] of head) {
    const start = (field.at as number) * 8
    const partial = field.kind === 'uint' || field.kind === 'flag'
    if (partial) mask(field.hi, field.lo)
    if (partial && field.hi >= field.width * 8) throw new RangeError(`${name}.${key}: bit ${field.hi} is outside`)
    const from = start + (partial ? field.lo : 0)
    const to = partial ? start + field.hi : start + fixedExtent(field)! * 8 - 1
    for (let i = from; i <= to; i++) {
      if (described[i]) throw new RangeError(`${name}.${key}: overlaps another field at bit ${i}`)
      described[i] = 1
    }
  }
  const hole = described.indexOf(0)
  if (hole >= 0) throw new RangeError(`${name}: bit ${hole} is not described; add reserved()`)
  return size
}

/** Declares a structure. Throws RangeError when the table contradicts itself, that is, when the module loads. */
export function layout<const T extends Fields>(meta: Meta, fields: T): Layout<T> {
  const {name} = meta
  const entries: (readonly [string, AnyField])[] = Object.entries(fields)
  const firstNext = entries.findIndex(([, field]) => field.at === NEXT)
  const head = firstNext < 0 ? entries : entries.slice(0, firstNext)
  const tail = firstNext < 0 ? [] : entries.slice(firstNext)
  for (const [key, field] of tail)
    if (field.at !== NEXT) throw new RangeError(`${name}.${key}: fixed offsets come before the variable tail`)
  const headSize = checkHead(name, head)
  const constants = entries.filter(([, field]) => field.is !== undefined)

  class Structure implements Instance {
    readonly data: DataView
    readonly base: number
    constructor(data: DataView, base: number) {
      this.data = data
      this.base = base
    }
    toJSON(): unknown {
      return jsonOf(fields, this as unknown as Seen)
    }
  }
  for (const [key, field] of head)
    Object.defineProperty(Structure.prototype, key, {get: getter(field as AnyField & {at: number}), enumerable: true})

  const fail = (path: string, offset: number, expected: string, got: string): never => {
    throw new DecodeError({structure: name, path, offset, expected, got})
  }
  const need = (path: string, at: number, length: number, end: number): void => {
    if (!Number.isSafeInteger(length) || length < 0 || at + length > end)
      fail(path, at, `${length} bytes`, `${Math.max(0, end - at)} left`)
  }

  function readArray(
    field: ArrayField,
    key: string,
    seen: Seen,
    data: DataView,
    at: number,
    end: number,
    ctx: Context,
  ) {
    const inner = field.layout
    let stop = end
    if (field.span !== undefined) {
      const span = extentOf(field.span, seen, ctx, end - at)
      need(key, at, span, end)
      stop = at + span
    }
    const untilEnd = field.count === REST
    const count = untilEnd ? Infinity : extentOf(field.count, seen, ctx, 0)
    if (!untilEnd) need(key, at, count * (inner.size ?? Math.max(1, inner.headSize)), stop)
    // fixed-size elements without constants: their bounds are checked above, all at once
    const step = inner.size ?? 0
    if (!untilEnd && inner.view !== undefined && (field.span === undefined || count * step === stop - at)) {
      const views: unknown[] = []
      for (let i = 0, from = at; i < count; i++, from += step) views.push(inner.view(data, from))
      return {value: views as readonly unknown[], end: at + count * step}
    }
    const out: unknown[] = []
    let pos = at
    try {
      while (untilEnd ? pos < stop : out.length < count) {
        const item = inner.read(data, pos, stop, ctx)
        if (item.end === pos) fail(`${key}[${out.length}]`, pos, 'at least one byte', 'an empty element')
        out.push(item.value)
        pos = item.end
      }
    } catch (error) {
      throw error instanceof DecodeError && error.where.structure !== name
        ? error.within(name, `${key}[${out.length}]`)
        : error
    }
    if (field.span !== undefined && pos !== stop)
      fail(key, pos, `${count} elements in ${stop - at} bytes`, `${stop - pos} bytes left over`)
    return {value: out as readonly unknown[], end: pos}
  }

  function readTail(value: Record<string, unknown>, data: DataView, start: number, end: number, ctx: Context): number {
    let at = start
    for (const [key, field] of tail) {
      if (field.when && !field.when(value, ctx)) {
        value[key] = undefined
        continue
      }
      switch (field.kind) {
        case 'uint':
        case 'flag':
          need(key, at, field.width, end)
          value[key] = LOAD[field.width]!(data, at)
          at += field.width
          break
        case 'u64':
          need(key, at, 8, end)
          value[key] = data.getBigUint64(at, true)
          at += 8
          break
        case 'bytes': {
          const length = extentOf(field.extent, value, ctx, end - at)
          need(key, at, length, end)
          value[key] = new Uint8Array(data.buffer, data.byteOffset + at, length)
          at += length
          break
        }
        case 'nested':
          try {
            const item = field.layout.read(data, at, end, ctx)
            value[key] = item.value
            at = item.end
          } catch (error) {
            throw error instanceof DecodeError ? error.within(name, key) : error
          }
          break
        case 'array': {
          const items = readArray(field, key, value, data, at, end, ctx)
          value[key] = items.value
          at = items.end
          break
        }
      }
    }
    return at
  }

  function read(data: DataView, at: number, end: number, ctx: Context = NO_CONTEXT): {value: View<T>; end: number} {
    if (at + headSize > end) fail('', at, `at least ${headSize} bytes`, `${Math.max(0, end - at)}`)
    const value = new Structure(data, at) as unknown as Record<string, unknown>
    const stop = tail.length === 0 ? at + headSize : readTail(value, data, at + headSize, end, ctx)
    for (const [key, field] of constants) {
      const got = value[key]
      if (got === undefined) continue
      const expected = expectedOf(field, value, ctx)
      if (got !== expected) {
        const offset = typeof field.at === 'number' ? at + field.at : at
        fail(key, offset, `0x${expected.toString(16)}`, `0x${(got as number).toString(16)}`)
      }
    }
    return {value: value as View<T>, end: stop}
  }

  return {
    ...meta,
    fields,
    headSize,
    size: tail.length === 0 ? headSize : undefined,
    ...(tail.length === 0 &&
      constants.length === 0 && {view: (data: DataView, at: number) => new Structure(data, at) as unknown as View<T>}),
    read,
    encode: encoder(meta.name, fields, headSize) as Layout<T>['encode'],
    decode(input, context = NO_CONTEXT) {
      const copy = new Uint8Array(input)
      const {value, end} = read(new DataView(copy.buffer), 0, copy.length, context)
      if (end !== copy.length)
        fail('', end, `${end} bytes`, `${copy.length} (trailing ${toHex(copy.subarray(end, end + 8))}…)`)
      return value
    },
  }
}
