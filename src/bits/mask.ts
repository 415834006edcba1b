/** Masks and fields of a 32-bit word, after the kernel's `bitfield.h`: checked when made, refusing what does not fit. */

/** Contiguous mask of bits `hi` down to `lo` (0–31, inclusive). Throws RangeError for anything else. */
export function mask(hi: number, lo: number): number {
  if (!Number.isInteger(hi) || !Number.isInteger(lo) || lo < 0 || hi > 31 || hi < lo)
    throw new RangeError(`mask(${hi}, ${lo}): needs 31 >= hi >= lo >= 0`)
  return ((2 ** (hi - lo + 1) - 1) * 2 ** lo) >>> 0
}

const shiftOf = (fieldMask: number): number => {
  const shift = 31 - Math.clz32(fieldMask & -fieldMask)
  const ones = fieldMask >>> shift
  if (fieldMask === 0 || (ones & (ones + 1)) !== 0) throw new RangeError(`mask 0x${fieldMask.toString(16)} has holes`)
  return shift
}

/** Value of the field under `fieldMask` in `word`, shifted down to bit 0. */
export const get = (fieldMask: number, word: number): number => (word & fieldMask) >>> shiftOf(fieldMask)

/** `value` shifted up to its place under `fieldMask`; throws RangeError when it does not fit. */
export function prep(fieldMask: number, value: number): number {
  const shift = shiftOf(fieldMask)
  if (!Number.isInteger(value) || value < 0 || value > fieldMask >>> shift)
    throw new RangeError(`value ${value} does not fit mask 0x${fieldMask.toString(16)}`)
  return (value << shift) >>> 0
}
