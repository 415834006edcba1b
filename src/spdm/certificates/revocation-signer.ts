/** Who signed a statement about revocation, and with what. */
import type {CertificateFacts} from './certificate-facts.js'
import {weaknessesOf} from './certificate-key.js'
import {type Signed, verifySigned} from './signed.js'

/** Signatures already verified, by key: one list is asked about many devices, and its digest can take long. */
const verified = new WeakMap<Uint8Array, Map<string, boolean>>()

export function isSignedBy(signed: Signed, {spki, spkiSha384}: CertificateFacts): boolean {
  const known = verified.get(signed.body) ?? new Map<string, boolean>()
  verified.set(signed.body, known)
  const found = known.get(spkiSha384) ?? verifySigned(signed, spki)
  known.set(spkiSha384, found)
  return found
}

/** What is too weak about the signature, and the key it was made with. */
export const signatureWeaknesses = ({algorithm}: Signed, {key}: CertificateFacts): readonly string[] =>
  weaknessesOf(key, algorithm)
