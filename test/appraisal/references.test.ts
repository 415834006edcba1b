/** Where reference values come from, and that nothing else about them matters than what they approve. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {fromHex, toHex} from '../../src/bits/index.js'
import {CHECKS, type Context} from '../../src/appraisal/checks/index.js'
import {gatherFacts, known} from '../../src/appraisal/facts.js'
import type {Pin} from '../../src/appraisal/pins/index.js'
import {effectiveRule, type Rule} from '../../src/appraisal/policy/index.js'
import {
  compare,
  type Reference,
  type ReferenceSources,
  resolveReferences,
} from '../../src/appraisal/references/index.js'
import {named} from '../../src/evidence/index.js'
import {corim, digests, environment, map, measured, signedCorim, Tag} from '../corim/manifests.js'
import {G1, G2} from './bases/index.js'
import {LAYERS} from './bases/g2.js'
import {BLOCKS, KEYS, policyFrom, privateKey, ruleWith} from './forge.js'
import {judge, NOW} from './guest.js'
import {documentFor, FILE, GOOD, manifestOf, measurementOf, RIM_ROOT, RIM_SIGNER} from './suite/manifest.js'
import {UNUSABLE} from './suite/references.js'

const evidence = await G1.forge()
const judged = (document: object) => judge(evidence, policyFrom(document))
const facts = await gatherFacts(evidence)
const blocks = known(facts.measurements)!.blocks

/** References of a document's rule, for the device of `chain`. */
const resolved = (document: object, device: Partial<ReferenceSources> = {}) => {
  const policy = policyFrom(document)
  const rule = effectiveRule(policy.document.rules[0] as Rule)
  const own = {pin: undefined, chain: known(facts.certificates), ...device}
  return resolveReferences({policy, rule, ...own, now: NOW, built: new Date('2026-11-01T00:00:00Z')})
}
const signed = (spec: Parameters<typeof manifestOf>[0]) => documentFor([manifestOf(spec)])
const measurements = BLOCKS.map(measurementOf)

/** References of a manifest that these keys signed, without a certificate in it. */
const signedBy = async (keys: Parameters<typeof privateKey>[0]) =>
  resolved(documentFor([signedCorim(corim({measurements}), {key: await privateKey(keys)})]))
/** Pins one certificate, and brings no file of it. */
const pinning = (der: Uint8Array) => ({
  document: {rimSigners: {'acme-rim': [{label: 'signer', certSha384: named(der)}]}},
})
/** A triple about the firmware of a layer, from a version on. */
const layerTriple = (n: number, least: number, digest: Uint8Array): unknown => [
  map({0: map({3: n})}),
  [map({1: map({1: new Tag(553, least), 2: digests(digest)})})],
]

