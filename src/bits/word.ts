/** Little-endian loads and stores of words of one to four bytes, whatever the host's byte order. */
import {get, mask} from './mask.js'

type Loader = (data: DataView, at: number) => number
export const LOAD: Readonly<Record<number, Loader>> = {
  1: (d, at) => d.getUint8(at),
  2: (d, at) => d.getUint16(at, true),
  3: (d, at) => d.getUint16(at, true) + d.getUint8(at + 2) * 0x10000,
  4: (d, at) => d.getUint32(at, true),
}
export const STORE: Readonly<Record<number, (data: DataView, at: number, word: number) => void>> = {
  1: (d, at, w) => d.setUint8(at, w),
  2: (d, at, w) => d.setUint16(at, w, true),
  3: (d, at, w) => {
    d.setUint16(at, get(mask(15, 0), w), true)
    d.setUint8(at + 2, get(mask(23, 16), w))
  },
  4: (d, at, w) => d.setUint32(at, w, true),
}
