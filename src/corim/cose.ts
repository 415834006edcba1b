/** COSE_Sign1 (RFC 9052 §4.2) as CoRIM uses it: what was signed, by which algorithm, and whether a key made the signature. */
import {constants, createPublicKey, type KeyObject, verify} from 'node:crypto'
import {toHex} from '../bits/index.js'
import {decodeItem, encodeItem, isTagged} from './cbor.js'
import {At, mapOf, member, needed, type Read} from './members.js'
import {anything, bytes, text, time} from './values.js'

export const COSE_SIGN1_TAG = 18

interface Algorithm {
  readonly name: string
  /** Key types of OpenSSL that may sign with it: a key of another kind never verifies. */
  readonly keys: readonly string[]
  readonly hash: string | null
}

/** Algorithms by their COSE number (RFC 9053 §2, RFC 8230 §2). */
const ALGORITHMS: Readonly<Record<number, Algorithm>> = {
  [-7]: {name: 'ES256', keys: ['ec'], hash: 'sha256'},
  [-35]: {name: 'ES384', keys: ['ec'], hash: 'sha384'},
  [-36]: {name: 'ES512', keys: ['ec'], hash: 'sha512'},
  [-8]: {name: 'EdDSA', keys: ['ed25519', 'ed448'], hash: null},
  [-38]: {name: 'PS384', keys: ['rsa', 'rsa-pss'], hash: 'sha384'},
}

const algorithm: Read<Algorithm> = (value, at) => {
  const found = typeof value === 'number' ? ALGORITHMS[value] : undefined
  if (found === undefined) throw at.wrong('ES256, ES384, ES512, EdDSA or PS384', value)
  return found
}

/** A certificate, or several, leaf first (RFC 9360 §2). */
const certificates: Read<readonly Uint8Array[]> = (value, at) => {
  const list = Array.isArray(value) ? value : [value]
  if (list.length === 0) throw at.wrong('a certificate', value)
  return list.map(item => bytes(item, at))
}

/** draft-ietf-rats-corim §4.2.2. */
export const VALIDITY = {
  'not-before': member(0, 'evaluated', time),
  'not-after': needed(1, 'evaluated', time),
}
export const SIGNER = {'signer-name': member(0, 'shown', text), 'signer-uri': member(1, 'shown', anything)}
/** §4.2.1. */
export const META = {
  signer: member(0, 'shown', mapOf(SIGNER)),
  'signature-validity': member(1, 'evaluated', mapOf(VALIDITY)),
}

const meta: Read<ReturnType<ReturnType<typeof mapOf<typeof META>>>> = (value, at) =>
  mapOf(META)(decodeItem(bytes(value, at), 'CoRIM', at.path), at)

/** Protected header of a signed CoRIM, §4.2. What is not listed may be ignored unless `crit` says otherwise. */
export const PROTECTED = {
  alg: needed(1, 'evaluated', algorithm),
  crit: member(2, 'refused', anything),
  'content-type': needed(3, 'evaluated', text),
  kid: member(4, 'shown', bytes),
  'corim-meta': member(8, 'evaluated', meta),
  x5chain: member(33, 'evaluated', certificates),
}

const CONTENT_TYPES: readonly string[] = ['application/rim+cbor', 'application/corim-unsigned+cbor']

export interface Signed {
  readonly algorithm: string
  readonly contentType: string
  readonly kid: string | null
  /** Name the signer gave himself: nobody vouches for it. */
  readonly signerName: string | null
  readonly validity: {readonly notBefore: string | null; readonly notAfter: string} | null
  /** Certificates that came along, leaf first, DER. */
  readonly x5chain: readonly Uint8Array[]
  readonly payload: Uint8Array
  /** Did the private key of `spki` (DER) make the signature? */
  readonly signedBy: (spki: Uint8Array) => boolean
}

const X5CHAIN = PROTECTED.x5chain.key

/** Certificates need no protection of their own: a path to the anchor is what counts (RFC 9360 §2). */
function unprotectedChain(header: unknown, at: At): readonly Uint8Array[] {
  if (!(header instanceof Map)) throw at.wrong('a map', header)
  return header.has(X5CHAIN) ? certificates(header.get(X5CHAIN), at.member('x5chain')) : []
}

function keyOf(spki: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({key: Buffer.from(spki), format: 'der', type: 'spki'})
  } catch {
    return undefined
  }
}

function verifies(
  {keys, hash, name}: Algorithm,
  spki: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const key = keyOf(spki)
  if (key === undefined || !keys.includes(key.asymmetricKeyType ?? '')) return false
  const pss =
    name === 'PS384' ? {padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST} : {}
  try {
    return verify(hash, message, {key, dsaEncoding: 'ieee-p1363', ...pss}, signature)
  } catch {
    return false
  }
}

/** Facts of a decoded COSE_Sign1. Throws DecodeError; whether the signature holds is for `signedBy`. */
export const sign1: Read<Signed> = (value, at) => {
  const parts = isTagged(value, COSE_SIGN1_TAG) ? value.contents : value
  if (!Array.isArray(parts) || parts.length !== 4) throw at.wrong('COSE_Sign1, an array of 4', parts)
  const [head, unprotectedHeader, content, mark] = parts as unknown[]
  const protectedBytes = bytes(head, at.member('protected'))
  const payload = bytes(content, at.member('payload'))
  const signature = bytes(mark, at.member('signature'))
  const inside = at.member('protected').near(protectedBytes)
  const decoded = decodeItem(protectedBytes, 'CoRIM', 'protected')
  // of a header that is not listed nothing follows, as long as it is not critical
  const header = mapOf(PROTECTED)(decoded, inside.apart())
  if ((decoded as Map<unknown, unknown>).has(PROTECTED.crit.key))
    throw inside.refuse('no critical headers', 'a header that must be understood')
  if (!CONTENT_TYPES.includes(header['content-type'])) throw inside.wrong(CONTENT_TYPES[0]!, header['content-type'])
  const validity = header['corim-meta']?.['signature-validity']
  return {
    algorithm: header.alg.name,
    contentType: header['content-type'],
    kid: header.kid === undefined ? null : toHex(header.kid),
    signerName: header['corim-meta']?.signer?.['signer-name'] ?? null,
    validity:
      validity === undefined ? null : {notBefore: validity['not-before'] ?? null, notAfter: validity['not-after']},
    x5chain: header.x5chain ?? unprotectedChain(unprotectedHeader, at.member('unprotected')),
    payload,
    signedBy: spki =>
      verifies(header.alg, spki, encodeItem(['Signature1', protectedBytes, new Uint8Array(), payload]), signature),
  }
}
