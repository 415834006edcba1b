/** Revocation lists and OCSP responses of any shape, as DER by hand: what a CA, or somebody who wants to be one, signs. */
import {createHash, KeyObject, sign, type webcrypto} from 'node:crypto'
import {concat} from '../../src/bits/index.js'
import type {CertificateFacts} from '../../src/spdm/index.js'
import {der, oid} from './authority.js'

/** Who signs: the subject and key of a certificate. */
export interface Signer {
  readonly facts: CertificateFacts
  readonly keys: webcrypto.CryptoKeyPair
}

const SIGNATURE_OIDS: Readonly<Record<string, string>> = {
  sha1: '1.2.840.10045.4.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
}
const HASH_OIDS: Readonly<Record<string, string>> = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
}
const RSA = '1.2.840.113549.1.1.12'

export const utcTime = (date: Date): Uint8Array => {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return der(0x17, digits.slice(2))
}
export const generalizedTime = (date: Date): Uint8Array => der(0x18, date.toISOString().replaceAll(/[-:T]|\.\d+/g, ''))

/** DER integer of a hexadecimal number that is not negative. */
export function integer(hex: string): Uint8Array {
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return der(0x02, octets[0]! >= 0x80 ? concat(Uint8Array.of(0), octets) : new Uint8Array(octets))
}

const TRUE = der(0x01, Uint8Array.of(0xff))
export const extensionDer = (type: string, value: Uint8Array, critical = false): Uint8Array =>
  der(0x30, oid(type), ...(critical ? [TRUE] : []), der(0x04, value))

function algorithm({keys}: Signer, hash: string): Uint8Array {
  return keys.privateKey.algorithm.name === 'ECDSA'
    ? der(0x30, oid(SIGNATURE_OIDS[hash]!))
    : der(0x30, oid(RSA), Uint8Array.of(5, 0))
}

function signedBy(signer: Signer, body: Uint8Array, hash: string, ...rest: readonly Uint8Array[]): Uint8Array {
  const key = KeyObject.from(signer.keys.privateKey as Parameters<typeof KeyObject.from>[0])
  const signature = new Uint8Array(sign(hash, body, key))
  return der(0x30, body, algorithm(signer, hash), der(0x03, concat(Uint8Array.of(0), signature)), ...rest)
}

const HOUR = 3_600_000
export const MADE = new Date('2026-11-21T06:00:00Z')
const DUE = new Date(MADE.getTime() + 24 * HOUR)

export interface Entry {
  readonly serial: string
  readonly at?: Date
  /** CRLReason. */
  readonly reason?: number
  readonly extensions?: readonly Uint8Array[]
}

export interface CrlShape {
  readonly by: Signer
  /** Name of the issuer, when it is to be another one. */
  readonly issuer?: Uint8Array
  readonly revoked?: readonly Entry[]
  readonly thisUpdate?: Date
  readonly nextUpdate?: Date | null
  readonly extensions?: readonly Uint8Array[]
  readonly version?: number
  readonly hash?: string
}

const REASON = '2.5.29.21'

function entry({serial, at = new Date('2026-10-01T00:00:00Z'), reason, extensions = []}: Entry): Uint8Array {
  const all = [...(reason === undefined ? [] : [extensionDer(REASON, der(0x0a, Uint8Array.of(reason)))]), ...extensions]
  return der(0x30, integer(serial), utcTime(at), ...(all.length > 0 ? [der(0x30, ...all)] : []))
}

/** A revocation list (RFC 5280 §5.1). */
export function makeCrl(shape: CrlShape): Uint8Array {
  const {by, issuer, revoked = [], thisUpdate = MADE, nextUpdate = DUE, version = 1, hash = 'sha384'} = shape
  const {extensions = [extensionDer('2.5.29.20', integer('07'))]} = shape
  const body = der(
    0x30,
    ...(version === 0 ? [] : [der(0x02, Uint8Array.of(version))]),
    algorithm(by, hash),
    issuer ?? by.facts.subjectDer,
    utcTime(thisUpdate),
    ...(nextUpdate === null ? [] : [utcTime(nextUpdate)]),
    ...(revoked.length > 0 ? [der(0x30, ...revoked.map(entry))] : []),
    ...(extensions.length > 0 ? [der(0xa0, der(0x30, ...extensions))] : []),
  )
  return signedBy(by, body, hash)
}