describe('a signed manifest', () => {
  it('approves what the vendor published, and the reviewer is told who approved it', async () => {
    const appraisal = await judged(documentFor([GOOD]))
    expect(appraisal.results.filter(({blocking}) => blocking).map(({text}) => text)).toEqual([])
    expect(appraisal.decision).toBe('accept')
    expect(appraisal.subject.measurements.map(({status, approvedBy}) => [status, approvedBy])).toEqual(
      BLOCKS.map(() => ['approved', `"${FILE}", signer "acme-rim"`]),
    )
  })

  it.each(UNUSABLE)('%s is unusable: %s', async (_, code, manifest) => {
    expect(await resolved(documentFor([manifest]))).toMatchObject({status: 'unusable', code})
  })

  it('needs no certificate of a signer whom the policy brings along', async () => {
    expect(await signedBy(KEYS.otherRoot)).toMatchObject({status: 'usable'})
    expect(await signedBy(KEYS.otherLeaf)).toMatchObject({status: 'unusable', code: 'signer'})
  })

  it('needs no root where its signer is pinned', async () => {
    expect(await resolved(documentFor([GOOD], pinning(RIM_SIGNER)))).toMatchObject({status: 'usable'})
    expect(await resolved(documentFor([GOOD], pinning(RIM_ROOT)))).toMatchObject({status: 'unusable', code: 'signer'})
  })

  it('may list several values of one block, and values for other models', async () => {
    const other = new Uint8Array(48).fill(1)
    const [, second] = BLOCKS
    const triples = map({
      0: [
        [environment({2: 'GADGET'}), [measured(2, {2: digests(other), 99: 1})]],
        [environment(), [...measurements, measured(2, {2: digests(other)})]],
      ],
    })
    const references = await resolved(signed({triples}))
    const found = references.status === 'usable' ? references.values.filter(({index}) => index === 2) : []
    expect(found.map(({digests: list}) => list)).toEqual([
      [`sha384:${toHex(second!.value)}`],
      [`sha384:${toHex(other)}`],
    ])
  })

  it('approves extended digests, masked values and versions', async () => {
    const value = new Uint8Array(48).fill(5)
    const references = await resolved(
      signed({
        measurements: [
          measured(undefined, {14: map({7: digests(value)})}),
          measured(3, {4: new Tag(563, [Uint8Array.of(0x12, 0), Uint8Array.of(0xff, 0)])}),
          measured(4, {4: new Tag(560, Uint8Array.of(0x12, 0)), 5: Uint8Array.of(0xff, 0)}),
          measured(16, {1: 5}),
          measured(17, {1: new Tag(552, 6)}),
          measured(18, {1: new Tag(553, 7)}),
        ],
      }),
    )
    expect(references).toMatchObject({
      values: [
        {index: 7, type: 'hash-extend', digests: [`sha384:${toHex(value)}`]},
        {index: 3, raw: ['1200'], mask: 'ff00'},
        {index: 4, raw: ['1200'], mask: 'ff00'},
        {index: 16, type: 'svn', svn: {min: 5, max: 5}},
        {index: 17, svn: {min: 6, max: 6}},
        {index: 18, svn: {min: 7}},
      ],
    })
  })

  it('gives firmware of the DICE layers that the device has, in the version it has', async () => {
    const alias = known((await gatherFacts(await G2.forge())).certificates)!
    const [first, second] = LAYERS
    const triples = map({
      0: [
        layerTriple(0, first!.svn!, first!.fwid!),
        layerTriple(1, second!.svn! + 1, second!.fwid!),
        layerTriple(2, 0, second!.fwid!),
        [environment(), measurements],
      ],
    })
    expect(await resolved(signed({triples}), {chain: alias})).toMatchObject({
      status: 'usable',
      firmware: [{layer: 0, digests: [`sha384:${toHex(first!.fwid!)}`], provenance: {signer: 'acme-rim'}}],
    })
  })

  it('is for devices with one of the certificates it names', async () => {
    const own = fromHex(known(facts.certificates)!.at(-1)!.sha384)
    const triples = map({0: [[environment(), measurements]], 2: [[environment(), [new Tag(559, [7, own])]]]})
    expect(await resolved(signed({triples}))).toMatchObject({status: 'usable'})
    // nothing is known of a device whose chain did not verify
    expect(await resolved(signed({triples}), {chain: undefined})).toMatchObject({code: 'model'})
  })
})

/** What becomes of the base under manifests with these measurements. */
const outcome = async (files: readonly (readonly unknown[])[]) => {
  const {decision, subject, results} = await judged(documentFor(files.map(part => manifestOf({measurements: part}))))
  const of = results.filter(({id}) => id.startsWith('spdm.meas.')).map(({id, result}) => `${id} ${result}`)
  return {decision, statuses: subject.measurements.map(({index, status}) => `${index} ${status}`), of}
}

it('order and split of manifests change nothing, a swap of indices does', async () => {
  const whole = await outcome([measurements])
  expect(whole.decision).toBe('accept')
  const order = fc.shuffledSubarray(measurements, {minLength: measurements.length})
  await fc.assert(
    fc.asyncProperty(order, fc.integer({min: 1, max: measurements.length - 1}), async (shuffled, cut) => {
      expect(await outcome([shuffled])).toEqual(whole)
      expect(await outcome([shuffled.slice(0, cut), shuffled.slice(cut)])).toEqual(whole)
    }),
    {numRuns: 3},
  )
  const [one, two] = BLOCKS
  const swapped = [{...one!, index: two!.index}, {...two!, index: one!.index}, ...BLOCKS.slice(2)].map(measurementOf)
  expect((await outcome([swapped])).decision).toBe('deny')
})

