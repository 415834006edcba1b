/** Evidence of the DMTF emulator under every kind of algorithm: appraisal verifies chain and measurements alike. */
import {describe, expect, it} from 'vitest'
import {concat, toHex} from '../../src/bits/index.js'
import {appraise, loadPolicy, type Policy} from '../../src/appraisal/index.js'
import {importForeign} from '../../src/evidence/index.js'
import {parseCertificateChain} from '../../src/spdm/index.js'
import {captures, exchangesOf, hasCaptures, linesOf, slotOf} from '../spdm/emulator-log.js'
import {flipped} from '../spdm/support.js'
import {sha384} from './forge.js'

const NOW = new Date('2026-11-21T12:00:10Z')
const HASH_SIZE: Readonly<Record<string, number>> = {sha256: 32, sha384: 48, sha512: 64}
const NEGOTIATION = ['GET_VERSION', 'GET_CAPABILITIES', 'NEGOTIATE_ALGORITHMS']

const pemOf = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`

function policyOf(root: Uint8Array): Policy {
  const document = {
    tsmctlPolicy: 1,
    name: 'emulator',
    anchors: {samples: [{label: 'sample root', certSha384: `sha384:${toHex(sha384(root))}`, file: 'root.pem'}]},
    rules: [
      {
        id: 'any',
        match: {san: 'ACME:*'},
        decision: 'review',
        anchors: ['samples'],
        identity: {mode: 'any-from-anchor'},
        measurements: {source: 'none'},
      },
    ],
  }
  return loadPolicy([{name: 'p', text: JSON.stringify(document)}], new Map([['root.pem', root]]), NOW)
}

async function checksOf(name: string, change = (bytes: Uint8Array) => bytes): Promise<Map<string, string>> {
  const facts = captures[name]!
  const exchanges = exchangesOf(linesOf(name))
  const of = (wanted: readonly string[]) =>
    concat(
      ...exchanges
        .filter(({request}) => wanted.includes(request.name))
        .slice(0, wanted.length)
        .flatMap(({request, response}) => [request.bytes, response.bytes]),
    )
  const size = HASH_SIZE[facts.base_hash]!
  const {certificates} = parseCertificateChain(slotOf(facts, 0, size).chain, size)
  const result = await appraise({
    bundle: importForeign({
      transcript: change(concat(of(NEGOTIATION), of(['GET_MEASUREMENTS']))),
      certificates: certificates.map(({der}) => pemOf(der)).join(''),
      order: 'root-first',
      hash: facts.base_hash,
      asym: 'taken from the negotiation',
      collectedAt: '2026-11-21T12:00:00Z',
      bundleId: '00'.repeat(16),
      tool: 'test',
      source: name,
    }),
    policy: policyOf(certificates[0]!.der),
    now: NOW,
    clockTrusted: false,
    mode: 'offline',
    built: new Date('2026-11-01T00:00:00Z'),
  })
  return new Map(result.results.map(({id, result: outcome}) => [id, outcome]))
}

const SKIPPED = ['spdm.chain.validity', 'spdm.chain.revocation']

describe.skipIf(!hasCaptures)('evidence of the DMTF emulator (shared test data)', () => {
  it.each(['sv12-sha256-p256', 's12-sha384-p384', 's13-sha256-p256-encfinish', 's14-mldsa65-mlkem768'])(
    '%s: chain and measurement signature verify',
    async name => {
      const checks = await checksOf(name)
      expect(checks.get('spdm.meas.signature')).toBe('pass')
      const chain = [...checks].filter(([id]) => id.startsWith('spdm.chain.') && !SKIPPED.includes(id))
      expect(chain.filter(([, outcome]) => outcome !== 'pass')).toEqual([])
      expect(chain.length).toBeGreaterThan(10)
    },
  )

  it.each(['s12-sha384-p384', 's14-mldsa65-mlkem768'])('%s: a changed signature does not', async name => {
    const checks = await checksOf(name, bytes => flipped(bytes, bytes.length * 8 - 100))
    expect(checks.get('spdm.meas.signature')).toBe('fail')
    expect(checks.get('spdm.chain.signatures')).toBe('pass')
  })
})
