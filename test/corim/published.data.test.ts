/** Published CoRIM files against what their project expects of them (skipped where ../shared/data is absent). */
import {existsSync, readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {describe, expect, it} from 'vitest'
import {readCorim} from '../../src/corim/corim.js'
import {readConciseEvidence} from '../../src/corim/evidence.js'

const DATA = fileURLToPath(new URL('../../../shared/data/corim/', import.meta.url))

interface Entry {
  readonly file: string
  readonly expected?: {readonly accept?: boolean; readonly top_tag?: number | null}
}
const ENTRIES: readonly Entry[] = existsSync(DATA)
  ? JSON.parse(readFileSync(`${DATA}MANIFEST.json`, 'utf8')).entries
  : []
const FILES = ENTRIES.filter(({file}) => file.endsWith('.cbor'))
const bytesOf = (file: string): Uint8Array => new Uint8Array(readFileSync(DATA + file))

const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex')

/** What stands against using the first triple of the file; undefined where it has no reference values. */
const FIRST: Readonly<Record<string, readonly RegExp[] | undefined>> = {
  'corim-corim-1.cbor': [/class-id/, /version/],
  'corim-signed-good-corim.cbor': [/class-id/, /not the index/, /not the index/, /not the index/],
  'corim-unsigned-good-corim.cbor': [/class-id/, /not the index/, /not the index/, /not the index/],
  'comid-comid-1.cbor': [/class-id/, /version/],
  'comid-comid-3.cbor': [/class-id/, /not the index/, /not the index/, /not the index/],
  'comid-comid-firmware-cd.cbor': [],
  'comid-comid-flags.cbor': undefined,
  'comid-comid-integrity-registers.cbor': [/class-id/, /registered/, /registered/],
  'comid-comid-raw-value.cbor': [/class-id/],
  'profiles-tdx-comid_seam_refval.cbor': [/class-id/, /-82/, /-85/, /-73/, /-83/, /-84/, /-86/, /authorized-by/],
  'profiles-cca-cca-realm-invalid-rim-size.cbor': [/class-id/, /not the index/],
  'profiles-cca-cca-realm-valid.cbor': [/class-id/, ...Array.from({length: 6}, () => /not the index/)],
}

describe.skipIf(FILES.length === 0)('published CoRIM files (skipped where ../shared/data is absent)', () => {
  it.each(FILES.filter(({file}) => !file.startsWith('coev')))('$file', ({file, expected}) => {
    const {signed, tags, remarks} = readCorim(bytesOf(file))
    expect(signed !== null).toBe(expected!.top_tag === 18)
    const found = tags[0]!.references[0]?.remarks
    const wanted = FIRST[file]
    expect(found?.length).toBe(wanted?.length)
    for (const [i, pattern] of (wanted ?? []).entries()) expect(found![i]).toMatch(pattern)
    // the size of this value breaks a rule of its profile; profiles are refused as a whole
    if (expected!.accept === false) expect(remarks).toEqual(['profile is not evaluated'])
  })

  it('digests, versions and raw values are those of the diagnostic notation', () => {
    const firmware = readCorim(bytesOf('comid-comid-firmware-cd.cbor')).tags[0]!.references
    expect(firmware.map(({environment}) => environment.class)).toMatchObject([
      {vendor: 'fwmfginc.example', model: 'fwY_n5x', layer: 0, index: 0},
      {vendor: 'fwmfginc.example', model: 'fwX_n5x', layer: 1, index: 0},
    ])
    const [{mval}] = firmware[0]!.measurements as [(typeof firmware)[number]['measurements'][number]]
    expect(mval.svn).toEqual({kind: 'exact', value: 1})
    expect(Buffer.from(mval.digests![0]!.value).toString('hex')).toMatch(/^15e77d6f.*d7b8f815$/)
    const raw = readCorim(bytesOf('comid-comid-raw-value.cbor')).tags[0]!.references
    expect(
      raw.map(({measurements: [one]}) => {
        const {'raw-value': value, 'raw-value-mask': mask} = one!.mval
        return [hex(value!.value), hex(value!.mask ?? mask)]
      }),
    ).toEqual([
      ['12345678', undefined],
      ['12340000', 'ffff0000'],
      ['12340000', 'ffff0000'],
    ])
    const {mval: registers} = readCorim(bytesOf('comid-comid-integrity-registers.cbor')).tags[0]!.references[0]!
      .measurements[0]!
    expect(registers['integrity-registers']!.map(({id, digests}) => [id, digests.length])).toEqual([
      [0, 2],
      ['my-ir', 2],
    ])
  })

  it('the signed one says who signed it, and until when', () => {
    const {signed} = readCorim(bytesOf('corim-signed-good-corim.cbor'))
    expect(signed).toMatchObject({
      algorithm: 'ES256',
      contentType: 'application/rim+cbor',
      signerName: 'ACME Ltd signing key',
      validity: {notBefore: '2021-12-31T00:00:00.000Z', notAfter: '2025-12-31T00:00:00.000Z'},
    })
  })

  it('concise evidence is read', () => {
    const {triples} = readConciseEvidence(bytesOf('coev-ce-evidence.cbor'))
    expect(triples[0]!.environment.class?.vendor).toBe('xyzinc.example')
    expect(triples[0]!.measurements[0]!.mval.digests![0]!.algorithm).toBe('sha256')
  })
})
