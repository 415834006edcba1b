/** Signatures by node:crypto: how each algorithm is told to it. */
import {constants, generateKeyPairSync, type KeyObject, sign, verify} from 'node:crypto'
import type {AsymAlgorithm, HashAlgorithm} from '../algorithms.js'
import {ascii, type SignatureContext} from './signing-input.js'

let contextWorks: boolean | undefined
/** Ed448 takes the context string as its own input; a platform that ignores it would verify something else. */
export function supportsEd448Context(): boolean {
  if (contextWorks === undefined) {
    const {privateKey, publicKey} = generateKeyPairSync('ed448')
    const context = ascii('tsmctl')
    const message = new Uint8Array(1)
    const signature = sign(null, message, {key: privateKey, context} as unknown as KeyObject)
    contextWorks = !verify(null, message, publicKey, signature)
  }
  return contextWorks
}

/** Why `key` is not a key of `asym`, or undefined. */
export function keyMismatch(key: KeyObject, asym: AsymAlgorithm): string | undefined {
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

/** What a platform's signature is made with. */
export interface PlatformSignature {
  readonly asym: AsymAlgorithm
  readonly hash: HashAlgorithm
  readonly context: SignatureContext
}

export const platformVerifies = (
  {asym, hash, context}: PlatformSignature,
  message: Uint8Array,
  key: KeyObject,
  signature: Uint8Array,
): boolean => verify(hashName(asym, hash), message, primitive(key, asym, hash, context), signature)

export const platformSigns = (
  {asym, hash, context}: PlatformSignature,
  message: Uint8Array,
  key: KeyObject,
): Uint8Array => new Uint8Array(sign(hashName(asym, hash), message, primitive(key, asym, hash, context)))
