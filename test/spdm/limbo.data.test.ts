/** A torture set of certification paths: nothing that must fail passes; what passes elsewhere may be refused here. */
import {describe, expect, it} from 'vitest'
import {
  BASE_ASYM,
  type CertificateFacts,
  certificatesOfPem,
  type ChainProblem,
  chainProblems,
  connectionOf,
  digestOf,
  encodeCertificateChain,
  parseCertificateChain,
  parseVca,
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
  readonly tsmctl_relevance: string
}

/** SPDM serves one path, and nobody searches others; critical name constraints are not interpreted, and so refused. */
const REFUSED = /^(rfc5280::nc::|cve::cve-2024-0567$|pathological::multiple-chains)/

/** Rules of SPDM's leaves, which these leaves of web servers need not keep. */
const OF_LEAVES: readonly ChainProblem['kind'][] = [
  'ca',
  'key-usage',
  'extended-key-usage',
  'key-algorithm',
  'basic-constraints',
]

const read = (pem: string): CertificateFacts[] => certificatesOfPem(pem).map(certificateFacts)

/** When a case does not say: half-way through the leaf's life. */
const midLife = ({notBefore, notAfter}: CertificateFacts): Date =>
  new Date((notBefore.getTime() + notAfter.getTime()) / 2)

function problemsOf({trusted_certs, untrusted_intermediates, peer_certificate, validation_time}: Case): string[] {
  const [root] = trusted_certs.flatMap(read)
  const certificates = [root!, ...untrusted_intermediates.flatMap(read), ...read(peer_certificate)]
  const rootHash = digestOf(SHA384, root!.der)
  const bytes = encodeCertificateChain(
    rootHash,
    certificates.map(({der}) => der),
  )
  const now = validation_time === null ? midLife(certificates.at(-1)!) : new Date(validation_time)
  const connection = {...connectionOf(parseVca(vcaBytes({version: 0x12}))), asym: rowNamed(BASE_ASYM, 'ecdsa-p256')}
  const found = chainProblems({
    chain: parseCertificateChain(bytes, SHA384.size),
    certificates,
    connection,
    anchor: {spki: root!.spki, certificate: root!},
  })
  return [
    ...found.filter(({kind}) => !OF_LEAVES.includes(kind)),
    ...validityProblems(certificates, 'strict', {now, built: now}),
  ].map(({kind}) => kind)
}

/** Refused, by a rule or because it cannot be read at all. */
function isRefused(given: Case): boolean {
  try {
    return problemsOf(given).length > 0
  } catch (error) {
    expect((error as Error).name).toBe('DecodeError')
    return true
  }
}

describe.skipIf(!hasData(FILE))('certification paths (shared test data)', () => {
  const all = hasData(FILE) ? (JSON.parse(textOf(FILE)) as {testcases: Case[]}).testcases : []
  const cases = all.filter(({tsmctl_relevance}) => tsmctl_relevance === 'chain-generic')

  it.each(cases)('$id: $expected_result', given => {
    const mustFail = given.expected_result === 'FAILURE' || REFUSED.test(given.id)
    expect(isRefused(given)).toBe(mustFail)
  })

  it('are enough to mean something', () => {
    expect(cases.length).toBeGreaterThan(25)
  })
})
