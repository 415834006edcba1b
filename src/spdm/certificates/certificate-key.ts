/** Keys and signatures of certificates by node:crypto: what they are, how strong, and whether they match. */
import {X509Certificate} from 'node:crypto'
import type {KeyFacts, SignatureFacts} from './certificate-facts.js'
import {asymNamed} from '../algorithms.js'
import {librarySchemeOf, loadCrypto, publicKeyOf, rawPublicKeyOf} from '../crypto/index.js'
import {childrenOf, contentOf, contextTag, type Der, encodingOf, expectTag, readWhole, TAG} from './der.js'
import {oidOf} from './der-values.js'

const RSA_ARC = '1.2.840.113549.1.1'
const PSS = `${RSA_ARC}.10`
const NIST_ARC = '2.16.840.1.101.3.4'

const SIGNATURES: Readonly<Record<string, readonly [name: string, hash: string | undefined]>> = {
  [`${RSA_ARC}.4`]: ['rsassa-md5', 'md5'],
  [`${RSA_ARC}.5`]: ['rsassa-sha1', 'sha1'],
  [`${RSA_ARC}.11`]: ['rsassa-sha256', 'sha256'],
  [`${RSA_ARC}.12`]: ['rsassa-sha384', 'sha384'],
  [`${RSA_ARC}.13`]: ['rsassa-sha512', 'sha512'],
  [`${RSA_ARC}.14`]: ['rsassa-sha224', 'sha224'],
  '1.2.840.10045.4.1': ['ecdsa-sha1', 'sha1'],
  '1.2.840.10045.4.3.1': ['ecdsa-sha224', 'sha224'],
  '1.2.840.10045.4.3.2': ['ecdsa-sha256', 'sha256'],
  '1.2.840.10045.4.3.3': ['ecdsa-sha384', 'sha384'],
  '1.2.840.10045.4.3.4': ['ecdsa-sha512', 'sha512'],
  '1.2.156.10197.1.501': ['sm2-sm3', 'sm3'],
  '1.3.101.112': ['ed25519', undefined],
  '1.3.101.113': ['ed448', undefined],
  [`${NIST_ARC}.3.17`]: ['ml-dsa-44', undefined],
  [`${NIST_ARC}.3.18`]: ['ml-dsa-65', undefined],
  [`${NIST_ARC}.3.19`]: ['ml-dsa-87', undefined],
  ...Object.fromEntries(
    ['sha2', 'shake'].flatMap((hash, i) =>
      ['128s', '128f', '192s', '192f', '256s', '256f'].map((set, k) => [
        `${NIST_ARC}.3.${20 + 6 * i + k}`,
        [`slh-dsa-${hash}-${set}`, undefined] as const,
      ]),
    ),
  ),
}

const HASHES: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  [`${NIST_ARC}.2.1`]: 'sha256',
  [`${NIST_ARC}.2.2`]: 'sha384',
  [`${NIST_ARC}.2.3`]: 'sha512',
  [`${NIST_ARC}.2.4`]: 'sha224',
}

const WHAT = 'signature algorithm'

/** RSASSA-PSS names its digest in the parameters; left out it is SHA-1 (RFC 4055 §3.1). */
function pssHash(parameters: Der | undefined): string {
  if (parameters === undefined || parameters.tag !== TAG.SEQUENCE) return 'sha1'
  const first = childrenOf(parameters, WHAT).find(({tag}) => tag === contextTag(0, true))
  if (first === undefined) return 'sha1'
  const [algorithm] = childrenOf(first, WHAT)
  const oid = oidOf(algorithm && childrenOf(algorithm, WHAT)[0], WHAT)
  return HASHES[oid] ?? oid
}

/** Facts of an AlgorithmIdentifier. Throws DecodeError. */
export function signatureFacts(algorithm: Der): SignatureFacts {
  const [identifier, parameters] = childrenOf(algorithm, WHAT)
  const oid = oidOf(identifier, WHAT)
  if (oid === PSS) {
    const hash = pssHash(parameters)
    return {oid, name: `rsapss-${hash}`, hash}
  }
  const [name, hash] = SIGNATURES[oid] ?? [oid, undefined]
  return {oid, name, hash}
}

/** Field sizes of the curves that occur; an unlisted curve has an unknown size, which is not strong. */
const CURVE_BITS: Readonly<Record<string, number>> = {
  prime192v1: 192,
  secp224r1: 224,
  prime256v1: 256,
  secp256k1: 256,
  secp384r1: 384,
  secp521r1: 521,
  brainpoolP256r1: 256,
  brainpoolP384r1: 384,
  brainpoolP512r1: 512,
}

export function keyFacts(spki: Uint8Array): KeyFacts {
  const key = publicKeyOf(spki)
  const {namedCurve, modulusLength} = key?.asymmetricKeyDetails ?? {}
  return {
    // what the platform cannot read may be a key of a library
    type: key?.asymmetricKeyType ?? rawPublicKeyOf(spki)?.name ?? 'unknown',
    curve: namedCurve,
    bits: modulusLength ?? (namedCurve === undefined ? undefined : CURVE_BITS[namedCurve]),
  }
}

/** Broken, or (SM3) not computed here, so that nothing may rest on it. */
const DISTRUSTED_HASHES: readonly (string | undefined)[] = ['md5', 'sha1', 'sm3']

/** What about key and signature is too weak to rely on. */
export function weaknessesOf(key: KeyFacts, signature: SignatureFacts): string[] {
  const found: string[] = []
  if (DISTRUSTED_HASHES.includes(signature.hash)) found.push(`signed with ${signature.name}`)
  const bits = key.bits ?? 0
  if (key.type.startsWith('rsa') && bits < 3072) found.push(`RSA key of ${bits} bits`)
  if (key.type === 'ec' && bits < 256) found.push(`key on ${key.curve ?? 'an explicit curve'}`)
  return found
}

/** Loads what verifying these certificates needs beyond the platform: without it they are not signed. */
export const loadCryptoOf = (certificates: readonly {readonly signature: SignatureFacts}[]): Promise<void> =>
  loadCrypto(...certificates.map(({signature}) => asymNamed(signature.name)))

/** Is the signature on certificate `der` made by the key `spki`? A certificate that cannot be checked is not signed. */
export function verifyCertificateSignature(der: Uint8Array, spki: Uint8Array): boolean {
  const key = publicKeyOf(spki)
  try {
    return key === undefined ? libraryVerifies(der, spki) : new X509Certificate(der).verify(key)
  } catch {
    return false
  }
}

const NO_CONTEXT = new Uint8Array()

/** As `verifyCertificateSignature`, for ML-DSA and SLH-DSA: over the TBS, without context (RFC 9881 §3, RFC 9909 §3). */
function libraryVerifies(der: Uint8Array, spki: Uint8Array): boolean {
  const key = rawPublicKeyOf(spki)
  const [tbs, algorithm, bits] = childrenOf(readWhole(der, WHAT), WHAT)
  const asym = asymNamed(signatureFacts(expectTag(algorithm, TAG.SEQUENCE, WHAT)).name)
  if (key === undefined || asym?.name !== key.name) return false
  const scheme = librarySchemeOf(asym)
  const [unused, ...signature] = contentOf(expectTag(bits, TAG.BIT_STRING, WHAT))
  return unused === 0 && scheme?.verify(Uint8Array.from(signature), encodingOf(tbs!), key.bytes, NO_CONTEXT) === true
}
