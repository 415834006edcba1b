/**
 * A verdict signed for whoever was not here: JWS compact serialization (RFC 7515) of an EAR, with EdDSA on Ed25519
 * (RFC 8037) or ES384 (RFC 7518 §3.4). Only what this file makes is accepted: the key decides the algorithm, never the
 * header, and a header member that is not understood refuses the whole.
 */
import {createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify} from 'node:crypto'
import {TsmctlError} from '../../errors.js'
import {strictJson} from '../../evidence/index.js'

/** Media type of an EAT as JWT without its prefix (RFC 9782). */
const TYPE = 'eat+jwt'
const LARGEST = 4 * 1024 * 1024
const BASE64URL = /^[A-Za-z0-9_-]+$/

interface Algorithm {
  readonly name: 'EdDSA' | 'ES384'
  readonly hash: string | null
}

/** The algorithm of a key, by its kind; undefined for kinds that sign no verdict. */
function algorithmOf({asymmetricKeyType, asymmetricKeyDetails}: KeyObject): Algorithm | undefined {
  if (asymmetricKeyType === 'ed25519') return {name: 'EdDSA', hash: null}
  if (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'secp384r1')
    return {name: 'ES384', hash: 'sha384'}
  return undefined
}

const refusedKey = (attempted: string, got: string): TsmctlError =>
  new TsmctlError({
    kind: 'usage',
    attempted,
    got,
    hint: 'Use an Ed25519 or P-384 key in PEM: openssl genpkey -algorithm ed25519 -out key.pem',
  })

function keyFrom(make: () => KeyObject, attempted: string): KeyObject {
  let key: KeyObject
  try {
    key = make()
  } catch {
    // what the library says about a key it cannot read may repeat parts of it
    throw refusedKey(attempted, 'the key is not unencrypted PEM of a kind this version knows')
  }
  if (algorithmOf(key) === undefined) throw refusedKey(attempted, 'the key is neither Ed25519 nor P-384')
  return key
}

const pem = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** A private key in PEM. Throws TsmctlError `usage`, which never shows the key. */
export const signingKey = (bytes: Uint8Array): KeyObject =>
  keyFrom(() => createPrivateKey(pem(bytes)), 'use the signing key')

/** A public key or certificate in PEM; a private key is refused, because whoever verifies needs none. */
export function verificationKey(bytes: Uint8Array): KeyObject {
  if (pem(bytes).includes('PRIVATE KEY')) throw refusedKey('use the key for verifying', 'it is a private key')
  return keyFrom(() => createPublicKey(pem(bytes)), 'use the key for verifying')
}

/** Names a key: its JWK thumbprint with SHA-256 (RFC 7638). */
export function keyId(key: KeyObject): string {
  const {crv, kty, x, y} = (key.type === 'private' ? createPublicKey(key) : key).export({format: 'jwk'})
  const members = y === undefined ? {crv, kty, x} : {crv, kty, x, y}
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const dsa = (key: KeyObject): {readonly key: KeyObject; readonly dsaEncoding: 'ieee-p1363'} => ({
  key,
  dsaEncoding: 'ieee-p1363',
})

/** `payload` as a compact JWS by `key`, which `signingKey` made. */
export function signJws(payload: unknown, key: KeyObject, type = TYPE): string {
  const {name, hash} = algorithmOf(key)!
  const input = `${encoded({alg: name, kid: keyId(key), typ: type})}.${encoded(payload)}`
  return `${input}.${sign(hash, Buffer.from(input), dsa(key)).toString('base64url')}`
}

/** One of the three parts; only canonical base64url has one reading. */
function bytesOf(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url')
  return BASE64URL.test(part) && bytes.toString('base64url') === part ? bytes : undefined
}

const malformed = (got: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'read the signed verdict', got})

const HEADER = ['alg', 'kid', 'typ']

function checkHeader(bytes: Uint8Array, key: KeyObject): void {
  const header = strictJson(bytes, 'the header of the signed verdict') as Readonly<Record<string, unknown>> | null
  const members = typeof header === 'object' && header !== null ? Object.keys(header).toSorted() : []
  if (members.join() !== HEADER.join()) throw malformed('its header has other members than alg, kid and typ')
  if (header!['typ'] !== TYPE) throw malformed(`it is not of type ${TYPE}`)
  const {name} = algorithmOf(key)!
  if (header!['alg'] !== name) throw refusedSignature(`it is not signed with ${name}, which the key is for`)
  if (header!['kid'] !== keyId(key)) throw refusedSignature('it names another key')
}

const refusedSignature = (got: string): TsmctlError =>
  new TsmctlError({
    kind: 'denied',
    attempted: 'verify the signed verdict',
    got,
    hint: 'Nothing it says is known to come from the holder of the key.',
  })

/**
 * The payload of a compact JWS that `key` signed, which `verificationKey` made. Throws TsmctlError `malformed` for what
 * is none, `denied` for one that somebody else signed.
 */
export function verifyJws(token: string, key: KeyObject): unknown {
  const text = token.trimEnd()
  if (text.length > LARGEST) throw malformed('it is too long')
  const parts = text.split('.')
  const [header, payload, signature] = parts.map(bytesOf)
  if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined)
    throw malformed('it is not three parts in base64url')
  checkHeader(header, key)
  const {hash} = algorithmOf(key)!
  const input = Buffer.from(text.slice(0, text.lastIndexOf('.')))
  if (!verify(hash, input, dsa(key), signature)) throw refusedSignature('the signature does not hold')
  return strictJson(payload, 'the signed verdict')
}
