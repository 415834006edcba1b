/** One bundle, several forms: the same D in all of them, and no byte of any of them can change unseen. */
import {encode} from 'cbor2'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {
  type Bundle,
  bundleFromCbor,
  bundleFromFiles,
  bundleFromJson,
  bundleToCbor,
  bundleToFiles,
  bundleToJson,
  type EvidenceObject,
  freeze,
  LABELS,
  OBJECT_LIMIT,
} from '../../src/evidence/index.js'
import {TsmctlError} from '../../src/errors.js'
import {jsonRecord} from '../../src/evidence/cmw.js'
import {runs} from '../support/runs.js'
import {FACTS, OBJECTS} from './sample.js'

const SAMPLE = freeze(OBJECTS, FACTS)
/** Every byte when there is time: TSMCTL_TEST_RUNS=5. */
const STRIDE = Math.max(1, Math.ceil(5 / runs(1)))

const bundles = fc
  .uniqueArray(fc.constantFrom(...LABELS), {maxLength: 6})
  .chain(labels =>
    fc.tuple(
      ...labels.map(label =>
        fc.uint8Array({maxLength: 40}).map((bytes): EvidenceObject => ({label, bytes, source: 'test'})),
      ),
    ),
  )
  .map(objects => freeze(objects, FACTS))

const shuffled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shuffled)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, item]) => [name, shuffled(item)] as const)
      .toReversed(),
  )
}
const pretty = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(Buffer.from(JSON.stringify(shuffled(JSON.parse(Buffer.from(bytes).toString())), null, 3)))

/** The JSON form with every member elsewhere and white space wherever there may be some. */
function rewritten(bundle: Bundle): string {
  const json = JSON.parse(bundleToJson(bundle)) as Record<string, [string, string, number]>
  const manifest = pretty(new Uint8Array(Buffer.from(json['manifest']![1], 'base64url')))
  json['manifest']![1] = Buffer.from(manifest).toString('base64url')
  return `\n ${JSON.stringify(shuffled(json), null, '\t')}\n`
}

/** What was read, or undefined where it was refused as it should be. */
async function readOrRefused(read: () => Bundle | Promise<Bundle>): Promise<Bundle | undefined> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof TsmctlError && error.kind === 'malformed') return undefined
    throw error
  }
}

describe('D', () => {
  it('is the same in JSON, directory and CBOR, and under member order and white space', async () =>
    fc.assert(
      fc.asyncProperty(bundles, async bundle => {
        const files = bundleToFiles(bundle)
        const read = [
          bundleFromJson(bundleToJson(bundle)),
          bundleFromJson(rewritten(bundle)),
          bundleFromFiles(files),
          bundleFromFiles(new Map([...files].toReversed()).set('manifest.json', pretty(files.get('manifest.json')!))),
          await bundleFromCbor(await bundleToCbor(bundle)),
        ]
        for (const one of read) {
          expect(one.digest).toBe(bundle.digest)
          expect([...one.objects].sort()).toEqual([...bundle.objects].sort())
        }
      }),
      {numRuns: 40},
    ))

  it('changes, or the bundle is refused, with any byte of any file or of the CBOR form', async () => {
    const files = bundleToFiles(SAMPLE)
    const cbor = await bundleToCbor(SAMPLE)
    const unseen: string[] = []
    const tried = async (what: string, read: () => Bundle | Promise<Bundle>): Promise<void> => {
      const found = await readOrRefused(read)
      if (found !== undefined && found.digest === SAMPLE.digest) unseen.push(what)
    }
    for (const [name, bytes] of files)
      for (let at = 0; at < bytes.length; at += STRIDE)
        await tried(`${name}[${at}]`, () => bundleFromFiles(new Map(files).set(name, flipped(bytes, at))))
    for (let at = 0; at < cbor.length; at += STRIDE) await tried(`cbor[${at}]`, () => bundleFromCbor(flipped(cbor, at)))
    expect(unseen).toEqual([])
  })
})

const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice()
  copy[at]! ^= 1
  return copy
}

describe('sizes', () => {
  // what is no base64 at all shows that nobody tried to decode it
  it.each([
    ['one record', {left: 100, perRecord: 8}, '!'.repeat(12), /"vca" has 9 bytes, the limit is 8/],
    ['all together', {left: 5, perRecord: 8}, '!'.repeat(8), /more bytes than all objects may have/],
    ['none', {left: 100, perRecord: 8}, '!'.repeat(8), /not strict base64url/],
  ])('of %s are held against the limit before anything is decoded', (_, room, text, why) =>
    expect(() => jsonRecord('vca', ['t', text, 4], room)).toThrow(why),
  )

  it('of a file are held against the limit before it is parsed', () =>
    expect(() => bundleFromJson(' '.repeat(48 * 1024 * 1024 + 1))).toThrow(/more than a bundle can have/))

  it('of a file in a directory likewise', () =>
    expect(() => bundleFromFiles(bundleToFiles(SAMPLE).set('vca', new Uint8Array(OBJECT_LIMIT + 1)))).toThrow(
      /"vca" has 16777217 bytes/,
    ))
})

const record = (change: (map: Map<unknown, unknown>) => void): Uint8Array => {
  const map = new Map<unknown, unknown>([
    ['__cmwc_t', 'tag:github.com,2026:tsmctl/evidence-bundle/1'],
    ['manifest', ['application/vnd.tsmctl.manifest+json', bundleToFiles(SAMPLE).get('manifest.json')!, 4]],
    ...SAMPLE.manifest.objects.map(
      ({label, mediaType}) => [label, [mediaType, SAMPLE.objects.get(label)!, 4]] as [unknown, unknown],
    ),
  ])
  change(map)
  return encode(map)
}

describe('CBOR', () => {
  it('is read as any writer may encode it', async () =>
    expect((await bundleFromCbor(record(() => undefined))).digest).toBe(SAMPLE.digest))

  it.each<[string, Uint8Array, RegExp]>([
    ['no map', encode([1]), /not a CBOR map/],
    ['another collection', record(map => map.set('__cmwc_t', 'tag:other')), /its type is "tag:other"/],
    ['a label that is a number', record(map => map.set(1, ['t', new Uint8Array(), 4])), /no text/],
    ['a record that is text', record(map => map.set('vca', 'x')), /"vca" is not a triple/],
    ['a record without indicator', record(map => map.set('vca', ['t', new Uint8Array()])), /"vca" is not a triple/],
    ['an indicator of endorsements', record(map => map.set('vca', ['t', new Uint8Array(), 2])), /evidence/],
    ['an object too many', record(map => map.set('ide', ['t', new Uint8Array(), 4])), /"ide": not listed/],
    ['bytes behind it', new Uint8Array([...record(() => undefined), 0]), /one CBOR item/],
    ['no manifest', record(map => map.delete('manifest')), /no record "manifest"/],
  ])('refuses %s', async (_, bytes, why) => {
    await expect(bundleFromCbor(bytes)).rejects.toThrow(why)
    await expect(bundleFromCbor(bytes)).rejects.toThrow(expect.objectContaining({kind: 'malformed'}))
  })

  it('refuses whatever is cut off', async () => {
    const whole = record(() => undefined)
    await fc.assert(
      fc.asyncProperty(fc.nat({max: whole.length - 1}), async end => {
        expect(await readOrRefused(() => bundleFromCbor(whole.slice(0, end)))).toBeUndefined()
      }),
      {numRuns: 50},
    )
  })
})
