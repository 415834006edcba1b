/** A torture set of certification paths: every case is judged as the set says, or it stands here why not. */
import {describe, expect, it} from 'vitest'
import {
  BASE_ASYM,
  type CertificateFacts,
  certificatesOfPem,
  type ChainProblem,
  chainProblems,
  connectionOf,
  crlFacts,
  digestOf,
  encodeCertificateChain,
  parseCertificateChain,
  parseVca,
  revocationStatus,
  rowNamed,
  validityProblems,
} from '../../src/spdm/index.js'
import {SHA384, vcaBytes} from './connection.js'
import {certificateFacts, hasData, textOf} from './support.js'

const FILE = 'x509-limbo/limbo.json'

interface Case {
  readonly id: string
  readonly trusted_certs: readonly string[]
  readonly untrusted_intermediates: readonly string[]
  readonly peer_certificate: string
  readonly validation_time: string | null
  readonly expected_result: 'SUCCESS' | 'FAILURE'
  readonly crls: readonly string[]
  readonly tsmctl_relevance: string
}

/**
 * What becomes of every case. `accepted` and `refused`, for the objection that is there for it, agree with the set. A
 * case is `stricter` where other verifiers find a way and this one does not look for any, and `outside` where it is
 * about rules that device certificates do not have.
 */
type Verdict = readonly ['accepted'] | readonly ['refused', ChainObjection] | readonly ['stricter' | 'outside', string]
type ChainObjection = ChainProblem['kind'] | 'not-yet' | 'expired' | 'unreadable'

const ACCEPTED: Verdict = ['accepted']
const refused = (by: ChainObjection): Verdict => ['refused', by]
/** The constraints are critical, and nobody here interprets them (RFC 5280 §4.2). */
const CONSTRAINED = refused('critical-extension')
const CONSTRAINTS_NOT_READ: Verdict = ['stricter', 'critical name constraints are refused, not interpreted']
const ONE_PATH: Verdict = ['stricter', 'a device serves one path, and no other is looked for']
const SERVER_NAME: Verdict = ['outside', 'names of web servers: a device is named by DMTF and PCI-SIG names']
const BROWSERS: Verdict = ['outside', 'a rule of browsers and their authorities']

const VERDICTS: Readonly<Record<string, Verdict>> = {
  'crl::certificate-serial-on-crl-different-issuer': ACCEPTED,
  'cve::cve-2024-0567': ONE_PATH,
  'cve::cve-2025-61727-nc-permits-variant': CONSTRAINED,
  'pathlen::validation-ignores-pathlen-in-leaf': ACCEPTED,
  'pathlen::max-chain-depth-1': ACCEPTED,
  'pathological::multiple-chains-expired-intermediate': ONE_PATH,
  'pathological::nc-dos-1': refused('unreadable'),
  'pathological::pathological-chain-distinct-subject-distinct-key': refused('unreadable'),
  'rfc5280::aki::self-signed-root-missing-aki': ACCEPTED,
  'rfc5280::eku::ee-without-eku': ACCEPTED,
  'rfc5280::eku::ee-eku-empty': refused('unreadable-extension'),
  'rfc5280::nc::permitted-dns-mismatch': CONSTRAINED,
  'rfc5280::nc::excluded-dns-match-second': CONSTRAINED,
  'rfc5280::nc::excluded-ipv4-match': CONSTRAINED,
  'rfc5280::nc::permitted-ipv6-match': CONSTRAINTS_NOT_READ,
  'rfc5280::nc::excluded-dn-match-sub-mismatch': CONSTRAINED,
  'rfc5280::nc::excluded-self-issued-leaf': CONSTRAINED,
  'rfc5280::nc::excluded-match-permitted-and-excluded': CONSTRAINED,
  'rfc5280::nc::invalid-dnsname-wildcard': CONSTRAINED,
  'rfc5280::nc::invalid-dnsname-leading-period': CONSTRAINED,
  'rfc5280::nc::invalid-ipv6-address': CONSTRAINED,
  'rfc5280::nc::not-allowed-in-ee-critical': CONSTRAINED,
  'rfc5280::nc::nc-permits-invalid-dns-san': CONSTRAINED,
  'rfc5280::nc::nc-permits-invalid-email-san': CONSTRAINED,
  'rfc5280::nc::nc-forbids-alternate-chain-ica': ONE_PATH,
  'rfc5280::nc::nc-permits-email-domain': CONSTRAINTS_NOT_READ,
  'rfc5280::nc::nc-permits-email-literal-asterisk-exact-match': CONSTRAINTS_NOT_READ,
  'rfc5280::nc::nc-permits-email-literal-double-asterisk': CONSTRAINTS_NOT_READ,
  'rfc5280::nc::nc-forbids-othername': CONSTRAINED,
  'rfc5280::san::noncritical-with-empty-subject': ['outside', 'no device is told by the subject of its certificate'],
  'rfc5280::san::underscore-dns': SERVER_NAME,
  'rfc5280::serial::too-long': refused('serial'),
  'rfc5280::serial::negative': refused('serial'),
  'rfc5280::validity::expired-intermediate': refused('expired'),
  'rfc5280::validity::notbefore-fractional': refused('not-yet'),
  'rfc5280::validity::expired-1-second': refused('expired'),
  'rfc5280::validity::not-yet-valid-1-second': refused('not-yet'),
  'rfc5280::ee-empty-issuer': refused('issuer-name'),
  // the intermediate is not served either
  'rfc5280::intermediate-ca-missing-basic-constraints': refused('signature'),
  'rfc5280::root-inconsistent-ca-extensions': refused('no-cert-sign'),
  'rfc5280::ee-aia': ACCEPTED,
  'rfc5280::no-keyusage': ACCEPTED,
  'webpki::aki::root-with-aki-authoritycertserialnumber': BROWSERS,
  'webpki::cn::ipv4-hex-mismatch': SERVER_NAME,
  'webpki::cn::ipv6-uppercase-mismatch': SERVER_NAME,
  'webpki::cn::utf8-vs-punycode-mismatch': SERVER_NAME,
  'webpki::cn::not-in-san': SERVER_NAME,
  'webpki::cn::case-mismatch': SERVER_NAME,
  'webpki::eku::ee-without-eku': BROWSERS,
  'webpki::nc::permitted-dns-match-noncritical': ACCEPTED,
  'webpki::nc::intermediate-permitted-excluded-subtrees-both-null': CONSTRAINED,
  'webpki::nc::intermediate-permitted-excluded-subtrees-both-empty-sequences': CONSTRAINED,
  'webpki::nc::nc-permits-dns-san-pattern': CONSTRAINTS_NOT_READ,
  'webpki::san::exact-dns-san': ACCEPTED,
  'webpki::san::mismatch-subdomain-apex-san': SERVER_NAME,
  'webpki::san::public-suffix-wildcard-san': SERVER_NAME,
  'webpki::san::public-suffix-multi-label-wildcard-san': SERVER_NAME,
  'webpki::san::wildcard-match-across-labels-san': SERVER_NAME,
  'webpki::san::wildcard-embedded-ulabel-san': SERVER_NAME,
  'webpki::san::no-san': SERVER_NAME,
  'webpki::forbidden-weak-rsa-key-in-root': refused('weak'),
  'webpki::forbidden-rsa-key-not-divisible-by-8-in-leaf': refused('weak'),
}

