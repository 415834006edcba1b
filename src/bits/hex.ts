/** Lower-case hexadecimal and small byte-string helpers used wherever bytes become text. */

export const toHex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

/** Bytes of a hex string; white space, `:` and a leading `0x` are allowed. Throws RangeError for anything else. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/^\s*0x/i, '').replaceAll(/[\s:]/g, '')
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) throw new RangeError('not a hexadecimal byte string')
  return new Uint8Array(Buffer.from(digits, 'hex'))
}

/** `0x` and at least `digits` hexadecimal digits. */
export const hex = (value: number | bigint, digits = 1): string => `0x${value.toString(16).padStart(digits, '0')}`

/** Any number of parts; `concat` takes no more than a call can have arguments. */
export const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

export const concat = (...parts: readonly Uint8Array[]): Uint8Array => join(parts)

export const equal = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i])

export const isZero = (bytes: Uint8Array): boolean => bytes.every(byte => byte === 0)
