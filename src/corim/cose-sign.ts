/** Makes a COSE_Sign1 (RFC 9052 §4.2, §4.4) with a private key at hand; the algorithm is the one of the key. */
import {createHash, createPrivateKey, createPublicKey, type KeyObject, sign} from 'node:crypto'
import {Tag} from 'cbor2'
import {TsmctlError} from '../errors.js'
import {encodeItem} from './cbor.js'
import {COSE_SIGN1_TAG} from './cose.js'

interface Signer {
  /** RFC 9053 §2. */
  readonly algorithm: number
  readonly hash: string | null
}

/** By OpenSSL's name of the curve, or of the key type. */
const SIGNERS: Readonly<Record<string, Signer>> = {
  prime256v1: {algorithm: -7, hash: 'sha256'},
  secp384r1: {algorithm: -35, hash: 'sha384'},
  secp521r1: {algorithm: -36, hash: 'sha512'},
  ed25519: {algorithm: -8, hash: null},
}

const HEADER = {alg: 1, contentType: 3, kid: 4} as const

const refused = (got: string, cause?: unknown): TsmctlError =>
  new TsmctlError({
    kind: 'usage',
    attempted: 'sign with the key',
    got,
    hint: 'It takes an unencrypted private key in PEM: EC of P-256, P-384 or P-521, or Ed25519.',
    cause,
  })

function privateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (error) {
    throw refused('the file holds no private key that can be read', error)
  }
}

/**
 * The tagged COSE_Sign1 of `payload`. The key is named by SHA-256 of its SubjectPublicKeyInfo. Throws TsmctlError `usage`
 * for a key that cannot be used.
 */
export function signSign1(payload: Uint8Array, contentType: string, pem: string): Uint8Array {
  const key = privateKey(pem)
  const name = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? ''
  const signer = Object.hasOwn(SIGNERS, name) ? SIGNERS[name]! : undefined
  if (signer === undefined) throw refused('it is of a kind that is not used here')
  const spki = createPublicKey(key).export({format: 'der', type: 'spki'})
  const head = encodeItem(
    new Map<number, unknown>([
      [HEADER.alg, signer.algorithm],
      [HEADER.contentType, contentType],
      [HEADER.kid, new Uint8Array(createHash('sha256').update(spki).digest())],
    ]),
  )
  const message = encodeItem(['Signature1', head, new Uint8Array(), payload])
  const signature = new Uint8Array(sign(signer.hash, message, {key, dsaEncoding: 'ieee-p1363'}))
  return encodeItem(new Tag(COSE_SIGN1_TAG, [head, new Map(), payload, signature]))
}
