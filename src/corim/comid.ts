/**
 * CoMID: what is known about a module, as triples of an environment and measurements (draft-ietf-rats-corim §5). Read
 * is what reference values of SPDM devices need; of everything else it is said that it is not evaluated.
 */
import {isTagged} from './cbor.js'
import {At, listOf, mapOf, member, needed, type Read, type Values} from './members.js'
import {anything, bytes, type Digest, digest, identifier, text, uint} from './values.js'

/** §5.1.4.2: the kind of module. SPDM devices are told apart by vendor and model, DICE layers by layer and index. */
export const CLASS = {
  'class-id': member(0, 'refused', anything),
  vendor: member(1, 'evaluated', text),
  model: member(2, 'evaluated', text),
  layer: member(3, 'evaluated', uint),
  index: member(4, 'evaluated', uint),
}

/** §5.1.4.1. */
export const ENVIRONMENT = {
  class: member(0, 'evaluated', mapOf(CLASS)),
  instance: member(1, 'refused', anything),
  group: member(2, 'refused', anything),
}
export type Environment = Values<typeof ENVIRONMENT>

const EXACT_SVN = 552
const LEAST_SVN = 553

/** Security version number: exactly this one, or at least (§5.1.4.5.3). */
export interface SvnValue {
  readonly kind: 'exact' | 'minimum'
  readonly value: number
}

const svn: Read<SvnValue> = (value, at) =>
  isTagged(value, LEAST_SVN)
    ? {kind: 'minimum', value: uint(value.contents, at)}
    : {kind: 'exact', value: uint(isTagged(value, EXACT_SVN) ? value.contents : value, at)}

/** Bits that are 1 in `mask` are compared; without a mask all are. */
export interface RawValue {
  readonly value: Uint8Array
  readonly mask: Uint8Array | undefined
}

const BYTES = 560
const MASKED = 563

const rawValue: Read<RawValue> = (value, at) => {
  if (isTagged(value, BYTES)) return {value: bytes(value.contents, at), mask: undefined}
  if (!isTagged(value, MASKED)) throw at.wrong(`a raw value under tag ${BYTES} or ${MASKED}`, value)
  const pair = value.contents
  if (!Array.isArray(pair) || pair.length !== 2) throw at.wrong('a value and a mask', pair)
  return {value: bytes(pair[0], at), mask: bytes(pair[1], at)}
}

export interface Register {
  /** Number or text. */
  readonly id: number | string
  readonly digests: readonly Digest[]
}

const registers: Read<readonly Register[]> = (value, at) => {
  if (!(value instanceof Map) || value.size === 0) throw at.wrong('a map that is not empty', value)
  return [...value].map(([id, digests]) => {
    if (typeof id !== 'number' && typeof id !== 'string')
      throw at.wrong('a number or text as the name of a register', id)
    return {id, digests: listOf(digest)(digests, at.member(`[${typeof id === 'number' ? id : 'text'}]`))}
  })
}

/** §5.1.4.5: what was measured, or ought to be. */
export const MEASUREMENT_VALUES = {
  version: member(0, 'refused', anything),
  svn: member(1, 'evaluated', svn),
  digests: member(2, 'evaluated', listOf(digest)),
  flags: member(3, 'refused', anything),
  'raw-value': member(4, 'evaluated', rawValue),
  'raw-value-mask': member(5, 'evaluated', bytes),
  'mac-addr': member(6, 'refused', anything),
  'ip-addr': member(7, 'refused', anything),
  'serial-number': member(8, 'refused', anything),
  ueid: member(9, 'refused', anything),
  uuid: member(10, 'refused', anything),
  name: member(11, 'refused', anything),
  cryptokeys: member(13, 'refused', anything),
  'integrity-registers': member(14, 'evaluated', registers),
  'int-range': member(15, 'refused', anything),
}
export type MeasurementValues = Values<typeof MEASUREMENT_VALUES>

/** Key of a measurement: of an SPDM device the index of the block. */
const measurementKey: Read<number | undefined> = (value, at) => {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  at.remark('the key is not the index of a measurement')
  return undefined
}

