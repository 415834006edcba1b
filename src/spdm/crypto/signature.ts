/** What an SPDM signature covers and whether it is valid (DSP0274 1.3 §15 "Signature generation and validation"). */
import {constants, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify} from 'node:crypto'
import {concat} from '../../bits/index.js'
import type {AsymAlgorithm, HashAlgorithm} from '../algorithms.js'
import {digestOf, isHashSupported} from './transcript-hash.js'
import {versionText} from '../version.js'

/** Context strings of signatures since 1.2. */
export type SignatureContext =
  | 'responder-challenge_auth signing'
  | 'requester-challenge_auth signing'
  | 'responder-measurements signing'
  | 'responder-key_exchange_rsp signing'
  | 'requester-finish signing'
  | 'responder-endpoint_info signing'
  | 'requester-endpoint_info signing'

/** Bytes of the context string and the zeros before it. */
const CONTEXT_SIZE = 36

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The 100 bytes that precede the transcript hash since 1.2: version four times, then the context, right-aligned. */
export const combinedPrefix = (version: number, context: SignatureContext): Uint8Array =>
  concat(
    ascii(`dmtf-spdm-v${versionText(version)}.*`.repeat(4)),
    new Uint8Array(CONTEXT_SIZE - context.length),
    ascii(context),
  )

/**
 * The message to give to a signature primitive that hashes with `hash`. Up to 1.1 that is the transcript itself: its
 * digest is what is signed. Since 1.2 it is the combined prefix and the transcript's digest.
 */
export function signingInput(
  version: number,
  context: SignatureContext,
  hash: HashAlgorithm,
  transcript: Uint8Array,
): Uint8Array {
  return version < 0x12 ? transcript : concat(combinedPrefix(version, context), digestOf(hash, transcript))
}

export interface SignatureQuestion {
  readonly version: number
  readonly context: SignatureContext
  readonly hash: HashAlgorithm
  readonly asym: AsymAlgorithm
  /** The transcript the signature covers, as it went over the wire. */
  readonly transcript: Uint8Array
}

/** `mismatch`: the key is not of the negotiated algorithm. `unsupported`: nobody here can tell. */
export type SignatureVerdict =
  {readonly status: 'valid'} | {readonly status: 'invalid' | 'mismatch' | 'unsupported'; readonly why: string}

const no = (status: 'invalid' | 'mismatch' | 'unsupported', why: string): SignatureVerdict => ({status, why})

let contextWorks: boolean | undefined
/** Ed448 takes the context string as its own input; a runtime that ignores it would verify something else. */
function supportsEd448Context(): boolean {
  if (contextWorks === undefined) {
    const {privateKey, publicKey} = generateKeyPairSync('ed448')
    const context = ascii('tsmctl')
    const message = new Uint8Array(1)
    const signature = sign(null, message, {key: privateKey, context} as unknown as KeyObject)
    contextWorks = !verify(null, message, publicKey, signature)
  }
  return contextWorks
}

/** Why this signature cannot be made or verified here, or undefined. */
export function unsupportedReason({version, hash, asym}: Omit<SignatureQuestion, 'transcript' | 'context'>) {
  if (asym.kind === 'sm2' || asym.kind === 'ml-dsa' || asym.kind === 'slh-dsa')
    return `${asym.name} signatures are not supported`
  if (!isHashSupported(hash)) return `${hash.name} is not supported`
  if (asym.kind === 'eddsa' && version < 0x12) return `SPDM ${versionText(version)} does not define ${asym.name}`
  if (asym.name === 'ed448' && !supportsEd448Context()) return 'ed448 with a context needs a newer Node.js'
  return undefined
}

/** Why `key` is not a key of `asym`, or undefined. */
function keyMismatch(key: KeyObject, asym: AsymAlgorithm): string | undefined {
  const details = key.asymmetricKeyDetails
  const is = (type: string): boolean => key.asymmetricKeyType === type
  switch (asym.kind) {
    case 'ecdsa':
      return is('ec') && details?.namedCurve === asym.curve ? undefined : `the key is not on ${asym.curve}`
    case 'rsassa':
      return is('rsa') && details?.modulusLength === asym.modulusBits
        ? undefined
        : `the key is not RSA with ${asym.modulusBits} bits`
    case 'rsapss':
      return (is('rsa') || is('rsa-pss')) && details?.modulusLength === asym.modulusBits
        ? undefined
        : `the key is not RSA with ${asym.modulusBits} bits`
    default:
      return is(asym.name) ? undefined : `the key is not ${asym.name}`
  }
}

/** The key and everything the primitive must be told, in the form node:crypto takes for signing and verifying. */
const primitive = (key: KeyObject, asym: AsymAlgorithm, hash: HashAlgorithm, context: SignatureContext) => {
  switch (asym.kind) {
    case 'rsassa':
      return {key, padding: constants.RSA_PKCS1_PADDING}
    case 'rsapss':
      return {key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: hash.size}
    case 'eddsa':
      return asym.name === 'ed448' ? {key, context: ascii(context)} : {key}
    default:
      return {key, dsaEncoding: 'ieee-p1363' as const}
  }
}

const hashName = (asym: AsymAlgorithm, hash: HashAlgorithm): string | null => (asym.kind === 'eddsa' ? null : hash.name)

/** Is `signature` the key's signature over `question`? `spki` is the DER of the public key. Never throws. */
export function verifySignature(
  question: SignatureQuestion,
  spki: Uint8Array,
  signature: Uint8Array,
): SignatureVerdict {
  const {version, context, hash, asym, transcript} = question
  const unsupported = unsupportedReason(question)
  if (unsupported !== undefined) return no('unsupported', unsupported)
  if (signature.length !== asym.signatureSize)
    return no('invalid', `${signature.length} bytes instead of ${asym.signatureSize}`)
  let key: KeyObject
  try {
    key = createPublicKey({key: Buffer.from(spki), format: 'der', type: 'spki'})
  } catch {
    return no('mismatch', 'the public key cannot be read')
  }
  const mismatch = keyMismatch(key, asym)
  if (mismatch !== undefined) return no('mismatch', mismatch)
  const message = signingInput(version, context, hash, transcript)
  try {
    const isValid = verify(hashName(asym, hash), message, primitive(key, asym, hash, context), signature)
    return isValid ? {status: 'valid'} : no('invalid', 'the signature does not match')
  } catch {
    // the library refuses some keys only when they are used; a signature that could not be checked is not valid
    return no('invalid', 'the signature cannot be checked with this key')
  }
}

/** Signs `question` as a responder or requester does. The caller has checked `unsupportedReason`. */
export function signQuestion(question: SignatureQuestion, privateKey: KeyObject): Uint8Array {
  const {version, context, hash, asym, transcript} = question
  const message = signingInput(version, context, hash, transcript)
  return new Uint8Array(sign(hashName(asym, hash), message, primitive(privateKey, asym, hash, context)))
}
