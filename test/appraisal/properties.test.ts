/**
 * The properties P1 to P24 of the appraisal: where each is held, and those that are about the whole of it. What is about
 * one part is a test of that part, found by its name.
 */
import {readFileSync} from 'node:fs'
import fc from 'fast-check'
import {beforeAll, describe, expect, it} from 'vitest'
import {concat} from '../../src/bits/index.js'
import {type Appraisal, earOf, nonceHistory, type Policy} from '../../src/appraisal/index.js'
import {TsmctlError} from '../../src/errors.js'
import {type Bundle, drawNonce} from '../../src/evidence/index.js'
import {injectFault} from '../../src/sim/index.js'
import {collectEvidence, lock} from '../../src/operations/index.js'
import {
  asymNamed,
  encodeCertificateChain,
  GET_MEASUREMENTS,
  hashNamed,
  MEASUREMENTS,
  parseCertificateChain,
  parseMeasurements,
  parseVca,
} from '../../src/spdm/index.js'
import {INTERFACE_REPORT} from '../../src/tdisp/index.js'
import {GOOD, guestCopy} from '../support/guest.js'
import {BASES, G1, G2} from './bases/index.js'
import {BLOCKS, chainObject, GENUINE, policyFrom, report, ruleWith, sha384, transcript, VALUES} from './forge.js'
import {judge} from './guest.js'
import {flip, VCA} from './suite/row.js'

/** File below `test/` and name of the test that holds a property; several where it has several parts. */
const HELD: Readonly<Record<string, readonly (readonly [file: string, test: string])[]>> = {
  P1: [
    ['appraisal/properties.test.ts', 'P1 every object is encoded from what was decoded, byte for byte'],
    ['bits/all-layouts.test.ts', 'round-trips, and prints every field'],
  ],
  P2: [
    ['bits/all-layouts.test.ts', 'a flipped bit, or random bytes, either decode exactly or are refused'],
    ['spdm/vca.test.ts', 'random bytes give facts or a DecodeError'],
    ['spdm/measurements.test.ts', 'random bytes give facts or a DecodeError'],
    ['spdm/certificate.test.ts', 'a flipped bit gives facts or a DecodeError'],
    ['appraisal/tampering.test.ts', 'arbitrary bytes in any object are judged, not stumbled over'],
  ],
  P3: [
    ['appraisal/properties.test.ts', 'P3 every prefix and every extension of an object is refused'],
    ['bits/all-layouts.test.ts', 'refuses every truncation and every one-byte extension'],
  ],
  P4: [
    ['appraisal/tampering.test.ts', 'a flipped bit is never accepted when the TSM saw the original'],
    ['appraisal/tampering.test.ts', 'a flipped bit of what is signed is never accepted'],
  ],
  P5: [['spdm/measurements.test.ts', 'headers planted in nonces, opaque data and values never change']],
  P6: [['appraisal/properties.test.ts', 'P6 references may come in any order']],
  P7: [['appraisal/settle.test.ts', 'worse evidence, more requirements, fewer exceptions never decide better']],
  P8: [['appraisal/settle.test.ts', 'no fatal check that is not passed is ever survived']],
  P9: [['appraisal/properties.test.ts', 'P9 what is blocked says the same whatever the bytes were']],
  P10: [['appraisal/properties.test.ts', 'P10 the same input gives the same verdict']],
  P11: [
    ['evidence/bundle.test.ts', 'keeps D under member order and white space'],
    ['evidence/bundle.test.ts', 'changes D with any byte of any object'],
  ],
  P12: [['tdisp/placement.test.ts', 'an offset aligned to the largest BAR is always recovered']],
  P13: [['appraisal/ranges.test.ts', 'P13 only what covers the same pages, in order, is accepted']],
  P14: [
    ['appraisal/properties.test.ts', 'P14 nonces are unique and not zero'],
    ['appraisal/properties.test.ts', 'P14 a nonce is burnt also where nothing comes of it'],
  ],
  P15: [['operations/tdi-life.test.ts', 'reaches RUN only by a commit of its own evidence']],
  P16: [
    ['operations/tdi-life.test.ts', 'never gets a device accepted (property P16)'],
    ['operations/evidence-generations.test.ts', 'that says other bytes at every read never gets a device accepted'],
  ],
  P17: [
    ['appraisal/audit.test.ts', 'any edit, removal, swap or repetition is seen, except at the end'],
    ['appraisal/audit.test.ts', 'after a crash at any byte, the next record says what was lost and goes on'],
    ['appraisal/audit.test.ts', 'cannot be written by two at once'],
  ],
  P18: [['errors.test.ts', 'is bounded, printable ASCII only, injective up to the cut, idempotent on safe text']],
  P19: [
    ['appraisal/policy/select.test.ts', 'matches exactly the rules whose every member holds'],
    ['appraisal/policy/lint.test.ts', 'are found exactly when a device matches both, where they can be compared'],
  ],
  P20: [
    ['appraisal/policy/properties.test.ts', 'nothing is accepted before the floor'],
    ['appraisal/policy/properties.test.ts', 'a waiver lives from its beginning to its end, by a clock that is trusted'],
  ],
  P21: [['appraisal/pins.test.ts', 'what is accepted has versions that only rise under rollback: deny']],
  P22: [['appraisal/redaction.test.ts', 'never has a better verdict, live or offline, under any policy of the suite']],
  P23: [['appraisal/verdict/ear.test.ts', 'is never above its worst claim, never affirming with an exception']],
  P24: [['appraisal/negative.test.ts', 'reasons of different causes of one check differ']],
}

