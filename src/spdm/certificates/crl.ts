/** Certificate revocation lists (RFC 5280 §5): what one says, short of who signed it and how old it is. */
import {
  checkNesting,
  childrenOf,
  contentOf,
  contextTag,
  type Der,
  encodingOf,
  expectTag,
  malformed,
  onlyChildOf,
  readDer,
  readWhole,
  TAG,
} from './der.js'
import {countOf, integerOf, isTime, timeOf} from './der-values.js'
import {criticalBesides, extensionList, extensionsOf, type RawExtension, repeatedOids} from './extensions.js'
import {expectSameAlgorithm, type Signed, signedParts} from './signed.js'

const WHAT = 'Certificate revocation list'

const OID = {
  issuerAltName: '2.5.29.18',
  crlNumber: '2.5.29.20',
  reasonCode: '2.5.29.21',
  invalidityDate: '2.5.29.24',
  deltaCrlIndicator: '2.5.29.27',
  issuingDistributionPoint: '2.5.29.28',
  certificateIssuer: '2.5.29.29',
  authorityKeyId: '2.5.29.35',
} as const

const OF_LIST: readonly string[] = [
  OID.issuerAltName,
  OID.crlNumber,
  OID.deltaCrlIndicator,
  OID.issuingDistributionPoint,
  OID.authorityKeyId,
]
const OF_ENTRY: readonly string[] = [OID.reasonCode, OID.invalidityDate, OID.certificateIssuer]

/** Names of CRLReason (RFC 5280 §5.3.1). */
const REASONS: Readonly<Record<number, string>> = {
  0: 'unspecified',
  1: 'keyCompromise',
  2: 'cACompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  6: 'certificateHold',
  8: 'removeFromCRL',
  9: 'privilegeWithdrawn',
  10: 'aACompromise',
}

/** Name of the CRLReason an ENUMERATED element states. */
export function reasonOf(element: Der | undefined, what: string): string {
  const code = countOf(expectTag(element, TAG.ENUMERATED, what), what)
  return REASONS[code] ?? `reason ${code}`
}

export interface Revocation {
  readonly at: Date
  /** Name of the reason, where one is given. */
  readonly reason: string | undefined
}

/** Which certificates of its issuer a list is about (RFC 5280 §5.2.5). */
export interface CrlScope {
  readonly only: 'users' | 'authorities' | 'attributes' | undefined
  /** URLs of the distribution point the list is for; undefined when it is for all. */
  readonly urls: readonly string[] | undefined
}

export interface CrlFacts {
  readonly signed: Signed
  readonly issuerDer: Uint8Array
  readonly thisUpdate: Date
  readonly nextUpdate: Date | undefined
  readonly scope: CrlScope
  /** Entries may be about certificates of other issuers, or only say what changed: then nothing of it is used. */
  readonly unusable: 'delta' | 'indirect' | undefined
  /** Why it cannot show that a certificate is not revoked, although what it lists is revoked. */
  readonly incomplete: readonly string[]
  /** By serial number. */
  readonly revoked: ReadonlyMap<bigint, Revocation>
}

const URL = contextTag(6, false)
const FULL_NAME = contextTag(0, true)

/** The distribution point of an IssuingDistributionPoint: names of other kinds than URLs match nothing. */
function urlsOf(point: Der): string[] {
  const name = onlyChildOf(point, WHAT)
  if (name.tag !== FULL_NAME) return []
  return childrenOf(name, WHAT).flatMap(general =>
    general.tag === URL ? [Buffer.from(contentOf(general)).toString('latin1')] : [],
  )
}

interface Point extends CrlScope {
  readonly indirect: boolean
  readonly someReasons: boolean
}

const POINT = contextTag(0, true)
const ONLY = {users: 1, authorities: 2, attributes: 5} as const
const SOME_REASONS = contextTag(3, false)
const INDIRECT = contextTag(4, false)

