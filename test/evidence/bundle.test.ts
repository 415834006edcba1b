import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {
  bundleFromFiles,
  bundleFromJson,
  bundleToFiles,
  bundleToJson,
  type EvidenceObject,
  freeze,
  integrityFindings,
  LABELS,
  OBJECT_LIMIT,
  shortDigest,
} from '../../src/evidence/index.js'
import {TsmctlError} from '../../src/errors.js'
import {FACTS, OBJECTS} from './sample.js'

const bundle = freeze(OBJECTS, FACTS)

type Records = Record<string, unknown>
const edited = (change: (json: Records) => void): string => {
  const json = JSON.parse(bundleToJson(bundle)) as Records
  change(json)
  return JSON.stringify(json)
}
const record = (json: Records, label: string): unknown[] => json[label] as unknown[]
const withManifest = (change: (manifest: Records) => void): string =>
  edited(json => {
    const manifest = JSON.parse(Buffer.from(record(json, 'manifest')[1] as string, 'base64url').toString()) as Records
    change(manifest)
    record(json, 'manifest')[1] = Buffer.from(JSON.stringify(manifest)).toString('base64url')
  })
const objectsOf = (manifest: Records): Records[] => manifest['objects'] as Records[]

function refusal(text: string | Uint8Array): TsmctlError {
  try {
    bundleFromJson(text)
  } catch (error) {
    if (error instanceof TsmctlError) return error
    throw error
  }
  expect.unreachable('the bundle was read')
}

const objects = fc
  .uniqueArray(fc.constantFrom(...LABELS), {maxLength: 5})
  .chain(labels =>
    fc.tuple(
      ...labels.map(label =>
        fc.uint8Array({maxLength: 64}).map((bytes): EvidenceObject => ({label, bytes, source: 'test'})),
      ),
    ),
  )

describe('freeze', () => {
  it('names every object, in the order of the labels, whatever order they came in', () => {
    expect(bundle.manifest.objects.map(({label}) => label)).toEqual(['cert0', 'vca', 'report'])
    expect(freeze(OBJECTS.toReversed(), FACTS).digest).toBe(bundle.digest)
    expect(integrityFindings(bundle)).toEqual([])
  })

  it('copies the bytes', () => {
    const bytes = new Uint8Array([1])
    const frozen = freeze([{label: 'report', bytes, source: 'test'}], FACTS)
    bytes[0] = 2
    expect(frozen.objects.get('report')).toEqual(new Uint8Array([1]))
  })

  it.each([
    ['a label twice', [...OBJECTS, OBJECTS[0]!]],
    ['an object above the limit', [{label: 'report', bytes: new Uint8Array(OBJECT_LIMIT + 1), source: 'test'}]],
    [
      'more than a bundle may hold',
      (['cert0', 'cert1', 'cert2'] as const).map(label => ({
        label,
        bytes: new Uint8Array(OBJECT_LIMIT - 1),
        source: 'test',
      })),
    ],
  ] satisfies [string, readonly EvidenceObject[]][])('refuses %s', (_, given) => {
    expect(() => freeze(given, FACTS)).toThrow(TsmctlError)
  })

  it('gives D a short form of 12 digits', () => expect(bundle.digest).toContain(`sha384:${shortDigest(bundle.digest)}`))
})

