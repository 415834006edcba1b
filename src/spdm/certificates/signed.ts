/**
 * What an issuer signs: certificates, revocation lists and OCSP responses are all a body, an algorithm and a signature
 * over the body (RFC 5280 §4.1.1, §5.1.1, RFC 6960 §4.2.1).
 */
import {constants, type KeyObject, verify, X509Certificate} from 'node:crypto'
import {equal} from '../../bits/index.js'
import {asymNamed} from '../algorithms.js'
import {librarySchemeOf, publicKeyOf, rawPublicKeyOf} from '../crypto/index.js'
import type {SignatureFacts} from './certificate-facts.js'
import {signatureFacts} from './certificate-key.js'
import {Remembered} from './remembered.js'
import {childrenOf, contentOf, type Der, encodingOf, expectTag, malformed, readWhole, TAG} from './der.js'

export interface Signed {
  /** The signed bytes, as encoded. */
  readonly body: Uint8Array
  readonly algorithm: SignatureFacts
  readonly signature: Uint8Array
}

export interface SignedParts extends Signed {
  readonly bodyElement: Der
  readonly algorithmElement: Der
  /** What follows the signature. */
  readonly rest: readonly Der[]
}

/** The parts of a signed structure. Throws DecodeError. */
export function signedParts(element: Der, what: string): SignedParts {
  const [body, algorithm, bits, ...rest] = childrenOf(expectTag(element, TAG.SEQUENCE, what), what)
  const bodyElement = expectTag(body, TAG.SEQUENCE, what)
  const algorithmElement = expectTag(algorithm, TAG.SEQUENCE, what)
  const octets = contentOf(expectTag(bits, TAG.BIT_STRING, what))
  if (octets[0] !== 0) throw malformed(what, bits!.at, 'whole octets of signature', 'a part of one')
  return {
    body: encodingOf(bodyElement),
    algorithm: signatureFacts(algorithmElement),
    signature: octets.slice(1),
    bodyElement,
    algorithmElement,
    rest,
  }
}

/** The body names its signature algorithm as well; two different ones are none (RFC 5280 §4.1.1.2). */
export function expectSameAlgorithm({algorithmElement}: SignedParts, inner: Der | undefined, what: string): void {
  if (!equal(encodingOf(algorithmElement), encodingOf(expectTag(inner, TAG.SEQUENCE, what))))
    throw malformed(what, algorithmElement.at, 'one signature algorithm', 'two different ones')
}

/** What node:crypto is told besides the key, or undefined for a key of another kind than the algorithm's. */
function optionsOf({name, saltLength}: SignatureFacts, {asymmetricKeyType}: KeyObject) {
  const [family] = name.split('-')
  switch (asymmetricKeyType) {
    case 'ec':
      return family === 'ecdsa' ? {} : undefined
    case 'rsa':
      if (family === 'rsassa') return {padding: constants.RSA_PKCS1_PADDING}
      return family === 'rsapss' ? {padding: constants.RSA_PKCS1_PSS_PADDING, saltLength} : undefined
    case 'rsa-pss':
      return family === 'rsapss' ? {padding: constants.RSA_PKCS1_PSS_PADDING, saltLength} : undefined
    default:
      return name === asymmetricKeyType ? {} : undefined
  }
}

const NO_CONTEXT = new Uint8Array()

/** ML-DSA and SLH-DSA are made without a context (RFC 9881 §3, RFC 9909 §3). */
function libraryVerifies({body, algorithm, signature}: Signed, spki: Uint8Array): boolean {
  const key = rawPublicKeyOf(spki)
  const asym = asymNamed(algorithm.name)
  if (key === undefined || asym?.name !== key.name) return false
  return librarySchemeOf(asym)?.verify(signature, body, key.bytes, NO_CONTEXT) === true
}

/** Is the signature made by the key `spki`? What cannot be checked is not signed. */
export function verifySigned(signed: Signed, spki: Uint8Array): boolean {
  const key = publicKeyOf(spki)
  try {
    if (key === undefined) return libraryVerifies(signed, spki)
    const options = optionsOf(signed.algorithm, key)
    return (
      options !== undefined && verify(signed.algorithm.hash ?? null, signed.body, {key, ...options}, signed.signature)
    )
  } catch {
    return false
  }
}

const CERTIFICATE = 'certificate'

/** Signatures that verified; whether others do may depend on what is loaded. */
const verified = new Remembered<boolean>(512)

/** Is the signature on certificate `der` made by the key `spki`? A certificate that cannot be checked is not signed. */
export const verifyCertificateSignature = (der: Uint8Array, spki: Uint8Array): boolean =>
  verified.of(
    [der, spki],
    () => verifies(der, spki),
    isValid => isValid,
  )

function verifies(der: Uint8Array, spki: Uint8Array): boolean {
  const key = publicKeyOf(spki)
  try {
    return key === undefined
      ? libraryVerifies(signedParts(readWhole(der, CERTIFICATE), CERTIFICATE), spki)
      : new X509Certificate(der).verify(key)
  } catch {
    return false
  }
}
