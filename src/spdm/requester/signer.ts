/** The key whose signatures count, and their verification (DSP0274 1.3 §15). */
import {TsmctlError} from '../../errors.js'
import {type KeyUse, slotAllows} from '../certificates/index.js'
import {type SignatureContext, type SignatureVerdict, verifySignature} from '../crypto/index.js'
import {PUBLIC_KEY_SLOT} from '../messages/index.js'
import type {Transcript} from '../transcript/index.js'
import type {ChainOfSlot, DigestsFacts} from './identity.js'
import type {Link} from './link.js'

/** SlotID of the key we were given instead of a chain. */
export const PROVISIONED = 'provisioned'

/** Who has to sign. */
export interface Signer {
  /** 0 to 7, or the public key that was provisioned. */
  readonly slot: number | typeof PROVISIONED
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  /** Digest of the chain object, or of the public key: CertChainHash, and Ct in a key exchange. */
  readonly hash: Uint8Array
}

export const signerOf = ({slot, leaf, digest}: ChainOfSlot): Signer => ({slot, spki: leaf.spki, hash: digest})

/** Verdict of a signature that was checked: there is only one that is returned. */
export type ValidSignature = Extract<SignatureVerdict, {status: 'valid'}>

/** Throws RequesterError `signature` unless `signature` is the signer's over `transcript`. */
export function demandSignature(
  link: Link,
  attempted: string,
  {context, transcript, signer, signature}: SignedBytes,
): ValidSignature {
  const {version, hash, asym} = link.agreed
  if (hash === undefined || asym === undefined)
    throw new TsmctlError({
      kind: 'unsupported',
      attempted,
      subject: link.peer,
      got: 'no signature algorithm was agreed',
    })
  const question = {version, context, hash, asym, transcript}
  const verdict = verifySignature(question, signer.spki, signature)
  if (verdict.status !== 'valid')
    throw link.failure(attempted, 'signature', `the signature of the responder is ${verdict.status}: ${verdict.why}`, {
      hint: 'what it covers must not be relied on',
    })
  return verdict
}

export interface SignedBytes {
  readonly context: SignatureContext
  readonly transcript: Transcript
  readonly signer: Signer
  readonly signature: Uint8Array
}

/** Throws unless the slot's key may be used so; only a multi-key connection says. */
export function demandUse(
  link: Link,
  attempted: string,
  facts: DigestsFacts | undefined,
  slot: Signer['slot'],
  use: KeyUse,
): void {
  const found = facts?.slots.find(one => one.slot === slot)
  if (found !== undefined && !slotAllows(found, use))
    throw new TsmctlError({
      kind: 'usage',
      attempted,
      subject: link.peer,
      got: `the key of slot ${slot} is not for this`,
      hint: 'choose another slot',
    })
}

/** SlotID on the wire: in a whole byte, or in four bits. */
export const slotByte = ({slot}: Signer): number => (slot === PROVISIONED ? PUBLIC_KEY_SLOT : slot)
export const slotNibble = ({slot}: Signer): number => (slot === PROVISIONED ? 0xf : slot)