/** Rules of SPDM's leaves, which these leaves of web servers need not keep. */
const OF_LEAVES: readonly ChainProblem['kind'][] = [
  'ca',
  'key-usage',
  'extended-key-usage',
  'key-algorithm',
  'basic-constraints',
]

/** When a case does not say: half-way through the leaf's life. */
const midLife = ({notBefore, notAfter}: CertificateFacts): Date =>
  new Date((notBefore.getTime() + notAfter.getTime()) / 2)

function problemsOf({trusted_certs, untrusted_intermediates, peer_certificate, validation_time}: Case): string[] {
  const [root, ...below] = [trusted_certs[0]!, ...untrusted_intermediates, peer_certificate].flatMap(certificatesOfPem)
  const bytes = encodeCertificateChain(digestOf(SHA384, root!), [root!, ...below])
  // too many certificates are refused before one of them is read
  const chain = parseCertificateChain(bytes, SHA384.size)
  const certificates = chain.certificates.map(({der}) => certificateFacts(der))
  const [anchor] = certificates
  const now = validation_time === null ? midLife(certificates.at(-1)!) : new Date(validation_time)
  const connection = {...connectionOf(parseVca(vcaBytes({version: 0x12}))), asym: rowNamed(BASE_ASYM, 'ecdsa-p256')}
  const found = chainProblems({chain, certificates, connection, anchor: {spki: anchor!.spki, certificate: anchor!}})
  return [
    ...found.filter(({kind}) => !OF_LEAVES.includes(kind)),
    ...validityProblems(certificates, 'strict', {now, built: now}),
  ].map(({kind}) => kind)
}

/** What speaks against a case. */
function objections(given: Case): string[] {
  try {
    return problemsOf(given)
  } catch (error) {
    expect((error as Error).name).toBe('DecodeError')
    return ['unreadable']
  }
}

describe.skipIf(!hasData(FILE))('certification paths (shared test data)', () => {
  const cases = hasData(FILE) ? (JSON.parse(textOf(FILE)) as {testcases: Case[]}).testcases : []

  it.each(cases)('$id: $expected_result', given => {
    const [verdict, why] = VERDICTS[given.id] ?? []
    const found = objections(given)
    const agrees = given.expected_result === (found.length > 0 ? 'FAILURE' : 'SUCCESS')
    switch (verdict) {
      case 'accepted':
      case 'refused':
        expect(agrees).toBe(true)
        if (verdict === 'refused') expect(found).toContain(why)
        break
      case 'stricter':
        expect([given.expected_result, found.length > 0]).toEqual(['SUCCESS', true])
        break
      case 'outside':
        expect([given.expected_result, found]).toEqual(['FAILURE', []])
        // rules of paths are never outside
        expect(given.tsmctl_relevance).not.toBe('chain-generic')
        break
      default:
        expect.unreachable(`${given.id} is in no list`)
    }
  })

  it('are all there, and no other is listed', () => {
    expect(cases.map(({id}) => id).toSorted()).toEqual(Object.keys(VERDICTS).toSorted())
  })

  it('a list of another issuer with the same serial number says nothing', () => {
    const [given] = cases.filter(({crls}) => crls.length > 0)
    const [issuer] = certificatesOfPem(given!.trusted_certs[0]!).map(certificateFacts)
    const [certificate] = certificatesOfPem(given!.peer_certificate).map(certificateFacts)
    const lists = given!.crls.map(pem => ({...crlFacts(derOf(pem)), source: 'a list'}))
    expect(lists.some(({revoked}) => revoked.has(certificate!.serialNumber))).toBe(true)
    const now = new Date(given!.validation_time!)
    const status = revocationStatus(
      {certificate: certificate!, issuer: issuer!},
      {lists, responses: []},
      {now, clockTrusted: true, floor: new Date(0)},
    )
    expect(status.kind).not.toBe('revoked')
  })
})

/** Content of a PEM file with one block. */
const derOf = (pem: string): Uint8Array => new Uint8Array(Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ''), 'base64'))
