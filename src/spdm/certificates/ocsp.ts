/** OCSP responses (RFC 6960 §4.2): what one says, short of who signed it and how old it is. */
import {toHex} from '../../bits/index.js'
import {digestAlgorithmOf} from './certificate-key.js'
import {reasonOf, type Revocation} from './crl.js'
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
  readWhole,
  TAG,
} from './der.js'
import {countOf, integerOf, oidOf, timeOf} from './der-values.js'
import {criticalBesides, extensionsOf} from './extensions.js'
import {type Signed, signedParts} from './signed.js'

const WHAT = 'OCSP response'

const PKIX_OCSP = '1.3.6.1.5.5.7.48.1'
const BASIC_RESPONSE = `${PKIX_OCSP}.1`
const NONCE = `${PKIX_OCSP}.2`

/** Names of OCSPResponseStatus besides 0, successful. */
const FAILURES: Readonly<Record<number, string>> = {
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized',
}

/** Whom a response is about: the certificate `serial` of an issuer that is known by digests of its name and key. */
export interface OcspAnswer {
  /** Of the two digests; the identifier when nobody here knows it. */
  readonly hash: string
  /** Lower-case hexadecimal. */
  readonly issuerName: string
  readonly issuerKey: string
  readonly serial: bigint
  readonly status: 'good' | 'unknown' | Revocation
  readonly thisUpdate: Date
  readonly nextUpdate: Date | undefined
}

export interface OcspFacts {
  readonly signed: Signed
  /** DER of the responder's name, or SHA-1 of its key, lower-case hexadecimal. */
  readonly responder: {readonly name: Uint8Array} | {readonly key: string}
  readonly answers: readonly OcspAnswer[]
  /** DER of the certificates that came along. */
  readonly certificates: readonly Uint8Array[]
  /** Why nothing of it can be used. */
  readonly unusable: readonly string[]
}

const explicit = (n: number): number => contextTag(n, true)

function responderOf(element: Der | undefined): OcspFacts['responder'] {
  if (element?.tag === explicit(1)) return {name: encodingOf(expectTag(onlyChildOf(element, WHAT), TAG.SEQUENCE, WHAT))}
  const key = onlyChildOf(expectTag(element, explicit(2), WHAT), WHAT)
  return {key: toHex(contentOf(expectTag(key, TAG.OCTET_STRING, WHAT)))}
}

/** CertStatus: its alternatives are told apart by tags 0 to 2. */
function statusOf(element: Der | undefined): OcspAnswer['status'] {
  if (element?.tag === contextTag(0, false)) return 'good'
  if (element?.tag === contextTag(2, false)) return 'unknown'
  const [time, reason, ...others] = childrenOf(expectTag(element, explicit(1), WHAT), WHAT)
  if (others.length > 0) throw malformed(WHAT, others[0]!.at, 'a time and a reason', 'more')
  return {
    at: timeOf(time, WHAT),
    reason: reason && reasonOf(onlyChildOf(expectTag(reason, explicit(0), WHAT), WHAT), WHAT),
  }
}

interface Read<T> {
  readonly value: T
  readonly critical: readonly string[]
}

function answerOf(element: Der): Read<OcspAnswer> {
  const [id, status, from, ...fields] = childrenOf(expectTag(element, TAG.SEQUENCE, WHAT), WHAT)
  const [algorithm, name, key, serial] = childrenOf(expectTag(id, TAG.SEQUENCE, WHAT), WHAT)
  const until = fields[0]?.tag === explicit(0) ? fields.shift() : undefined
  const extensions = fields[0]?.tag === explicit(1) ? fields.shift() : undefined
  if (fields.length > 0) throw malformed(WHAT, fields[0]!.at, 'the end of an answer', 'another field')
  return {
    value: {
      hash: digestAlgorithmOf(expectTag(algorithm, TAG.SEQUENCE, WHAT)),
      issuerName: toHex(contentOf(expectTag(name, TAG.OCTET_STRING, WHAT))),
      issuerKey: toHex(contentOf(expectTag(key, TAG.OCTET_STRING, WHAT))),
      serial: integerOf(expectTag(serial, TAG.INTEGER, WHAT), WHAT),
      status: statusOf(status),
      thisUpdate: timeOf(from, WHAT),
      nextUpdate: until && timeOf(onlyChildOf(until, WHAT), WHAT),
    },
    critical: criticalBesides(extensionsOf(extensions, WHAT), []),
  }
}

/** BasicOCSPResponse inside the outer envelope. */
function basicResponse(der: Uint8Array): Der {
  const [status, body, ...others] = childrenOf(expectTag(readWhole(der, WHAT), TAG.SEQUENCE, WHAT), WHAT)
  const code = countOf(expectTag(status, TAG.ENUMERATED, WHAT), WHAT)
  if (code !== 0) throw malformed(WHAT, status!.at, 'a successful response', FAILURES[code] ?? `status ${code}`)
  const [type, response, ...more] = childrenOf(onlyChildOf(expectTag(body, explicit(0), WHAT), WHAT), WHAT)
  if (others.length + more.length > 0) throw malformed(WHAT, 0, 'the end of the response', 'more')
  if (oidOf(type, WHAT) !== BASIC_RESPONSE) throw malformed(WHAT, type!.at, 'a basic response', oidOf(type, WHAT))
  const basic = readWhole(contentOf(expectTag(response, TAG.OCTET_STRING, WHAT)), WHAT)
  checkNesting(basic, WHAT)
  return basic
}

/** What the response `der` says. Throws DecodeError for anything that is not one successful basic response. */
export function ocspFacts(der: Uint8Array): OcspFacts {
  const parts = signedParts(basicResponse(new Uint8Array(der)), WHAT)
  const [certificates, ...others] = parts.rest
  if (others.length > 0) throw malformed(WHAT, others[0]!.at, 'the end of the response', 'more')
  const fields = childrenOf(parts.bodyElement, WHAT)
  const version = fields[0]?.tag === explicit(0) ? fields.shift() : undefined
  if (version !== undefined && countOf(expectTag(onlyChildOf(version, WHAT), TAG.INTEGER, WHAT), WHAT) !== 0)
    throw malformed(WHAT, version.at, 'version 1', 'another')
  const [responder, produced, list, extensions, ...more] = fields
  if (more.length > 0) throw malformed(WHAT, more[0]!.at, 'the end of the response', 'another field')
  timeOf(produced, WHAT)
  const answers = childrenOf(expectTag(list, TAG.SEQUENCE, WHAT), WHAT).map(answerOf)
  const all = extensionsOf(extensions && expectTag(extensions, explicit(1), WHAT), WHAT)
  const critical = [...criticalBesides(all, [NONCE]), ...answers.flatMap(answer => answer.critical)]
  const chain = certificates && onlyChildOf(expectTag(certificates, explicit(0), WHAT), WHAT)
  return {
    signed: parts,
    responder: responderOf(responder),
    answers: answers.map(({value}) => value),
    certificates: chain ? childrenOf(expectTag(chain, TAG.SEQUENCE, WHAT), WHAT).map(encodingOf) : [],
    unusable: critical.map(oid => `unknown critical extension ${oid}`),
  }
}
