import {describe, expect, it} from 'vitest'
import {bundleFromJson, bundleToJson, importForeign, integrityFindings} from '../../src/evidence/index.js'

const PEM = (body: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(body).toString('base64')}\n-----END CERTIFICATE-----\n`
/** Two empty DER sequences of different content: enough for a container. */
const LEAF = new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x01])
const ROOT = new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x02])

const FOREIGN = {
  transcript: new Uint8Array([0x11, 0xe0]),
  certificates: PEM(LEAF) + PEM(ROOT),
  hash: 'sha384',
  asym: 'ecdsa-p384',
  collectedAt: '2026-11-21T12:00:00Z',
  bundleId: '00'.repeat(16),
  tool: 'test',
  source: 'report.bin',
}

describe('foreign evidence', () => {
  it('becomes a bundle that says where it is from and keeps the bytes', () => {
    const bundle = importForeign(FOREIGN)
    expect(bundle.manifest.provider.kind).toBe('file')
    expect(bundle.objects.get('measurements')).toEqual(FOREIGN.transcript)
    expect(integrityFindings(bundle)).toEqual([])
    expect(bundleFromJson(bundleToJson(bundle)).digest).toBe(bundle.digest)
  })

  it('is turned root first, as SPDM chains are', () => {
    const leafFirst = importForeign(FOREIGN).objects.get('cert0')!
    expect(leafFirst.slice(-10)).toEqual(new Uint8Array([...ROOT, ...LEAF]))
    const rootFirst = importForeign({...FOREIGN, order: 'root-first'}).objects.get('cert0')!
    expect(rootFirst.slice(-10)).toEqual(new Uint8Array([...LEAF, ...ROOT]))
  })

  it.each([
    ['an unknown hash', {hash: 'md5'}, 'usage'],
    ['a file without certificates', {certificates: 'nothing'}, 'malformed'],
    ['something else than certificates', {certificates: PEM(new Uint8Array([1, 2]))}, 'malformed'],
  ])('is refused for %s', (_, change, kind) => {
    expect(() => importForeign({...FOREIGN, ...change})).toThrow(expect.objectContaining({kind}))
  })
})
