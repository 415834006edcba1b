/** Digests that name evidence, policies and records. */
import {createHash} from 'node:crypto'
import {toHex} from '../bits/index.js'
import {jcsBytes} from './jcs.js'
import type {Sha384} from './types.js'

export const sha384 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha384')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

/** `sha384:<96 hexadecimal digits>` of bytes. */
export const named = (bytes: Uint8Array): Sha384 => `sha384:${toHex(sha384(bytes))}`

/** `sha384:…` of the canonical JSON of a value. */
export const nameOfJson = (value: unknown): Sha384 => named(jcsBytes(value))

/** The first 12 hexadecimal digits, as people type them. */
export const shortDigest = (digest: Sha384): string => digest.slice('sha384:'.length, 'sha384:'.length + 12)
