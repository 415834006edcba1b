/**
 * Whether a certificate was revoked, by the lists and OCSP responses at hand (RFC 5280 §6.3, RFC 6960 §3.2). Whatever
 * its issuer signed that names it revokes it, however old; that it is not revoked takes a complete and recent statement.
 */
import {equal} from '../../bits/index.js'
import type {CertificateFacts} from './certificate-facts.js'
import type {CrlFacts, Revocation} from './crl.js'
import type {OcspFacts} from './ocsp.js'
import {answersAbout, maySayRevoked, responderProblem} from './ocsp-responder.js'
import {isSignedBy, signatureWeaknesses} from './revocation-signer.js'
import {freshnessOf, type RevocationTimes} from './revocation-time.js'

/** Something that was read, and where from. */
export type Sourced<T> = T & {readonly source: string}

/** An OCSP response whose certificates were read as well. */
export type ReadOcsp = OcspFacts & {readonly responders: readonly CertificateFacts[]}

export interface RevocationSources {
  readonly lists: readonly Sourced<CrlFacts>[]
  readonly responses: readonly Sourced<ReadOcsp>[]
}

export type RevocationStatus =
  | (Revocation & {readonly kind: 'revoked'; readonly source: string})
  | {readonly kind: 'good'; readonly source: string}
  /** Good if it is recent, which takes a clock that somebody vouches for. */
  | {readonly kind: 'undated'; readonly source: string}
  | {readonly kind: 'unknown'; readonly code: UnknownStatus; readonly why: string; readonly source: string | undefined}
  /** Nobody says where its status can be learned, and nothing at hand is about it. */
  | {readonly kind: 'none'}

export type UnknownStatus =
  'nothing' | 'signer' | 'weak' | 'may-not-sign' | 'unusable' | 'incomplete' | 'stale' | 'not-yet' | 'answer'

type Status = Exclude<RevocationStatus, {kind: 'none'}>

const unknown = (code: UnknownStatus, why: string, source: string | undefined): Status => ({
  kind: 'unknown',
  code,
  why,
  source,
})

/** The certificate and the one that signed it. */
export interface Issued {
  readonly certificate: CertificateFacts
  readonly issuer: CertificateFacts
}

function dated(
  {thisUpdate, nextUpdate}: CrlFacts | OcspFacts['answers'][number],
  times: RevocationTimes,
  source: string,
) {
  const age = freshnessOf(thisUpdate, nextUpdate, times)
  if (age.kind === 'unknown') return unknown(age.code, age.why, source)
  return {kind: age.kind === 'fresh' ? ('good' as const) : ('undated' as const), source}
}

/** May a CA sign lists? A root without key usage may do anything (RFC 5280 §4.2.1.3). */
const maySignLists = ({keyUsage, selfIssued}: CertificateFacts): boolean =>
  keyUsage === undefined ? selfIssued : keyUsage.includes('cRLSign')

/** Is `certificate` among those the list is complete about? */
function covers({scope}: CrlFacts, {basicConstraints, crlUrls}: CertificateFacts): boolean {
  const {only, urls} = scope
  const kind = basicConstraints?.ca === true ? 'authorities' : 'users'
  if (only !== undefined && only !== kind) return false
  return urls === undefined || urls.some(url => crlUrls.includes(url))
}

function byList(list: Sourced<CrlFacts>, {certificate, issuer}: Issued, times: RevocationTimes): Status | undefined {
  const {source, unusable, incomplete, signed} = list
  if (!equal(list.issuerDer, certificate.issuerDer)) return undefined
  if (!isSignedBy(signed, issuer)) return unknown('signer', 'its issuer did not sign it', source)
  if (unusable !== undefined) return unknown('unusable', `${unusable} lists are not supported`, source)
  const revocation = list.revoked.get(certificate.serialNumber)
  if (revocation !== undefined) return {kind: 'revoked', ...revocation, source}
  // what is too weak to clear a certificate is not too weak to stop it
  const weak = signatureWeaknesses(signed, issuer)
  if (weak.length > 0) return unknown('weak', weak[0]!, source)
  if (!maySignLists(issuer)) return unknown('may-not-sign', 'the key of its issuer may not sign lists', source)
  if (incomplete.length > 0) return unknown('incomplete', incomplete[0]!, source)
  if (!covers(list, certificate)) return unknown('incomplete', 'it is about other certificates', source)
  return dated(list, times, source)
}

/** Status of a certificate by the lists alone. */
const byLists = ({lists}: RevocationSources, issued: Issued, times: RevocationTimes): Status[] =>
  lists.flatMap(list => byList(list, issued, times) ?? [])

function byResponse(
  response: Sourced<ReadOcsp>,
  issued: Issued,
  sources: RevocationSources,
  times: RevocationTimes,
): Status[] {
  const {source, unusable} = response
  const answers = answersAbout(response, issued)
  if (answers.length === 0) return []
  const revocation = answers.map(({status}) => status).find(status => typeof status === 'object')
  if (revocation !== undefined && unusable.length === 0 && maySayRevoked(response, issued.issuer))
    return [{kind: 'revoked', ...revocation, source}]
  const responderStatus = (certificate: CertificateFacts): RevocationStatus['kind'] =>
    worst(byLists(sources, {certificate, issuer: issued.issuer}, times))?.kind ?? 'none'
  const problem = responderProblem(response, issued.issuer, responderStatus, times)
  if (problem !== undefined) return [unknown(problem.code, problem.why, source)]
  if (unusable.length > 0) return [unknown('unusable', unusable[0]!, source)]
  return answers.map(answer => {
    if (answer.status === 'unknown') return unknown('answer', 'the responder does not know it', source)
    return answer.status === 'good' ? dated(answer, times, source) : {kind: 'revoked', ...answer.status, source}
  })
}

const ORDER: readonly Status['kind'][] = ['revoked', 'good', 'undated', 'unknown']

/** One statement of many: a revocation before everything else, then the best proof that there is none. */
const worst = (statuses: readonly Status[]): Status | undefined =>
  statuses.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))[0]

const CRL_DISTRIBUTION_POINTS = '2.5.29.31'

/** The issuer says where the certificate's status can be learned. */
const hasPointer = ({extensions, ocspUrls}: CertificateFacts): boolean =>
  ocspUrls.length > 0 || extensions.some(({oid}) => oid === CRL_DISTRIBUTION_POINTS)

/** Status of a certificate whose path to a trusted anchor has been verified. */
export function revocationStatus(issued: Issued, sources: RevocationSources, times: RevocationTimes): RevocationStatus {
  const found = worst([
    ...byLists(sources, issued, times),
    ...sources.responses.flatMap(response => byResponse(response, issued, sources, times)),
  ])
  if (found !== undefined) return found
  if (!hasPointer(issued.certificate)) return {kind: 'none'}
  return unknown('nothing', 'no list and no response about it was supplied', undefined)
}
