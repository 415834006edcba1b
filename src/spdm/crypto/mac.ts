/** Message authentication by the platform. */
import {createHmac, timingSafeEqual} from 'node:crypto'
import type {HashAlgorithm} from '../algorithms.js'
import {demandHash} from './transcript-hash.js'

/** HMAC of `parts` one after another. Throws TsmctlError `unsupported` for a hash we cannot compute. */
export function hmacOf(
  hash: Pick<HashAlgorithm, 'name'>,
  key: Uint8Array,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  demandHash(hash)
  const hmac = createHmac(hash.name, key)
  for (const part of parts) hmac.update(part)
  return new Uint8Array(hmac.digest())
}

/** Are these the same bytes? Takes as long for values that differ early as for values that differ late. */
export const equalInConstantTime = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && timingSafeEqual(a, b)
