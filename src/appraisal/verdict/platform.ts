/**
 * A relying party's verdict on this machine's own platform: an EAR (draft-ietf-rats-ear) as a compact JWS (RFC 7515) by
 * a key that the operator names. Verifiers write headers of many kinds, so that only what would change the meaning of a
 * signature is refused; the key decides the algorithm, never the header.
 */
import {createHash, createPublicKey, type KeyObject, verify} from 'node:crypto'
import * as v from 'valibot'
import {toHex} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {strictJson} from '../../evidence/index.js'
import {isRecord} from '../../records.js'
import type {PlatformVerdict} from '../checks/index.js'

const LARGEST = 1024 * 1024
const BASE64URL = /^[A-Za-z0-9_-]+$/
const ATTEMPTED = 'use the verdict on the platform'

const refused = (kind: 'usage' | 'malformed' | 'denied', got: string, hint?: string): TsmctlError =>
  new TsmctlError({kind, attempted: ATTEMPTED, got, hint})

interface Algorithm {
  readonly name: 'EdDSA' | 'ES256' | 'ES384'
  readonly hash: string | null
}

/** Algorithms of JWS (RFC 7518 §3.4, RFC 8037) by the kind of key. */
function algorithmOf({asymmetricKeyType, asymmetricKeyDetails}: KeyObject): Algorithm | undefined {
  if (asymmetricKeyType === 'ed25519') return {name: 'EdDSA', hash: null}
  if (asymmetricKeyType !== 'ec') return undefined
  if (asymmetricKeyDetails?.namedCurve === 'prime256v1') return {name: 'ES256', hash: 'sha256'}
  return asymmetricKeyDetails?.namedCurve === 'secp384r1' ? {name: 'ES384', hash: 'sha384'} : undefined
}

function keyOf(pem: Uint8Array): KeyObject {
  const text = Buffer.from(pem).toString('latin1')
  try {
    if (!text.includes('PRIVATE KEY')) return createPublicKey(text)
  } catch {
    // what the library says about a key it cannot read adds nothing
  }
  throw refused('usage', 'the key is no public key or certificate in PEM')
}

const statuses = {0: 'none', 2: 'affirming', 32: 'warning', 96: 'contraindicated'} as const
const STATUS = v.union([
  v.picklist(['none', 'affirming', 'warning', 'contraindicated']),
  v.pipe(
    v.picklist([0, 2, 32, 96]),
    v.transform(code => statuses[code]),
  ),
])
const NONCE = v.pipe(v.string(), v.maxLength(128), v.regex(BASE64URL))

/** The claims that are used; whatever else a verifier says is its own affair. */
const EAR = v.object({
  iat: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(2 ** 40)),
  exp: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(2 ** 40))),
  eat_nonce: v.union([NONCE, v.pipe(v.array(NONCE), v.minLength(1), v.maxLength(16))]),
  submods: v.pipe(
    v.custom<Record<string, unknown>>(isRecord),
    // whatever they are called: a record of this library leaves out names that mean something to the language
    v.transform(submods => Object.values(submods)),
    v.pipe(v.array(v.object({'ear.status': STATUS})), v.minLength(1, 'at least one appraisal')),
  ),
})

const HEADER = v.object({alg: v.string(), crit: v.optional(v.never()), b64: v.optional(v.never())})

/** From the worst: one that is not affirmed spoils the whole. */
const WORST = ['contraindicated', 'none', 'warning', 'affirming'] as const

function parsed<S extends v.GenericSchema>(schema: S, bytes: Uint8Array, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, strictJson(bytes, what))
  if (!result.success) throw refused('malformed', `${what} is not of the expected form`)
  return result.output
}

/** Only canonical base64url has one reading. */
function bytesOf(part: string | undefined): Buffer {
  const bytes = Buffer.from(part ?? '', 'base64url')
  if (part === undefined || !BASE64URL.test(part) || bytes.toString('base64url') !== part)
    throw refused('malformed', 'it is not a compact JWS: three parts in base64url')
  return bytes
}

/** Name of a key in reviews: the beginning of its thumbprint. */
const nameOf = (key: KeyObject): string =>
  toHex(
    createHash('sha256')
      .update(key.export({type: 'spki', format: 'der'}))
      .digest(),
  ).slice(0, 16)

/**
 * What `token` says, if `pem` is the key it was signed with. Throws TsmctlError: `usage` for a key that cannot be used,
 * `malformed` for what is no verdict, `denied` where somebody else signed it.
 */
export function platformVerdict(token: Uint8Array, pem: Uint8Array): PlatformVerdict {
  if (token.length > LARGEST) throw refused('malformed', `it has ${token.length} bytes`)
  const key = keyOf(pem)
  const algorithm = algorithmOf(key)
  if (algorithm === undefined) throw refused('usage', 'the key is neither Ed25519 nor P-256 nor P-384')
  const text = Buffer.from(token).toString('latin1').trimEnd()
  const parts = text.split('.', 4)
  if (parts.length !== 3) throw refused('malformed', 'it is not a compact JWS: three parts in base64url')
  const [head, body, signature] = [bytesOf(parts[0]), bytesOf(parts[1]), bytesOf(parts[2])]
  const {alg} = parsed(HEADER, head, 'its header')
  const input = Buffer.from(text.slice(0, text.lastIndexOf('.')))
  const isSigned = alg === algorithm.name && verify(algorithm.hash, input, {key, dsaEncoding: 'ieee-p1363'}, signature)
  if (!isSigned)
    throw refused('denied', 'this key did not sign it', 'Nothing it says is known to come from the verifier.')
  const {iat, exp, eat_nonce: nonce, submods} = parsed(EAR, body, 'the verdict')
  const found = new Set(submods.map(({'ear.status': status}) => status))
  return {
    verifier: `key ${nameOf(key)}`,
    status: WORST.find(status => found.has(status))!,
    bindings: [nonce].flat().map(text64 => toHex(bytesOf(text64))),
    issuedAt: new Date(iat * 1000),
    ...(exp !== undefined && {expires: new Date(exp * 1000)}),
  }
}