/** IssuingDistributionPoint: `fields` are its context-tagged members. */
export const issuingPoint = (...fields: readonly Uint8Array[]): Uint8Array =>
  extensionDer('2.5.29.28', der(0x30, ...fields), true)
/** The member that names URLs. */
export const pointUrls = (...urls: readonly string[]): Uint8Array =>
  der(0xa0, der(0xa0, ...urls.map(url => der(0x86, url))))

export interface AnswerShape {
  readonly about: CertificateFacts
  readonly issuer: CertificateFacts
  readonly serial?: string
  readonly status?: 'good' | 'unknown' | {readonly at: Date; readonly reason?: number}
  readonly hash?: string
  readonly thisUpdate?: Date
  readonly nextUpdate?: Date | null
  readonly extensions?: readonly Uint8Array[]
}

export interface OcspShape {
  readonly by: Signer
  readonly answers: readonly AnswerShape[]
  readonly responder?: 'name' | 'key'
  readonly certificates?: readonly CertificateFacts[]
  readonly extensions?: readonly Uint8Array[]
  readonly hash?: string
}

const digest = (name: string, bytes: Uint8Array): Uint8Array => new Uint8Array(createHash(name).update(bytes).digest())

/** Octets of an elliptic curve key of 384 bits, which end its SubjectPublicKeyInfo. */
const POINT = 97
const keyOctets = ({spki}: CertificateFacts): Uint8Array => spki.subarray(spki.length - POINT)

function status(given: NonNullable<AnswerShape['status']>): Uint8Array {
  if (given === 'good') return der(0x80)
  if (given === 'unknown') return der(0x82)
  const {at, reason} = given
  return der(0xa1, generalizedTime(at), ...(reason === undefined ? [] : [der(0xa0, der(0x0a, Uint8Array.of(reason)))]))
}

function answer(shape: AnswerShape): Uint8Array {
  const {about, issuer, hash = 'sha1', thisUpdate = MADE, nextUpdate = DUE, extensions = []} = shape
  return der(
    0x30,
    der(
      0x30,
      der(0x30, oid(HASH_OIDS[hash]!), Uint8Array.of(5, 0)),
      der(0x04, digest(hash, issuer.subjectDer)),
      der(0x04, digest(hash, keyOctets(issuer))),
      integer(shape.serial ?? about.serial),
    ),
    status(shape.status ?? 'good'),
    generalizedTime(thisUpdate),
    ...(nextUpdate === null ? [] : [der(0xa0, generalizedTime(nextUpdate))]),
    ...(extensions.length > 0 ? [der(0xa1, der(0x30, ...extensions))] : []),
  )
}

/** An OCSP response (RFC 6960 §4.2.1). */
export function makeOcsp(shape: OcspShape): Uint8Array {
  const {by, answers, responder = 'name', certificates = [], extensions = [], hash = 'sha384'} = shape
  const body = der(
    0x30,
    responder === 'name' ? der(0xa1, by.facts.subjectDer) : der(0xa2, der(0x04, digest('sha1', keyOctets(by.facts)))),
    generalizedTime(MADE),
    der(0x30, ...answers.map(answer)),
    ...(extensions.length > 0 ? [der(0xa1, der(0x30, ...extensions))] : []),
  )
  const chain = certificates.length > 0 ? [der(0xa0, der(0x30, ...certificates.map(facts => facts.der)))] : []
  const basic = signedBy(by, body, hash, ...chain)
  return der(0x30, der(0x0a, Uint8Array.of(0)), der(0xa0, der(0x30, oid('1.3.6.1.5.5.7.48.1.1'), der(0x04, basic))))
}
