/** CoRIM manifests: what is read, what makes them unusable, and what strangers' bytes can do. */
import {generateKeyPairSync} from 'node:crypto'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {DecodeError} from '../../src/bits/index.js'
import {readCorim} from '../../src/corim/corim.js'
import {readConciseEvidence} from '../../src/corim/evidence.js'
import {comid, corim, digests, encode, environment, ES384, map, measured, signedCorim, Tag} from './manifests.js'

const ec = generateKeyPairSync('ec', {namedCurve: 'P-384'})
const spki = (key: typeof ec.publicKey): Uint8Array => new Uint8Array(key.export({type: 'spki', format: 'der'}))
const value = new Uint8Array(48).fill(7)
const MEASUREMENTS = [measured(1, {2: digests(value)}), measured(16, {1: new Tag(553, 5)})]
const FILE = corim({measurements: MEASUREMENTS, corim: {4: map({0: new Tag(1, 0), 1: new Tag(1, 2_000_000_000)})}})

/** Every remark of a file, wherever it stands. */
function remarksOf(bytes: Uint8Array): readonly string[] {
  const {remarks, tags} = readCorim(bytes)
  const inner = tags.flatMap(tag => [
    ...tag.remarks,
    ...[...tag.references, ...tag.identities].flatMap(triple => triple.remarks),
  ])
  return [...remarks, ...inner]
}

