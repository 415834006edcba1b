/**
 * A layout is a structure declared once, as a table of fields. When the module loads, the table is checked (bounds,
 * overlaps, undescribed bits) and becomes a class with one getter per fixed field, so that V8 inlines the reads; fields
 * of the variable tail become properties. Decoding is strict and linear, and copies its input first: bytes that were
 * checked cannot change afterwards.
 */
import {DecodeError} from './decode-error.js'
import {decoder, type Reader} from './decode.js'
import {encoder} from './encode.js'
import {type AnyField, type Context, type Field, type Fields, NEXT, type Seen} from './field.js'
import {toHex} from './hex.js'
import {mask} from './mask.js'
import {type StructureClass, structureClass} from './structure.js'

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
  const [head, tail] = firstNext < 0 ? [entries, []] : [entries.slice(0, firstNext), entries.slice(firstNext)]
  for (const [key, field] of tail)
    if (field.at !== NEXT) throw new RangeError(`${name}.${key}: fixed offsets come before the variable tail`)
  for (const key of ['data', 'base', 'toJSON'])
    if (key in fields) throw new RangeError(`${name}.${key}: the name is taken by what every structure has`)
  const headSize = checkHead(name, head)
  const isPlain = tail.length === 0 && entries.every(([, field]) => field.is === undefined)

  // the table is checked at once; what is made of it waits for its first use, because a program uses few of its layouts
  let Structure: StructureClass | undefined
  let reader: Reader | undefined
  let encode: ((given: Seen, context?: Context) => Uint8Array) | undefined
  const structure = (): StructureClass => (Structure ??= structureClass(fields))
  const read: Reader = (data, at, end, context) =>
    (reader ??= decoder(name, fields, headSize, structure()))(data, at, end, context)

  return {
    ...meta,
    fields,
    headSize,
    size: tail.length === 0 ? headSize : undefined,
    ...(isPlain && {view: (data: DataView, at: number) => new (Structure ?? structure())(data, at) as View<T>}),
    read: (data, at, end, context = NO_CONTEXT) => read(data, at, end, context) as {value: View<T>; end: number},
    encode: (values, context) => (encode ??= encoder(name, fields, headSize))(values as Seen, context),
    decode(input, context = NO_CONTEXT) {
      const copy = new Uint8Array(input)
      const {value, end} = read(new DataView(copy.buffer), 0, copy.length, context)
      if (end !== copy.length)
        throw new DecodeError({
          structure: name,
          path: '',
          offset: end,
          expected: `${end} bytes`,
          got: `${copy.length} (trailing ${toHex(copy.subarray(end, end + 8))}...)`,
        })
      return value as View<T>
    },
  }
}