function issuingPoint(found: RawExtension | undefined): Point {
  if (found === undefined) return {only: undefined, urls: undefined, indirect: false, someReasons: false}
  const fields = childrenOf(expectTag(readWhole(found.value, WHAT), TAG.SEQUENCE, WHAT), WHAT)
  const byTag = new Map(fields.map(field => [field.tag, field]))
  const tags = [POINT, SOME_REASONS, INDIRECT, ...Object.values(ONLY).map(n => contextTag(n, false))]
  if (byTag.size !== fields.length || fields.some(({tag}) => !tags.includes(tag)))
    throw malformed(WHAT, 0, 'an issuing distribution point', 'another field, or one twice')
  const flag = (tag: number): boolean => {
    const field = byTag.get(tag)
    return field !== undefined && contentOf(field).some(octet => octet !== 0)
  }
  const only = (Object.keys(ONLY) as (keyof typeof ONLY)[]).filter(kind => flag(contextTag(ONLY[kind], false)))
  if (only.length > 1) throw malformed(WHAT, 0, 'one kind of certificates', only.join(' and '))
  const point = byTag.get(POINT)
  return {
    only: only[0],
    urls: point && urlsOf(point),
    indirect: flag(INDIRECT),
    someReasons: byTag.has(SOME_REASONS),
  }
}

interface Entries {
  readonly revoked: ReadonlyMap<bigint, Revocation>
  readonly unknown: readonly string[]
  /** An entry names another issuer. */
  readonly foreign: boolean
}

const NO_ENTRIES: Entries = {revoked: new Map(), unknown: [], foreign: false}

function entriesOf(list: Der): Entries {
  const revoked = new Map<bigint, Revocation>()
  const unknown = new Set<string>()
  let foreign = false
  for (let at = list.start; at < list.end;) {
    const entry = expectTag(readDer(list.source, at, list.end, WHAT), TAG.SEQUENCE, WHAT)
    const [serial, time, extensions, ...others] = childrenOf(entry, WHAT)
    if (others.length > 0) throw malformed(WHAT, others[0]!.at, 'the end of an entry', 'another element')
    const all = extensionList(extensions, WHAT)
    const reason = all.find(({oid}) => oid === OID.reasonCode)
    for (const oid of criticalBesides(all, OF_ENTRY)) unknown.add(oid)
    foreign ||= all.some(({oid}) => oid === OID.certificateIssuer)
    revoked.set(integerOf(expectTag(serial, TAG.INTEGER, WHAT), WHAT), {
      at: timeOf(time, WHAT),
      reason: reason && reasonOf(readWhole(reason.value, WHAT), WHAT),
    })
    at = entry.end
  }
  return {revoked, unknown: [...unknown], foreign}
}

const VERSION_2 = 1
const EXTENSIONS = contextTag(0, true)

/** What the list `der` says. Throws DecodeError for anything that is not one list of version 2 in strict DER. */
export function crlFacts(der: Uint8Array): CrlFacts {
  const whole = readWhole(new Uint8Array(der), WHAT)
  checkNesting(whole, WHAT)
  const parts = signedParts(whole, WHAT)
  if (parts.rest.length > 0) throw malformed(WHAT, parts.rest[0]!.at, 'three parts', 'more')
  const [version, inner, issuer, from, ...fields] = childrenOf(parts.bodyElement, WHAT)
  if (countOf(expectTag(version, TAG.INTEGER, WHAT), WHAT) !== VERSION_2)
    throw malformed(WHAT, version!.at, 'version 2', 'another')
  expectSameAlgorithm(parts, inner, WHAT)
  const until = fields[0] && isTime(fields[0]) ? fields.shift() : undefined
  const list = fields[0]?.tag === TAG.SEQUENCE ? fields.shift() : undefined
  const extensions = fields[0]?.tag === EXTENSIONS ? fields.shift() : undefined
  if (fields.length > 0) throw malformed(WHAT, fields[0]!.at, 'the end of the list', 'another field')
  const all = extensionsOf(extensions, WHAT)
  const repeated = repeatedOids(all)
  if (repeated.length > 0) throw malformed(WHAT, whole.at, 'every extension once', `${repeated.join(', ')} twice`)
  const {indirect, someReasons, ...scope} = issuingPoint(all.find(({oid}) => oid === OID.issuingDistributionPoint))
  const {revoked, unknown, foreign} = list === undefined ? NO_ENTRIES : entriesOf(list)
  const isDelta = all.some(({oid}) => oid === OID.deltaCrlIndicator)
  return {
    signed: parts,
    issuerDer: encodingOf(expectTag(issuer, TAG.SEQUENCE, WHAT)),
    thisUpdate: timeOf(from, WHAT),
    nextUpdate: until && timeOf(until, WHAT),
    scope,
    unusable: isDelta ? 'delta' : indirect || foreign ? 'indirect' : undefined,
    incomplete: [
      ...(someReasons ? ['it is about some reasons only'] : []),
      ...[...criticalBesides(all, OF_LIST), ...unknown].map(oid => `unknown critical extension ${oid}`),
    ],
    revoked,
  }
}
