/** base64url without padding (RFC 4648 §5), strict: one text per byte string. */

export const toBase64url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')

/** Bytes of `text`, or undefined when it is not exactly what `toBase64url` writes. */
export function fromBase64url(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Buffer.from(text, 'base64url'))
  return toBase64url(bytes) === text ? bytes : undefined
}
