/**
 * Facts of one X.509 certificate (RFC 5280). The library that reads names and extensions takes 30 ms to load and is only
 * needed where certificates are looked at, so this module is loaded on demand: `loadCertificateReader()`.
 */
import 'reflect-metadata'
import {createHash} from 'node:crypto'
import {
  AuthorityInfoAccessExtension,
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  CRLDistributionPointsExtension,
  ExtendedKeyUsageExtension,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
} from '@peculiar/x509'
import {DecodeError, equal, toHex} from '../../bits/index.js'
import {printable} from '../../errors.js'
import {bitsOf} from '../algorithms.js'
import type {CertificateFacts, KeyUsage} from './certificate-facts.js'
import {keyFacts, signatureFacts, weaknessesOf} from './certificate-key.js'
import {
  checkNesting,
  childrenOf,
  contentOf,
  contextTag,
  type Der,
  encodingOf,
  expectTag,
  malformed,
  readWhole,
  TAG,
} from './der.js'
import {extensionsOf, type RawExtension, repeatedOids} from './extensions.js'
import {diceContent, type DiceExtension, isDiceOid} from './dice.js'
import {countOf, integerOf} from './der-values.js'
import {Remembered} from './remembered.js'
import {CMA_NAME_OID, deviceInfoOf, DMTF_OID, dmtfExtensionOids, type OtherName, otherNamesOf} from './subject-names.js'

const WHAT = 'Certificate'

const OID = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
} as const

const INTERPRETED: readonly string[] = [...Object.values(OID), ...Object.values(DMTF_OID)]

/** Names of KeyUsage in bit order. */
const KEY_USAGES: readonly KeyUsage[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
]

const EXTENSIONS = contextTag(3, true)

interface Parts {
  /** Of X.509: 1, 2 or 3. */
  readonly version: number
  readonly serial: Der
  readonly issuer: Der
  readonly subject: Der
  readonly spki: Der
  readonly algorithm: Der
  readonly extensions: readonly RawExtension[]
}

/** Version field, which counts from 0. */
function versionOf(field: Der): number {
  const [value] = childrenOf(field, WHAT)
  return countOf(expectTag(value, TAG.INTEGER, WHAT), WHAT) + 1
}

/** The parts of a certificate as they were encoded: what is compared and hashed must be these very bytes. */
function partsOf(der: Uint8Array): Parts {
  const certificate = expectTag(readWhole(der, WHAT), TAG.SEQUENCE, WHAT)
  checkNesting(certificate, WHAT)
  const [tbs, algorithm, , ...others] = childrenOf(certificate, WHAT)
  if (others.length > 0) throw malformed(WHAT, others[0]!.at, 'three parts', 'more')
  const fields = childrenOf(expectTag(tbs, TAG.SEQUENCE, WHAT), WHAT)
  const from = fields[0]?.tag === contextTag(0, true) ? 1 : 0
  const [serial, inner, issuer, , subject, spki] = fields.slice(from)
  const outer = expectTag(algorithm, TAG.SEQUENCE, WHAT)
  if (!equal(encodingOf(outer), encodingOf(expectTag(inner, TAG.SEQUENCE, WHAT))))
    throw malformed(WHAT, outer.at, 'one signature algorithm', 'two different ones')
  return {
    version: from === 0 ? 1 : versionOf(fields[0]!),
    serial: expectTag(serial, TAG.INTEGER, WHAT),
    issuer: expectTag(issuer, TAG.SEQUENCE, WHAT),
    subject: expectTag(subject, TAG.SEQUENCE, WHAT),
    spki: expectTag(spki, TAG.SEQUENCE, WHAT),
    algorithm: outer,
    extensions: extensionsOf(
      fields.find(({tag}) => tag === EXTENSIONS),
      WHAT,
    ),
  }
}

const sha384 = (bytes: Uint8Array): string => createHash('sha384').update(bytes).digest('hex')

function parse(der: Uint8Array): X509Certificate {
  try {
    const certificate = new X509Certificate(der)
    // names and dates are parsed on first use: provoke that here
    void [certificate.subject, certificate.issuer, certificate.notBefore, certificate.notAfter]
    return certificate
  } catch (error) {
    throw malformed(WHAT, 0, 'an X.509 certificate', printable((error as Error).message, 200))
  }
}

type Unreadable = {readonly oid: string; readonly why: string}[]

/** Reads extensions one by one, so that a broken one is reported and the others remain readable. */
const extensionReader =
  (all: readonly RawExtension[], unreadable: Unreadable) =>
  <T>(oid: string, read: (extension: RawExtension) => T): T | undefined => {
    const found = all.find(extension => extension.oid === oid)
    if (found === undefined) return undefined
    try {
      checkNesting(readWhole(found.value, WHAT), WHAT)
      return read(found)
    } catch (error) {
      const why = error instanceof DecodeError ? error.message : printable((error as Error).message, 200)
      unreadable.push({oid, why})
      return undefined
    }
  }

/** Nothing is allowed by naming nothing: the list has at least one member (RFC 5280 §4.2.1.12). */
function someOf<T>(usages: readonly T[]): readonly T[] {
  if (usages.length === 0) throw malformed(WHAT, 0, 'a use of the key', 'none')
  return usages
}

