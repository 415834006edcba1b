/**
 * The vocabulary of layout tables. A field is placed at a byte offset inside the fixed head of its structure, or
 * `NEXT` to the field before it in the variable tail. Multi-byte integers are little-endian. Bits are `hi:lo` inside a
 * word of `width` bytes at `at`.
 */
/** Placement "directly after the previous field": for everything behind the first field of variable size. */
export const NEXT = 'next'
/** Length "all bytes that are left". */
export const REST = 'rest'

/** What a decoder must be told from outside the bytes: negotiated version, hash size, … Flags are 0 or 1. */
export type Context = Readonly<Record<string, number>>
/** Fields decoded so far, as length and presence rules see them; a table cannot refer to its own type. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Seen = Readonly<Record<string, any>>

/** Any layout, its table's type forgotten. */
export interface AnyLayout {
  readonly id: string
  readonly name: string
  readonly spec: string
  readonly contexts?: readonly Context[]
  readonly fields: Readonly<Record<string, AnyField>>
  readonly headSize: number
  readonly size: number | undefined
  decode(input: Uint8Array, context?: Context): Seen
  read(data: DataView, at: number, end: number, context?: Context): {value: Seen; end: number}
  view?(data: DataView, at: number): Seen
  encode(values: Seen, context?: Context): Uint8Array
}

export type Offset = number | typeof NEXT
export type Width = 1 | 2 | 3 | 4
/** A number of bytes or elements: fixed, held by a field of this structure, computed, or the rest of the input. */
export type Extent = number | string | ((seen: Seen, context: Context) => number)

export interface Options {
  /** The field exists only if this holds; otherwise its value is undefined and it takes no bytes. */
  readonly when?: (seen: Seen, context: Context) => boolean
  /** The only legal value, constant or computed from the other fields; `encode` fills it in. */
  readonly is?: number | ((all: Seen, context: Context) => number)
  /** Names of the values of an enumeration; unknown values stay numbers. */
  readonly names?: Readonly<Record<number, string>>
}

interface Base extends Options {
  readonly at: Offset
  readonly doc: string
}
export interface UintField extends Base {
  readonly kind: 'uint'
  readonly width: Width
  readonly hi: number
  readonly lo: number
  readonly reserved: boolean
}
export interface FlagField extends Base {
  readonly kind: 'flag'
  readonly width: Width
  readonly hi: number
  readonly lo: number
}
export interface U64Field extends Base {
  readonly kind: 'u64'
}
export interface BytesField extends Base {
  readonly kind: 'bytes'
  readonly extent: Extent
}
export interface NestedField extends Base {
  readonly kind: 'nested'
  readonly layout: AnyLayout
}
export interface ArrayField extends Base {
  readonly kind: 'array'
  readonly layout: AnyLayout
  readonly count: Extent
  /** Extent in bytes that the elements must fill exactly, when the structure states one. */
  readonly span?: Extent
}
export type AnyField = UintField | FlagField | U64Field | BytesField | NestedField | ArrayField

/** A field whose decoded value has type `V`. The property is never set; it carries the type. */
export type Field<V = unknown> = AnyField & {readonly __value?: V}
export type Fields = Readonly<Record<string, Field>>

type Optional<O, V> = O extends {when: unknown} ? V | undefined : V

/** Unsigned bits `hi:lo` of the word of `width` bytes at `at`. */
export const bits = <const O extends Options>(
  at: number,
  width: Width,
  hi: number,
  lo: number,
  doc: string,
  options?: O,
): Field<number> => ({kind: 'uint', at, width, hi, lo, doc, reserved: false, ...options})

/** Single bit `n` of the word of `width` bytes at `at`, as a boolean. */
export const bit = (at: number, width: Width, n: number, doc: string): Field<boolean> => ({
  kind: 'flag',
  at,
  width,
  hi: n,
  lo: n,
  doc,
})

/** Bits that must be zero; kept in the value so that encoding is exact, reported as a finding when set. */
export const reserved = (at: Offset, width: Width, hi = width * 8 - 1, lo = 0): Field<number> => ({
  kind: 'uint',
  at,
  width,
  hi,
  lo,
  doc: 'reserved',
  reserved: true,
})

const uint =
  (width: Width) =>
  <const O extends Options>(at: Offset, doc: string, options?: O): Field<Optional<O, number>> => ({
    kind: 'uint',
    at,
    width,
    hi: width * 8 - 1,
    lo: 0,
    doc,
    reserved: false,
    ...options,
  })

export const u8 = uint(1)
export const u16 = uint(2)
export const u24 = uint(3)
export const u32 = uint(4)

/** 64-bit unsigned integer, a bigint. */
export const u64 = <const O extends Pick<Options, 'when'>>(
  at: Offset,
  doc: string,
  options?: O,
): Field<Optional<O, bigint>> => ({kind: 'u64', at, doc, ...options})

/** Opaque bytes. In the fixed head the extent is a number. */
export const bytes = <const O extends Pick<Options, 'when'>>(
  at: Offset,
  extent: Extent,
  doc: string,
  options?: O,
): Field<Optional<O, Uint8Array>> => ({kind: 'bytes', at, extent, doc, ...options})

/** Another structure, embedded. In the fixed head it must be of fixed size. */
export const nested = <L extends AnyLayout, const O extends Pick<Options, 'when'>>(
  at: Offset,
  layout: L,
  doc: string,
  options?: O,
): Field<Optional<O, ReturnType<L['decode']>>> => ({kind: 'nested', at, layout, doc, ...options})

/** `count` structures back to back; `span` is the number of bytes they must fill, if the structure says so. */
export const array = <L extends AnyLayout, const O extends Pick<Options, 'when'> & {readonly span?: Extent}>(
  layout: L,
  count: Extent,
  doc: string,
  options?: O,
): Field<Optional<O, readonly ReturnType<L['decode']>[]>> => ({
  kind: 'array',
  at: NEXT,
  layout,
  count,
  doc,
  ...options,
})
