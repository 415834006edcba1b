/** Structures of a file whose writer had the other byte order. */
import {type AnyLayout, DecodeError, type Seen} from '../bits/index.js'

/** Reads the fixed structures of one section. */
export type Take = <L extends AnyLayout>(layout: L, at: number) => ReturnType<L['decode']>

/** Words of a layout's table: where each starts and how many bytes it has. */
function wordsOf(layout: AnyLayout): readonly (readonly [number, number])[] {
  const words = new Map<number, number>()
  for (const field of Object.values(layout.fields)) {
    if (field.kind === 'uint' || field.kind === 'flag') words.set(field.at as number, field.width)
    else if (field.kind === 'u64') words.set(field.at as number, 8)
  }
  return [...words]
}

/** A reader of fixed layouts from `bytes`, every word reversed if the file is `bigEndian`. It throws DecodeError. */
export function taker(bytes: Uint8Array, bigEndian: boolean): Take {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return <L extends AnyLayout>(layout: L, at: number) => {
    if (!bigEndian) return layout.read(data, at, bytes.length).value as ReturnType<L['decode']>
    const copy = bytes.slice(at, at + layout.headSize)
    if (copy.length === layout.headSize)
      for (const [start, width] of wordsOf(layout)) copy.subarray(start, start + width).reverse()
    try {
      const value: Seen = layout.decode(copy)
      return value as ReturnType<L['decode']>
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw new DecodeError({...error.where, offset: error.where.offset + at})
    }
  }
}