const NO_EXPIRY = Date.UTC(9999, 11, 31, 23, 59, 59)

const textOf = (names: readonly OtherName[], oid: string): string | undefined =>
  names.find(name => name.oid === oid)?.text

const lower = (hex: string | undefined): string | undefined => hex?.toLowerCase()

/** URLs of distribution points and access descriptions that have any. */
const urls = (values: readonly (string | undefined)[]): string[] => values.filter(value => value !== undefined)

const known = new Remembered<CertificateFacts>(256)

/**
 * Facts of the certificate `der`. Throws DecodeError for anything that is not one strict-DER X.509 certificate; single
 * extensions that cannot be read are listed in `unreadable`.
 */
export const certificateFacts = (der: Uint8Array): CertificateFacts => known.of([der], () => factsOf(der))

function factsOf(input: Uint8Array): CertificateFacts {
  const der = new Uint8Array(input)
  const parts = partsOf(der)
  const certificate = parse(der)
  const all = parts.extensions
  const unreadable: Unreadable = []
  const read = extensionReader(all, unreadable)

  const basic = read(OID.basicConstraints, ({raw}) => new BasicConstraintsExtension(raw))
  const usage = read(OID.keyUsage, ({raw}) => new KeyUsagesExtension(raw).usages)
  const extended = read(OID.extendedKeyUsage, ({raw}) => someOf(new ExtendedKeyUsageExtension(raw).usages))
  const authority = read(OID.authorityKeyId, ({raw}) => new AuthorityKeyIdentifierExtension(raw))
  const subjectKey = read(OID.subjectKeyId, ({raw}) => new SubjectKeyIdentifierExtension(raw))
  const crls = read(OID.crlDistributionPoints, ({raw}) =>
    new CRLDistributionPointsExtension(raw).distributionPoints.flatMap(point =>
      (point.distributionPoint?.fullName ?? []).map(name => name.uniformResourceIdentifier),
    ),
  )
  const ocsp = read(OID.authorityInfoAccess, ({raw}) =>
    new AuthorityInfoAccessExtension(raw).ocsp.map(name => (name.type === 'url' ? name.value : undefined)),
  )
  const otherNames = read(OID.subjectAltName, ({value}) => otherNamesOf(value)) ?? []
  const wrapped = read(DMTF_OID.extension, ({value}) => dmtfExtensionOids(value)) ?? []

  const oids = all.map(({oid}) => oid)
  const direct = oids.filter(oid => oid === DMTF_OID.hardwareIdentity || oid === DMTF_OID.mutableCertificate)
  const dmtfOids = [...wrapped, ...direct]
  const dice: DiceExtension[] = all
    .filter(({oid}) => isDiceOid(oid))
    .map(({oid, critical, value}) => ({oid, critical, content: diceContent(oid, value)}))
  const understood = new Set(dice.filter(({content}) => content.kind !== 'not-understood').map(({oid}) => oid))
  const spki = encodingOf(parts.spki)
  const key = keyFacts(spki)
  const signature = signatureFacts(parts.algorithm)
  const deviceInfoText = textOf(otherNames, DMTF_OID.deviceInfo)

  return {
    der,
    sha384: sha384(der),
    spkiSha384: sha384(spki),
    subject: certificate.subject,
    issuer: certificate.issuer,
    subjectDer: encodingOf(parts.subject),
    issuerDer: encodingOf(parts.issuer),
    selfIssued: equal(encodingOf(parts.subject), encodingOf(parts.issuer)),
    version: parts.version,
    serial: toHex(contentOf(parts.serial)),
    serialNumber: integerOf(parts.serial, WHAT),
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    noExpiry: certificate.notAfter.getTime() === NO_EXPIRY,
    spki,
    key,
    signature,
    weaknesses: weaknessesOf(key, signature),
    basicConstraints: basic && {ca: basic.ca, pathLength: basic.pathLength},
    keyUsage: usage === undefined ? undefined : bitsOf(usage).flatMap(bit => KEY_USAGES[bit] ?? []),
    extendedKeyUsage: extended?.map(String),
    authorityKeyId: lower(authority?.keyId),
    subjectKeyId: lower(subjectKey?.keyId),
    extensions: all.map(({oid, critical}) => ({oid, critical})),
    unknownCritical: all
      .filter(({oid, critical}) => critical && !INTERPRETED.includes(oid) && !understood.has(oid))
      .map(({oid}) => oid),
    duplicateExtensions: repeatedOids(all),
    unreadable,
    crlUrls: urls(crls ?? []),
    ocspUrls: urls(ocsp ?? []),
    otherNames,
    deviceInfo: deviceInfoText === undefined ? undefined : deviceInfoOf(deviceInfoText),
    deviceInfoText,
    cmaName: textOf(otherNames, CMA_NAME_OID),
    dmtfOids,
    hardwareIdentity: dmtfOids.includes(DMTF_OID.hardwareIdentity),
    mutableCertificate: dmtfOids.includes(DMTF_OID.mutableCertificate),
    dice,
  }
}
