/** Manifests made to measure: CoRIM maps written by hand, encoded, and signed with keys of our own. */
import {constants, type KeyObject, sign} from 'node:crypto'
import {encode, Tag} from 'cbor2'

/** A CBOR map of the members that are given. */
export const map = (members: Readonly<Record<number, unknown>>): Map<unknown, unknown> =>
  new Map(
    Object.entries(members).flatMap(([key, value]) => (value === undefined ? [] : [[Number(key), value] as const])),
  )
export {encode, Tag}

export const MODEL = {1: 'ACME', 2: 'WIDGET'}
export const SHA384 = 7

export interface ManifestSpec {
  readonly measurements?: readonly unknown[]
  readonly environment?: unknown
  /** Instead: all triples. */
  readonly triples?: unknown
  readonly comid?: Readonly<Record<number, unknown>>
  readonly corim?: Readonly<Record<number, unknown>>
}

export const digests = (...values: readonly Uint8Array[]): unknown => values.map(value => [SHA384, value])
/** Measurement `index` with the given values, by their keys. */
export const measured = (index: number | undefined, values: Readonly<Record<number, unknown>>): unknown =>
  map({0: index, 1: map(values)})
export const environment = (more: Readonly<Record<number, unknown>> = {}): unknown => map({0: map({...MODEL, ...more})})

export const comid = ({measurements = [], environment: env = environment(), triples, comid: more}: ManifestSpec): Tag =>
  new Tag(506, encode(map({1: map({0: 'acme-tag'}), 4: triples ?? map({0: [[env, measurements]]}), ...more})))

/** An unsigned CoRIM with one CoMID. */
export const corim = (spec: ManifestSpec): Uint8Array =>
  encode(new Tag(501, map({0: 'acme-rim', 1: [comid(spec)], ...spec.corim})))

export interface SigningSpec {
  readonly key: KeyObject
  /** COSE number and hash. */
  readonly algorithm?: readonly [number, string | null]
  readonly header?: Readonly<Record<number, unknown>>
  readonly unprotected?: Readonly<Record<number, unknown>>
}

export const ES384 = [-35, 'sha384'] as const

const PS384 = -38

/** COSE_Sign1 around `payload`. */
export function signedCorim(
  payload: Uint8Array,
  {key, algorithm = ES384, header, unprotected = {}}: SigningSpec,
): Uint8Array {
  const [number, hash] = algorithm
  const head = encode(map({1: number, 3: 'application/rim+cbor', ...header}))
  const toBeSigned = encode(['Signature1', head, new Uint8Array(), payload])
  const padding =
    number === PS384 ? {padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST} : {}
  const signature = new Uint8Array(sign(hash, toBeSigned, {key, dsaEncoding: 'ieee-p1363', ...padding}))
  return encode(new Tag(18, [head, map(unprotected), payload, signature]))
}