describe('the properties', () => {
  it('are 24, and each is held', () => {
    expect(Object.keys(HELD)).toEqual(Array.from({length: 24}, (_, i) => `P${i + 1}`))
    const open = Object.keys(HELD).filter(name => HELD[name]!.length === 0)
    expect(open).toEqual([])
  })

  it.each(Object.entries(HELD).flatMap(([name, tests]) => tests.map(held => [name, ...held] as const)))(
    '%s in %s: %s',
    (_, file, test) => {
      expect(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')).toContain(test)
    },
  )
})

const SHA384 = hashNamed('sha384')!
const PARAMETERS = {asym: asymNamed('ecdsa-p384')!, measurementHash: SHA384}
let sound: Bundle
let policy: Policy
let series: Uint8Array
beforeAll(async () => {
  sound = await G1.forge()
  policy = policyFrom(G1.document)
  series = await transcript(VCA)
})

const parseSeries = (bytes: Uint8Array) => parseMeasurements(bytes, {...PARAMETERS, vca: parseVca(VCA)})

it('P1 every object is encoded from what was decoded, byte for byte', () => {
  const chain = chainObject(GENUINE)
  const {rootHash, certificates} = parseCertificateChain(chain, SHA384.size)
  expect(
    encodeCertificateChain(
      rootHash,
      certificates.map(({der}) => der),
    ),
  ).toEqual(chain)
  expect(concat(...parseVca(VCA).messages.map(({offset, length}) => VCA.slice(offset, offset + length)))).toEqual(VCA)
  const messages = parseSeries(series).exchanges.flatMap(({request, response}) => [
    GET_MEASUREMENTS.encode(GET_MEASUREMENTS.decode(series.slice(request.offset, request.offset + request.length))),
    MEASUREMENTS.encode(
      MEASUREMENTS.decode(series.slice(response.offset, response.offset + response.length), {signatureSize: 96}),
      {signatureSize: 96},
    ),
  ])
  expect(concat(...messages)).toEqual(series)
})

const refuses = (parse: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean => {
  try {
    const facts = parse(bytes) as {signature?: unknown; trailing?: unknown}
    // a series says by facts that it is not signed, or that something is behind it
    return facts !== null && 'signature' in facts && (facts.signature === undefined || facts.trailing !== undefined)
  } catch {
    return true
  }
}

it.each<[string, () => Uint8Array, (bytes: Uint8Array) => unknown]>([
  ['report', () => report(), bytes => INTERFACE_REPORT.decode(bytes)],
  ['vca', () => VCA, parseVca],
  ['chain', () => chainObject(GENUINE), bytes => parseCertificateChain(bytes, SHA384.size)],
  ['series', () => series, parseSeries],
])('P3 every prefix and every extension of an object is refused: %s', (_, whole, parse) => {
  const bytes = whole()
  expect(refuses(parse, bytes)).toBe(false)
  const taken: number[] = []
  for (let length = 0; length < bytes.length; length++)
    if (!refuses(parse, bytes.subarray(0, length))) taken.push(length)
  expect(taken).toEqual([])
  for (const more of [0, 1, 0x10, 0x30, 0xff]) expect(refuses(parse, concat(bytes, Uint8Array.of(more)))).toBe(true)
})

const shown = ({results, decision, subject}: Appraisal): string => JSON.stringify([decision, results, subject])

it('P6 references may come in any order, blocks may not', async () => {
  const expected = shown(await judge(sound, policy))
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray([...VALUES], {minLength: VALUES.length}), async values => {
      const shuffled = policyFrom(ruleWith({measurements: {source: 'inline', values}}))
      expect(shown(await judge(sound, shuffled))).toBe(expected)
    }),
    {numRuns: 10},
  )
  const [first, second, ...rest] = BLOCKS
  const swapped = [{...first!, value: second!.value}, {...second!, value: first!.value}, ...rest]
  const {decision, results} = await judge(await G1.forge({transcript: {blocks: swapped}}), policy)
  expect(decision).toBe('deny')
  expect(results.find(({id}) => id === 'spdm.meas.values')?.result).toBe('fail')
})