describe('a condition', () => {
  const provenance = {label: 'policy', signer: null, tagId: null, sha384: null, validity: null}
  const [block] = blocks
  const right = `sha384:${toHex(block!.value)}`
  const entry = (digest: string, equals: string): Reference => ({
    index: block!.index,
    type: null,
    digests: [digest],
    when: {fact: 'opaque.nvdec0', equals},
    provenance,
  })
  const wrong = `sha384:${'0'.repeat(96)}`
  it.each<[string, Reference, string | undefined, string]>([
    ['that holds lets the value be compared', entry(right, 'enabled'), 'enabled', 'approved'],
    ['that holds lets the value be refused', entry(wrong, 'enabled'), 'enabled', 'not approved'],
    ['that does not hold leaves the block alone', entry(wrong, 'enabled'), 'disabled', 'informational'],
    ['nobody can answer approves nothing', entry(right, 'enabled'), undefined, 'not evaluated'],
  ])('%s', (_, reference, fact, status) => {
    const found = new Map(fact === undefined ? [] : [['opaque.nvdec0', fact]])
    expect(compare(block!, [reference], found, 'sha384').status).toBe(status)
  })
})

describe('a pin', () => {
  const pin = {
    pinId: `sha384:${'ab'.repeat(48)}`,
    spdm: {version: '1.2', hash: 'sha384', asym: 'ecdsa-p384'},
    mode: 'manual',
    measurements: BLOCKS.map(({index, type, raw, value}) => ({
      index,
      type,
      valueType: raw ? 'raw' : 'digest',
      value: toHex(value),
    })),
  } as unknown as Pin
  const enrolled = ruleWith({identity: {mode: 'enrolled'}, measurements: {source: 'enrolled'}})

  it('approves what was enrolled, and versions that rose', async () => {
    const references = await resolved(enrolled, {pin})
    const values = references.status === 'usable' ? references.values : []
    expect(blocks.map(block => compare(block, values, new Map(), 'sha384').status)).toEqual(
      BLOCKS.map(() => 'approved'),
    )
    expect(values.find(({index}) => index === 16)).toMatchObject({
      svn: {min: 7},
      provenance: {label: 'pin abababababab'},
    })
  })

  const tofu = ruleWith({
    decision: 'review',
    human: 'typed',
    identity: {mode: 'tofu'},
    measurements: {source: 'enrolled'},
  })

  it('of a device that was merely accepted approves nothing, but where the rule takes the first use for it', async () => {
    const seen = {...pin, mode: 'auto' as const}
    expect(await resolved(enrolled, {pin: seen})).toMatchObject({status: 'unusable', code: 'no-pin'})
    const listed = ruleWith({measurements: {source: 'enrolled'}})
    expect(await resolved(listed, {pin: seen})).toMatchObject({status: 'unusable', code: 'no-pin'})
    expect(await resolved(tofu, {pin: seen})).toMatchObject({status: 'usable'})
  })

  it('is needed, but for the first use', async () => {
    expect(await resolved(enrolled)).toMatchObject({status: 'unusable', code: 'no-pin'})
    expect(await resolved(tofu)).toMatchObject({status: 'none', key: 'identity.mode: tofu'})
  })
})

it('N053 a block from a list that nobody signed: spdm.meas.signed-only', async () => {
  const series = known(facts.measurements)!
  const offered = (extra: Partial<(typeof blocks)[number]>) => {
    const list = [...blocks, {...blocks[0]!, index: 9, ...extra}]
    const context = {facts: {...facts, measurements: {kind: 'decoded', value: {...series, blocks: list}}}}
    return CHECKS['spdm.meas.signed-only'](context as unknown as Context)
  }
  expect(CHECKS['spdm.meas.signed-only']({facts} as unknown as Context).result).toBe('pass')
  // claimed beside the transcript, behind what is signed, in front of it, or with other bytes than are signed
  for (const extra of [
    {offset: series.bytes.length, valueOffset: series.bytes.length},
    {offset: series.bytes.length - 20, valueOffset: series.bytes.length - 20},
    {offset: -60, valueOffset: -53},
    {value: new Uint8Array(48).fill(9)},
  ])
    expect(offered(extra)).toMatchObject({result: 'fail', code: 'unsigned', got: 'block 9'})
})
