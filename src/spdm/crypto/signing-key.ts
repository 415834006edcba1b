/** Private keys that sign in SPDM: the platform's where it has the algorithm, otherwise the bytes a library takes. */
import {generateKeyPairSync, KeyObject} from 'node:crypto'
import {TsmctlError} from '../../errors.js'
import type {AsymAlgorithm} from '../algorithms.js'
import {librarySchemeOf, spkiOf} from './library-signature.js'

/** `Uint8Array`: the secret key of ML-DSA or SLH-DSA as FIPS 204 and 205 encode it. */
export type SigningKey = KeyObject | Uint8Array

export interface SigningKeyPair {
  readonly privateKey: SigningKey
  /** DER of SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
}

function platformPair(asym: AsymAlgorithm): {publicKey: KeyObject; privateKey: KeyObject} {
  switch (asym.kind) {
    case 'ecdsa':
      return generateKeyPairSync('ec', {namedCurve: asym.curve!})
    case 'rsassa':
    case 'rsapss':
      return generateKeyPairSync('rsa', {modulusLength: asym.modulusBits!})
    default:
      return asym.name === 'ed448' ? generateKeyPairSync('ed448') : generateKeyPairSync('ed25519')
  }
}

/** A fresh key of `asym`. Throws TsmctlError `unsupported` for SM2, and for what `loadCrypto` has not loaded. */
export function generateSigningKey(asym: AsymAlgorithm): SigningKeyPair {
  if (asym.kind === 'sm2' || asym.kind === 'ml-dsa' || asym.kind === 'slh-dsa') {
    const scheme = librarySchemeOf(asym)
    if (scheme === undefined)
      throw new TsmctlError({kind: 'unsupported', attempted: `make a key for ${asym.name}`, got: 'not available'})
    const {publicKey, secretKey} = scheme.keygen()
    return {privateKey: secretKey, spki: spkiOf(asym.name, publicKey)}
  }
  const {publicKey, privateKey} = platformPair(asym)
  return {privateKey, spki: new Uint8Array(publicKey.export({format: 'der', type: 'spki'}))}
}

/** What a library takes as the secret key; of Ed448 the platform keeps it. */
export const secretBytesOf = (key: SigningKey): Uint8Array =>
  key instanceof Uint8Array ? key : new Uint8Array(Buffer.from(key.export({format: 'jwk'}).d!, 'base64url'))
