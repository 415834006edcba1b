/** Nonces and the values derived from them. Every derivation starts with its own tag, so that none can stand for another. */
import {createHash} from 'node:crypto'
import {fromHex, toHex} from '../bits/index.js'
import type {NonceFacts, Sha384} from './types.js'

/** SPDM nonces are 32 bytes (DSP0274 §10.11.1). */
export const NONCE_LENGTH = 32

const tagged = (algorithm: string, tag: string, ...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash(algorithm).update(`${tag}\0`)
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

const derive = (relyingParty: Uint8Array, local: Uint8Array): Uint8Array =>
  tagged('sha256', 'tsmctl-nonce-v1', relyingParty, local)

/**
 * A fresh nonce from `random`. With a relying party's nonce, SHA-256 over it and our own random bytes, so that neither
 * side alone can choose it.
 */
export function drawNonce(random: (length: number) => Uint8Array, relyingParty?: Uint8Array): NonceFacts {
  const local = random(NONCE_LENGTH)
  if (relyingParty === undefined) return {value: toHex(local), derivation: 'random'}
  return {
    value: toHex(derive(relyingParty, local)),
    derivation: 'relying-party',
    relyingPartyNonce: toHex(relyingParty),
    localRandom: toHex(local),
  }
}

/** Relying parties bring 1 to 64 bytes. */
export const isRelyingPartyNonce = ({length}: Uint8Array): boolean => length > 0 && length <= 64

export const nonceBytes = ({value}: NonceFacts): Uint8Array => fromHex(value)

/** Is the value what the recorded inputs give? */
export function derivationHolds({value, derivation, relyingPartyNonce, localRandom}: NonceFacts): boolean {
  if (derivation !== 'relying-party') return relyingPartyNonce === undefined && localRandom === undefined
  if (relyingPartyNonce === undefined || localRandom === undefined) return false
  // the inputs stand back to back: of other lengths, one value would have several pairs of them
  if (localRandom.length !== 2 * NONCE_LENGTH || !isRelyingPartyNonce(fromHex(relyingPartyNonce))) return false
  return toHex(derive(fromHex(relyingPartyNonce), fromHex(localRandom))) === value
}

/** The 64 bytes that tie a platform report (configfs-tsm `inblob`) to this evidence. */
export const platformBinding = (digest: Sha384, relyingPartyNonce: Uint8Array): Uint8Array =>
  tagged('sha512', 'tsmctl-bind-v1', fromHex(digest.slice('sha384:'.length)), relyingPartyNonce)