const blockedBy = ({results}: Appraisal): string => JSON.stringify(results.filter(({result}) => result === 'blocked'))

it('P9 what is blocked says the same whatever the bytes were', async () => {
  const original = sound.objects.get('report')!
  const seen = new Set<string>()
  await fc.assert(
    fc.asyncProperty(fc.nat(original.length - 1), fc.uint8Array({minLength: 1, maxLength: 64}), async (at, noise) => {
      const bytes = concat(original.slice(0, at), noise, original.slice(at))
      const bundle = await G1.forge({report: bytes, digests: {report: sha384(original)}})
      seen.add(blockedBy(await judge(bundle, policy)))
    }),
    {numRuns: 25},
  )
  expect(seen.size).toBe(1)
  expect(seen.values().next().value).toContain('tdisp.report.mmio-tee')
})

async function verdictOf(bundle: Bundle): Promise<string> {
  const appraisal = await judge(bundle, policy)
  return JSON.stringify([appraisal, earOf(appraisal, {developer: 'tsmctl', build: '1'})])
}

it('P10 the same input gives the same verdict, whatever surrounds it', async () => {
  const expected = await verdictOf(sound)
  const {TZ, LANG, LC_ALL} = process.env
  Object.assign(process.env, {TZ: 'Asia/Kolkata', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', HTTP_PROXY: 'http://x'})
  try {
    expect(await verdictOf(sound)).toBe(expected)
    expect(await verdictOf(sound)).toBe(expected)
  } finally {
    for (const [name, value] of Object.entries({TZ, LANG, LC_ALL, HTTP_PROXY: undefined}))
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
})

it.each(BASES)('P10 of $name, frozen again from the same parts', async base => {
  const own = policyFrom(base.document)
  const bundle = await base.forge()
  const copy = {...bundle, objects: new Map([...bundle.objects].map(([label, bytes]) => [label, bytes.slice()]))}
  expect(shown(await judge(copy, own, base.circumstances))).toBe(shown(await judge(bundle, own, base.circumstances)))
})

const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))

it('P14 nonces are unique and not zero', () => {
  const drawn = new Set(Array.from({length: 100_000}, () => drawNonce(random).value))
  expect(drawn.size).toBe(100_000)
  expect(drawn.has('00'.repeat(32))).toBe(false)
})

it.each([
  ['evidence is refused', {at: 'evidence', do: 'errno', errno: 'EIO', times: 'always'}],
  ['it comes in pieces that cannot be read', {at: 'evidence', do: 'truncate', object: 'report', offset: 3}],
  ['the device vanishes', {at: 'evidence', do: 'vanish'}],
] as const)('P14 a nonce is burnt also where nothing comes of it: %s', async (_, fault) => {
  const {kernel, directory} = await guestCopy('P2')
  await lock(kernel, GOOD)
  await injectFault(directory, {device: GOOD, ...fault})
  const drawn: string[] = []
  const counting = {
    ...kernel,
    random(length: number): Uint8Array {
      const bytes = kernel.random(length)
      drawn.push(Buffer.from(bytes).toString('hex'))
      return bytes
    },
  }
  await expect(collectEvidence(counting, GOOD)).rejects.toBeInstanceOf(TsmctlError)
  const history = nonceHistory(kernel.state)
  expect(drawn.filter(value => value.length === 64 && history.usedBefore(value, 'another'))).toHaveLength(1)
})

it('P4 of a bundle of 1.3: a flipped bit of its chain or series is not accepted', async () => {
  const {objects} = await G2.forge()
  const own = policyFrom(G2.document)
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('cert0' as const, 'measurements' as const),
      fc.nat(1_000_000),
      async (label, at) => {
        const bytes = objects.get(label)!
        const bundle = await G2.forge({objects: {[label]: flip(bytes, at % bytes.length)}})
        expect((await judge(bundle, own)).decision).toBe('deny')
      },
    ),
    {numRuns: 15},
  )
})
