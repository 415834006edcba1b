/** Whether what went by proves what it claims: signatures under keys that the same capture showed, and HMACs. */
import type {AsymAlgorithm, HashAlgorithm} from '../algorithms.js'
import {type SignatureContext, type SignatureVerdict, verifySignature} from '../crypto/index.js'
import type {Transcript} from '../transcript/index.js'
import type {LeafKey} from './chains.js'
import type {Proof, TranscriptPoint} from './event.js'
import type {SessionKeys, Side} from './session-keys.js'

export const unchecked = (kind: Proof['kind'], why: string): Proof => ({kind, status: 'unchecked', why})

const STATUS: Readonly<Record<SignatureVerdict['status'], Proof['status']>> = {
  valid: 'valid',
  invalid: 'invalid',
  mismatch: 'invalid',
  unsupported: 'unchecked',
}

export interface SignedBy {
  readonly version: number
  readonly hash: HashAlgorithm
  readonly asym: AsymAlgorithm | undefined
  readonly context: SignatureContext
  readonly key: LeafKey
  /** Whose certificate the key is of: `slot 0`. */
  readonly whose: string
}

/** Verdict on `signature` over `transcript`. It speaks of the key only: nobody said that its certificate is trusted. */
export function signatureProof(by: SignedBy, transcript: Transcript, signature: Uint8Array): Proof {
  const {version, hash, asym, context, key, whose} = by
  if (asym === undefined) return unchecked('signature', 'no signature algorithm was negotiated')
  if ('why' in key) return unchecked('signature', key.why)
  const question = {version, context, hash, asym, transcript}
  const verdict = verifySignature(question, key.spki, signature)
  const why =
    verdict.status === 'valid'
      ? `under the certificate shown for ${whose}; its chain is not judged here`
      : `${verdict.why} (certificate shown for ${whose})`
  return {kind: 'signature', status: STATUS[verdict.status], why}
}

/** Verdict on the verify data of `side`. */
export function hmacProof(keys: SessionKeys | string, side: Side, digest: Uint8Array, data: Uint8Array): Proof {
  if (typeof keys === 'string') return unchecked('HMAC', keys)
  const isValid = keys.isVerifyData(side, digest, data)
  if (isValid === undefined) return unchecked('HMAC', 'the handshake keys are not known')
  return isValid
    ? {kind: 'HMAC', status: 'valid', why: 'under the secret given'}
    : {kind: 'HMAC', status: 'invalid', why: 'it is not what the secret given makes'}
}

export const point = (
  name: TranscriptPoint['name'],
  use: string,
  digest: Uint8Array | undefined,
  proof?: Proof,
): TranscriptPoint => ({name, use, digest, proof})
