/** Digests of SPDM transcripts: streams that can be forked, so that a digest can be taken while more bytes follow. */
import {sha256, sha384, sha512} from '@noble/hashes/sha2.js'
import {sha3_256, sha3_384, sha3_512} from '@noble/hashes/sha3.js'
import {TsmctlError} from '../../errors.js'
import type {HashAlgorithm} from '../algorithms.js'

const FUNCTIONS = {
  sha256,
  sha384,
  sha512,
  'sha3-256': sha3_256,
  'sha3-384': sha3_384,
  'sha3-512': sha3_512,
} as const

const functionOf = ({name}: Pick<HashAlgorithm, 'name'>) => {
  const found = (FUNCTIONS as Readonly<Record<string, (typeof FUNCTIONS)[keyof typeof FUNCTIONS]>>)[name]
  if (found === undefined)
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: `hash an SPDM transcript with ${name}`,
      got: 'not available',
    })
  return found
}

/** Can this hash be computed here? SM3 cannot. */
export const isHashSupported = ({name}: Pick<HashAlgorithm, 'name'>): boolean => Object.hasOwn(FUNCTIONS, name)

/** Why this hash cannot be computed here, or undefined. */
export const unsupportedHash = (hash: Pick<HashAlgorithm, 'name'>): string | undefined =>
  isHashSupported(hash) ? undefined : `${hash.name} is not supported`

/** Throws TsmctlError `unsupported` for a hash we cannot compute. */
export function demandHash(hash: Pick<HashAlgorithm, 'name'>): void {
  functionOf(hash)
}

/** Digest of `parts` one after another. Throws TsmctlError `unsupported` for a hash we cannot compute. */
export function digestOf(hash: Pick<HashAlgorithm, 'name'>, ...parts: readonly Uint8Array[]): Uint8Array {
  const state = functionOf(hash).create()
  for (const part of parts) state.update(part)
  return state.digest()
}

/** A transcript under way. */
export interface TranscriptHash {
  update(...parts: readonly Uint8Array[]): TranscriptHash
  /** Digest so far; the transcript may go on. */
  digest(): Uint8Array
  /** An independent copy of the state. */
  fork(): TranscriptHash
}

export function transcriptHash(hash: Pick<HashAlgorithm, 'name'>): TranscriptHash {
  const wrap = (state: ReturnType<(typeof FUNCTIONS)['sha384']['create']>): TranscriptHash => ({
    update(...parts) {
      for (const part of parts) state.update(part)
      return this
    },
    digest: () => state.clone().digest(),
    fork: () => wrap(state.clone()),
  })
  return wrap(functionOf(hash).create() as ReturnType<(typeof FUNCTIONS)['sha384']['create']>)
}