describe('a bundle at rest', () => {
  it('reads back as it was written, as a file and as a directory, with the same D', () => {
    fc.assert(
      fc.property(objects, given => {
        const frozen = freeze(given, FACTS)
        for (const read of [bundleFromJson(bundleToJson(frozen)), bundleFromFiles(bundleToFiles(frozen))]) {
          expect(read.digest).toBe(frozen.digest)
          expect(new Map(read.objects)).toEqual(new Map(frozen.objects))
          expect(read.manifest).toEqual(frozen.manifest)
        }
      }),
      {numRuns: 50},
    )
  })

  it('keeps D under member order and white space', () => {
    const json = JSON.parse(bundleToJson(bundle)) as Records
    const reordered = JSON.stringify(Object.fromEntries(Object.entries(json).toReversed()), null, 3)
    expect(bundleFromJson(reordered).digest).toBe(bundle.digest)
    const spaced = withManifest(manifest => {
      const entries = Object.entries(manifest)
      for (const [name] of entries) delete manifest[name]
      for (const [name, value] of entries.toReversed()) manifest[name] = value
    })
    expect(bundleFromJson(spaced).digest).toBe(bundle.digest)
  })

  it('changes D with any byte of any object', () => {
    fc.assert(
      fc.property(fc.constantFrom(...OBJECTS), fc.nat(), fc.integer({min: 1, max: 255}), (object, at, flip) => {
        const bytes = object.bytes.slice()
        bytes[at % bytes.length]! ^= flip
        const changed = OBJECTS.map(item => (item === object ? {...item, bytes} : item))
        expect(freeze(changed, FACTS).digest).not.toBe(bundle.digest)
      }),
      {numRuns: 50},
    )
  })

  it('is refused or unchanged in meaning after any one-character edit', () => {
    const text = bundleToJson(bundle)
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.integer({min: 0x20, max: 0x7e}), (at, code) => {
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)
        let read
        try {
          read = bundleFromJson(changed)
        } catch (error) {
          expect(error).toBeInstanceOf(TsmctlError)
          return
        }
        // what is still a bundle either is the same one, or says so by another D
        if (read.digest === bundle.digest) expect(new Map(read.objects)).toEqual(new Map(bundle.objects))
        else expect(integrityFindings(read)).toEqual([])
      }),
      {numRuns: 300},
    )
  })

  it.each([
    ['not JSON', '{', 'not JSON'],
    ['not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'not JSON'],
    ['nested beyond reason', '['.repeat(200_000) + ']'.repeat(200_000), 'not JSON'],
    ['another collection', edited(json => (json['__cmwc_t'] = 'tag:example')), 'its type'],
    ['a member twice', bundleToJson(bundle).replace('{', '{"vca": [],'), 'twice'],
    ['an unknown label', edited(json => (json['x'] = json['vca'])), 'unknown label "x"'],
    ['a prototype as label', bundleToJson(bundle).replace('"vca"', '"__proto__"'), '"__proto__"'],
    ['a record missing', edited(json => delete json['vca']), 'vca: listed, but missing'],
    ['a record not listed', edited(json => (json['ide'] = json['vca'])), '"ide": not listed'],
    ['a changed byte', edited(json => (record(json, 'report')[1] = 'AQID'.replace('D', 'E'))), 'report: its digest'],
    ['a longer object', edited(json => (record(json, 'report')[1] = 'AQIDAA')), 'report: 4 bytes'],
    ['another indicator', edited(json => (record(json, 'vca')[2] = 1)), 'not [media type'],
    ['another media type', edited(json => (record(json, 'vca')[0] = 'text/plain')), 'vca: media type'],
    ['padded base64', edited(json => (record(json, 'vca')[1] = 'EIQ=')), 'strict base64url'],
    ['standard base64', edited(json => (record(json, 'vca')[1] = '+/+/')), 'strict base64url'],
    ['slack bits in base64', edited(json => (record(json, 'vca')[1] = 'EIR')), 'strict base64url'],
    ['no manifest', edited(json => delete json['manifest']), 'no record "manifest"'],
    ['another version', withManifest(manifest => (manifest['version'] = 2)), 'manifest.version'],
    ['an unknown manifest member', withManifest(manifest => (manifest['extra'] = 1)), 'manifest.extra'],
    ['an object listed twice', withManifest(m => objectsOf(m).push(objectsOf(m)[0]!)), 'listed twice'],
    ['a fraction for a length', withManifest(m => (objectsOf(m)[0]!['length'] = 1.5)), 'manifest.objects.0.length'],
    ['a local time', withManifest(m => (m['collectedAt'] = '2026-11-21T12:00:00')), 'manifest.collectedAt'],
  ])('refuses %s', (_, text, why) => {
    const error = refusal(text)
    expect(error.kind).toBe('malformed')
    expect(error.got).toContain(why)
  })

  it('refuses a directory without manifest, or with a foreign file', () => {
    const files = bundleToFiles(bundle)
    expect(() => bundleFromFiles(new Map([...files].slice(1)))).toThrow('manifest.json')
    expect(() => bundleFromFiles(new Map([...files, ['README', new Uint8Array()]]))).toThrow('README')
  })
})