describe('a manifest', () => {
  it('is read with its validity, its tag and its triples', () => {
    const {id, signed, validity, tags} = readCorim(FILE)
    expect({id, signed}).toEqual({id: 'acme-rim', signed: null})
    expect(validity).toEqual({notBefore: '1970-01-01T00:00:00.000Z', notAfter: '2033-05-18T03:33:20.000Z'})
    expect(remarksOf(FILE)).toEqual([])
    const [triple] = tags[0]!.references
    expect(tags[0]!.tagId).toBe('acme-tag')
    expect(triple!.environment.class).toMatchObject({vendor: 'ACME', model: 'WIDGET'})
    expect(triple!.measurements.map(({mkey}) => mkey)).toEqual([1, 16])
    expect(triple!.measurements[0]!.mval.digests).toEqual([{algorithm: 'sha384', value}])
    expect(triple!.measurements[1]!.mval.svn).toEqual({kind: 'minimum', value: 5})
  })

  it.each<[string, Uint8Array, RegExp]>([
    ['a profile', corim({measurements: MEASUREMENTS, corim: {3: 'x'}}), /profile is not evaluated/],
    ['dependencies', corim({measurements: MEASUREMENTS, corim: {2: []}}), /dependent-rims/],
    [
      'an unknown member of the manifest',
      corim({measurements: MEASUREMENTS, corim: {77: 1}}),
      /member 77 is not known/,
    ],
    ['an unknown member of the tag', corim({measurements: MEASUREMENTS, comid: {[-9]: 1}}), /member -9 is not known/],
    ['another kind of tag', corim({corim: {1: [comid({measurements: MEASUREMENTS}), new Tag(505, value)]}}), /tag 505/],
    ['an instance', corim({environment: map({0: map({1: 'ACME'}), 1: value}), measurements: MEASUREMENTS}), /instance/],
    ['a class id', corim({environment: environment({0: 'x'}), measurements: MEASUREMENTS}), /class-id/],
    ['an unknown value', corim({measurements: [measured(1, {2: digests(value), 99: 1})]}), /member 99 is not known/],
    ['flags', corim({measurements: [measured(1, {3: map({3: false})})]}), /flags is not evaluated/],
    ['an authority', corim({measurements: [map({0: 1, 1: map({2: digests(value)}), 2: []})]}), /authorized-by/],
    ['a key that is no index', corim({measurements: [map({0: 'boot', 1: map({2: digests(value)})})]}), /not the index/],
    ['an unknown hash', corim({measurements: [measured(1, {2: [[99, value]]})]}), /hash function 99/],
    ['endorsed values', corim({triples: map({1: [1]})}), /endorsed-triples/],
    ['conditions', corim({triples: map({10: [1]})}), /conditional-endorsement-triples/],
    ['a key that is no thumbprint', corim({triples: map({2: [[environment(), ['key']]]})}), /not the thumbprint/],
    ['a triple of three', corim({triples: map({0: [[environment(), MEASUREMENTS, 1]]})}), /triple of 3 parts/],
  ])('says that %s cannot be evaluated', (_, bytes, remark) => {
    const remarks = remarksOf(bytes)
    expect(remarks).toHaveLength(1)
    expect(remarks[0]).toMatch(remark)
  })

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['no CoRIM', encode(new Tag(502, new Map()))],
    ['no tags', corim({corim: {1: []}})],
    ['a bare map', encode(new Map())],
    ['a digest of the wrong size', corim({measurements: [measured(1, {2: [[7, new Uint8Array(47)]]})]})],
    ['a negative index', corim({measurements: [measured(1, {1: -1})]})],
    ['a version beyond exact numbers', corim({measurements: [measured(1, {1: 2n ** 60n})]})],
    ['a raw value without its tag', corim({measurements: [measured(1, {4: value})]})],
    ['no values', corim({measurements: [map({0: 1})]})],
    ['empty triples', corim({triples: map({0: []})})],
    ['a triple of one', corim({triples: map({0: [[environment()]]})})],
    ['a time that does not exist', corim({measurements: MEASUREMENTS, corim: {4: map({1: new Tag(1, 9e15)})}})],
    ['a validity without an end', corim({measurements: MEASUREMENTS, corim: {4: map({0: new Tag(1, 0)})}})],
    ['a byte behind it', Uint8Array.from([...FILE, 0])],
    ['indefinite lengths', Uint8Array.from([0xbf, 0xff])],
    ['one key in two encodings', Uint8Array.from([0xa2, 0x01, 0x00, 0x18, 0x01, 0x00])],
    ['a key twice', Uint8Array.from([0xa2, 0x01, 0x00, 0x01, 0x00])],
    ['text that is not UTF-8', Uint8Array.from([0x62, 0xc3, 0x28])],
    ['an array longer than memory', Uint8Array.from([0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ['a string longer than memory', Uint8Array.from([0x5b, 0x40, 0, 0, 0, 0, 0, 0, 0])],
    ['nesting without end', new Uint8Array(100_000).fill(0x81)],
    ['tags without end', new Uint8Array(100_000).fill(0xc1)],
    ['more than anybody writes', new Uint8Array(5 * 1024 * 1024)],
  ])('of %s is malformed', (_, bytes) => {
    expect(() => readCorim(bytes)).toThrow(DecodeError)
  })

  it('says of lengths that do not exist that they do not', () => {
    const string = Uint8Array.from([0x5b, 0x40, 0, 0, 0, 0, 0, 0, 0])
    expect(() => readCorim(string)).toThrow('a length beyond its end')
  })

  it('names the place of what is malformed', () => {
    const bytes = corim({measurements: [MEASUREMENTS[0]!, measured(2, {2: [[7, new Uint8Array(47)]]})]})
    expect(() => readCorim(bytes)).toThrow(
      /CoRIM\.tags\[0\]\.triples\.reference-triples\[0\]\.measurements\[1\]\.mval\.digests\[0\].*48 bytes of sha384, got 47/,
    )
  })
})

describe('a signed manifest', () => {
  const rsa = generateKeyPairSync('rsa', {modulusLength: 2048})
  const ed = generateKeyPairSync('ed25519')
  const p256 = generateKeyPairSync('ec', {namedCurve: 'P-256'})
  const signed = signedCorim(FILE, {key: ec.privateKey})

  it.each<[string, readonly [number, string | null], typeof ec]>([
    ['ES256', [-7, 'sha256'], p256],
    ['ES384', ES384, ec],
    ['ES512', [-36, 'sha512'], ec],
    ['EdDSA', [-8, null], ed],
    ['PS384', [-38, 'sha384'], rsa],
  ])('by %s holds for its key and no other', (name, algorithm, pair) => {
    const {signed: facts, tags} = readCorim(signedCorim(FILE, {key: pair.privateKey, algorithm}))
    expect(facts!.algorithm).toBe(name)
    expect(facts!.signedBy(spki(pair.publicKey))).toBe(true)
    for (const other of [ec, ed, p256, rsa].filter(one => one !== pair))
      expect(facts!.signedBy(spki(other.publicKey))).toBe(false)
    expect(tags[0]!.references).toHaveLength(1)
  })

  it('does not hold for an algorithm the key is not for', () => {
    // the number says EdDSA, the signature is one of ECDSA
    const {signed: facts} = readCorim(signedCorim(FILE, {key: ec.privateKey, algorithm: [-8, 'sha384']}))
    expect(facts!.signedBy(spki(ec.publicKey))).toBe(false)
  })

  it('keeps the certificates that came along, from either header', () => {
    const one = signedCorim(FILE, {key: ec.privateKey, header: {33: value}})
    const two = signedCorim(FILE, {key: ec.privateKey, unprotected: {33: [value, value]}})
    expect([one, two].map(bytes => readCorim(bytes).signed!.x5chain.length)).toEqual([1, 2])
  })

  it('reads who signed, and for how long', () => {
    const meta = encode(map({0: map({0: 'ACME RIM'}), 1: map({1: new Tag(1, 2_000_000_000)})}))
    const {signed: facts} = readCorim(signedCorim(FILE, {key: ec.privateKey, header: {8: meta, 4: value}}))
    expect(facts).toMatchObject({signerName: 'ACME RIM', kid: '07'.repeat(48)})
    expect(facts!.validity).toEqual({notBefore: null, notAfter: '2033-05-18T03:33:20.000Z'})
  })

  it.each<[string, Uint8Array]>([
    ['a critical header', signedCorim(FILE, {key: ec.privateKey, header: {2: [99], 99: 1}})],
    ['another content type', signedCorim(FILE, {key: ec.privateKey, header: {3: 'text/plain'}})],
    ['no content type', signedCorim(FILE, {key: ec.privateKey, header: {3: undefined}})],
    ['an HMAC', signedCorim(FILE, {key: ec.privateKey, algorithm: [5, 'sha384']})],
    ['no payload', encode(new Tag(18, [encode(map({1: -35})), new Map(), null, value]))],
    ['three parts', encode(new Tag(18, [encode(map({1: -35})), new Map(), FILE]))],
    ['an algorithm outside of what is signed', encode(new Tag(18, [encode(new Map()), map({1: -35}), FILE, value]))],
    ['a payload that is no CoRIM', signedCorim(encode(1), {key: ec.privateKey})],
  ])('with %s is malformed', (_, bytes) => {
    expect(() => readCorim(bytes)).toThrow(DecodeError)
  })

  it('holds for no file that differs in a bit', () => {
    const key = spki(ec.publicKey)
    fc.assert(
      fc.property(fc.nat(signed.length * 8 - 1), bit => {
        const copy = signed.slice()
        copy[Math.floor(bit / 8)]! ^= 2 ** (bit % 8)
        try {
          expect(readCorim(copy).signed?.signedBy(key) ?? false).toBe(false)
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
        }
      }),
      {numRuns: 100},
    )
  })

  it('is malformed as soon as a byte is missing', () => {
    for (let length = 0; length < signed.length; length++)
      expect(() => readCorim(signed.subarray(0, length))).toThrow(DecodeError)
  })
})

const read = (bytes: Uint8Array): void => {
  for (const reader of [readCorim, readConciseEvidence])
    try {
      reader(bytes)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
}

it('whatever the bytes are, a manifest is read or malformed', () => {
  fc.assert(fc.property(fc.uint8Array({maxLength: 64}), read), {numRuns: 100})
  const mutated = fc.tuple(fc.nat(FILE.length - 1), fc.nat(255)).map(([at, byte]) => FILE.with(at, byte))
  fc.assert(fc.property(mutated, read), {numRuns: 100})
  expect(() => read(FILE)).not.toThrow()
})

describe('concise evidence', () => {
  const triples = map({0: [[environment(), MEASUREMENTS]]})
  const evidence = new Tag(571, map({0: triples}))

  it('is read alone and from a table of contents', () => {
    const alone = readConciseEvidence(encode(evidence))
    const listed = readConciseEvidence(encode(new Tag(570, map({0: [evidence], 1: ['somewhere']}))))
    expect(alone).toMatchObject({locators: false, remarks: []})
    expect(listed).toMatchObject({locators: true, remarks: []})
    expect(listed.triples).toEqual(alone.triples)
  })

  it.each<[string, unknown]>([
    ['a table without its tag', map({0: [evidence]})],
    ['an empty table', new Tag(570, map({0: []}))],
    ['evidence without its tag', new Tag(570, map({0: [map({0: triples})]}))],
  ])('is malformed as %s', (_, item) => {
    expect(() => readConciseEvidence(encode(item))).toThrow(DecodeError)
  })
})