/** §5.1.4.4. */
export const MEASUREMENT = {
  mkey: member(0, 'evaluated', measurementKey),
  mval: needed(1, 'evaluated', mapOf(MEASUREMENT_VALUES)),
  'authorized-by': member(2, 'refused', anything),
}
export type Measurement = Values<typeof MEASUREMENT>

/** Values of one environment. It can be used only without remarks. */
export interface ReferenceTriple {
  readonly environment: Environment
  readonly measurements: readonly Measurement[]
  /** What in it nobody evaluates. */
  readonly remarks: readonly string[]
}

const pair = (value: unknown, at: At): readonly [unknown, unknown] => {
  if (!Array.isArray(value) || value.length < 2) throw at.wrong('a triple', value)
  if (value.length > 2) at.remark(`a triple of ${value.length} parts`)
  return value as [unknown, unknown]
}

export const referenceTriple: Read<ReferenceTriple> = (value, at) => {
  const own = at.near(value).apart()
  const [environment, measurements] = pair(value, own)
  return {
    environment: mapOf(ENVIRONMENT)(environment, own.member('environment')),
    measurements: listOf(mapOf(MEASUREMENT))(measurements, own.member('measurements')),
    remarks: own.remarks,
  }
}

/** Keys that identify an environment; of them only digests of certificates are evaluated. */
export interface IdentityTriple {
  readonly environment: Environment
  readonly thumbprints: readonly Digest[]
  readonly remarks: readonly string[]
}

const CERTIFICATE_THUMBPRINT = 559

const thumbprint: Read<Digest | undefined> = (value, at) => {
  if (isTagged(value, CERTIFICATE_THUMBPRINT)) return digest(value.contents, at)
  at.remark('a key that is not the thumbprint of a certificate')
  return undefined
}

const identityTriple: Read<IdentityTriple> = (value, at) => {
  const own = at.near(value).apart()
  const [environment, keys] = pair(value, own)
  return {
    environment: mapOf(ENVIRONMENT)(environment, own.member('environment')),
    thumbprints: listOf(thumbprint)(keys, own.member('keys')).filter(key => key !== undefined),
    remarks: own.remarks,
  }
}

/** §5.1.2. */
export const TRIPLES = {
  'reference-triples': member(0, 'evaluated', listOf(referenceTriple)),
  'endorsed-triples': member(1, 'refused', anything),
  'identity-triples': member(2, 'evaluated', listOf(identityTriple)),
  'attest-key-triples': member(3, 'refused', anything),
  'dependency-triples': member(4, 'refused', anything),
  'membership-triples': member(5, 'refused', anything),
  'coswid-triples': member(6, 'refused', anything),
  'conditional-endorsement-series-triples': member(8, 'refused', anything),
  'conditional-endorsement-triples': member(10, 'refused', anything),
}

/** §5.1.1.1. */
export const TAG_IDENTITY = {
  'tag-id': needed(0, 'shown', identifier),
  'tag-version': member(1, 'shown', uint),
}

/** §5.1. */
export const CONCISE_MID_TAG = {
  language: member(0, 'shown', text),
  'tag-identity': needed(1, 'shown', mapOf(TAG_IDENTITY)),
  entities: member(2, 'shown', anything),
  'linked-tags': member(3, 'refused', anything),
  triples: needed(4, 'evaluated', mapOf(TRIPLES)),
}

export interface Comid {
  readonly tagId: string
  readonly references: readonly ReferenceTriple[]
  readonly identities: readonly IdentityTriple[]
  /** What in it, outside of its triples, nobody evaluates. */
  readonly remarks: readonly string[]
}

/** Facts of a decoded concise-mid-tag. */
export const comid: Read<Comid> = (value, at) => {
  const own = at.near(value).apart()
  const {'tag-identity': identity, triples} = mapOf(CONCISE_MID_TAG)(value, own)
  return {
    tagId: identity['tag-id'],
    references: triples['reference-triples'] ?? [],
    identities: triples['identity-triples'] ?? [],
    remarks: own.remarks,
  }
}
