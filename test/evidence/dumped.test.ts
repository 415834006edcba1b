/** What `device-evidence dump` writes: whole files of one generation make a bundle, everything else is refused. */
import {describe, expect, it} from 'vitest'
import {type DumpedEvidence, importDumped, integrityFindings} from '../../src/evidence/index.js'

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(1)
const text = (...lines: readonly string[]): Uint8Array => new Uint8Array(Buffer.from(lines.join('\n')))
const line = (type: string | number, length: number, generation = 7, received = length): string =>
  JSON.stringify({type, generation, length, received})

const dumped = (files: Record<string, Uint8Array>, extra: Partial<DumpedEvidence> = {}) =>
  importDumped({
    files: new Map(Object.entries(files)),
    hash: 'sha384',
    asym: 'ecdsa-p384',
    collectedAt: '2026-11-21T12:00:00Z',
    bundleId: '0f'.repeat(16),
    tool: 'test',
    source: 'dump/',
    ...extra,
  })

describe('dumped evidence', () => {
  it('is a bundle from a file, of the generation that the lines name', () => {
    const bundle = dumped({
      'cert2.bin': bytes(5),
      measurements: bytes(3),
      'vca.raw': bytes(0),
      'dump.log': text('device-evidence: reading', line('cert2', 5), line(9, 3), line('vca', 0), ''),
    })
    expect([...bundle.objects.keys()]).toEqual(['cert2', 'measurements'])
    expect(bundle.manifest).toMatchObject({
      provider: {kind: 'file', generation: 7},
      nonce: null,
      tdiState: 'unknown',
      spdm: {slot: 2},
    })
    expect(integrityFindings(bundle)).toEqual([])
  })

  it('has no generation without lines', () => {
    expect(dumped({report: bytes(1)}).manifest.provider.generation).toBeNull()
  })

  it('keeps the nonce as somebody else had drawn it', () => {
    const nonce = 'ab'.repeat(32)
    expect(dumped({report: bytes(1)}, {nonce}).manifest.nonce).toEqual({value: nonce, derivation: 'external'})
  })

  it.each<[string, Record<string, Uint8Array>, RegExp]>([
    ['nothing', {}, /no object/],
    ['only empty objects', {vca: bytes(0)}, /no object/],
    ['another file', {report: bytes(1), 'mesurements.bin': bytes(1)}, /"mesurements\.bin" is no file/],
    ['a ninth slot', {cert8: bytes(1)}, /"cert8"/],
    ['an object twice', {report: bytes(1), 'report.bin': bytes(1)}, /two files of report/],
    ['a part of what was announced', {report: bytes(3), 'x.json': text(line('report', 4, 7, 3))}, /3 of 4 bytes/],
    ['a file that was cut later', {report: bytes(3), 'x.json': text(line('report', 4))}, /file has 3 bytes/],
    ['a file too few', {report: bytes(3), 'x.json': text(line('vca', 4))}, /vca: the file has 0 bytes/],
    [
      'two generations',
      {report: bytes(3), vca: bytes(1), 'x.json': text(line('report', 3, 7), line('vca', 1, 8))},
      /generations 7, 8/,
    ],
    ['a type that does not exist', {report: bytes(3), 'x.json': text(line(11, 3))}, /line 1: type/],
    ['a line that is no JSON', {report: bytes(3), 'x.json': text('', '{')}, /line 2/],
    ['a line without generation', {report: bytes(3), 'x.json': text('{"type": "report"}')}, /generation/],
  ])('is refused: %s', (_, files, reason) => {
    expect(() => dumped(files)).toThrow(reason)
    expect(() => dumped(files)).toThrow(expect.objectContaining({kind: 'malformed'}))
  })
})
