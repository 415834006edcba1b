/** Keys and signature algorithms of certificates: what they are, and how strong. */
import type {KeyFacts, SignatureFacts} from './certificate-facts.js'
import {asymNamed} from '../algorithms.js'
import {loadCrypto, publicKeyOf, rawPublicKeyOf} from '../crypto/index.js'
import {childrenOf, contextTag, type Der, onlyChildOf, TAG} from './der.js'
import {countOf, oidOf} from './der-values.js'

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
  [`${NIST_ARC}.2.8`]: 'sha3-256',
  [`${NIST_ARC}.2.9`]: 'sha3-384',
  [`${NIST_ARC}.2.10`]: 'sha3-512',
}

/** Name of a digest algorithm by its object identifier. */
export const digestNamed = (oid: string): string | undefined => HASHES[oid]

const WHAT = 'signature algorithm'

/** Bytes of salt where the parameters name none (RFC 4055 §3.1). */
const DEFAULT_SALT = 20

/** Name of the digest of an AlgorithmIdentifier; the identifier when it is not known. Throws DecodeError. */
export const digestAlgorithmOf = (algorithm: Der): string => {
  const oid = oidOf(childrenOf(algorithm, WHAT)[0], WHAT)
  return HASHES[oid] ?? oid
}

/** RSASSA-PSS names digest and length of the salt in the parameters; left out, the digest is SHA-1 (RFC 4055 §3.1). */
function pssParameters(parameters: Der | undefined): {readonly hash: string; readonly saltLength: number} {
  const fields = parameters?.tag === TAG.SEQUENCE ? childrenOf(parameters, WHAT) : []
  const field = (n: number): Der | undefined => {
    const found = fields.find(({tag}) => tag === contextTag(n, true))
    return found && onlyChildOf(found, WHAT)
  }
  const digest = field(0)
  const salt = field(2)
  return {
    hash: digest === undefined ? 'sha1' : digestAlgorithmOf(digest),
    saltLength: salt === undefined ? DEFAULT_SALT : countOf(salt, WHAT),
  }
}

/** Facts of an AlgorithmIdentifier. Throws DecodeError. */
export function signatureFacts(algorithm: Der): SignatureFacts {
  const [identifier, parameters] = childrenOf(algorithm, WHAT)
  const oid = oidOf(identifier, WHAT)
  if (oid === PSS) {
    const {hash, saltLength} = pssParameters(parameters)
    return {oid, name: `rsapss-${hash}`, hash, saltLength}
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
