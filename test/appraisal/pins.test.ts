/** What a pin keeps, and what is told about a device that is not as it was. */
import * as fc from 'fast-check'
import {beforeAll, describe, expect, it} from 'vitest'
import {
  type Appraisal,
  type Change,
  decodePin,
  type DeviceProfile,
  encodePin,
  fallenVersions,
  type Pin,
  type Policy,
  remembered,
} from '../../src/appraisal/index.js'
import {normalFormDigest, reportNormalForm} from '../../src/appraisal/pins/index.js'
import {compare} from '../../src/appraisal/pins/compare.js'
import type {Bundle} from '../../src/evidence/index.js'
import {INTERFACE_REPORT} from '../../src/tdisp/index.js'
import {G1, G2} from './bases/index.js'
import {aliasCertificates, tcbInfoOf} from './bases/g2.js'
import {
  basic,
  certificates,
  chainObject,
  type Forgery,
  PCI,
  policyFrom,
  RANGES,
  report,
  ruleWith,
  usage,
  Usage,
  withBlock,
  deviceInfo,
} from './forge.js'
import {judge} from './guest.js'
import {pinned, readerOf} from './pinned.js'

const RULE_MEASUREMENTS = (G1.document as {rules: {measurements: object}[]}).rules[0]!.measurements
const SVN = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0, 0, 0, 0, 0)
const LISTED = policyFrom(ruleWith({measurements: {source: 'none'}, decision: 'review', human: 'typed'}))

let base: Appraisal
let pin: Pin
beforeAll(async () => {
  base = await judge(await G1.forge(), LISTED)
  pin = pinned(base)
})

const seen = async (forgery: Forgery, policy: Policy = LISTED): Promise<Appraisal> =>
  judge(await G1.forge(forgery), policy, {pins: readerOf(pin)})
const changesOf = ({comparison}: Appraisal): readonly Change[] =>
  comparison?.kind === 'compared' ? comparison.changes : []
const brief = (changes: readonly Change[]): string[] =>
  changes.map(({topic, grave, text, before, after}) => `${grave ? '!' : ''}${topic}: ${text} (${before} -> ${after})`)

describe('a profile', () => {
  it('is made of evidence that verified', () => {
    expect(base.profile).toMatchObject({
      san: 'ACME:WIDGET:0001',
      model: 'ACME:WIDGET',
      anchor: 'ACME root',
      maxSvn: '7',
      debug: 'off',
      lockFlags: ['noFwUpdate', 'dmaWithoutPasid', 'lockMsix'],
      bars: [
        {bar: 0, size: '0x4000'},
        {bar: 2, size: '0x2000'},
        {bar: 4, size: '0x1000'},
      ],
    })
    expect(base.profile?.pinId).toBe(base.profile?.certificate)
  })

  it.each<[string, Forgery]>([
    ['another signer', {transcript: {context: 'responder-challenge_auth signing'}}],
    ['another nonce', {transcript: {nonce: new Uint8Array(32).fill(7)}}],
    ['a chain that is none', {chain: new Uint8Array(8)}],
  ])('with %s there is none, and no comparison', async (_, forgery) => {
    expect(await seen(forgery)).toMatchObject({profile: null, comparison: null, decision: 'deny'})
  })

  it('without a report the TSM saw says nothing of the report', async () => {
    const {profile} = await seen({digests: {report: new Uint8Array(48)}})
    expect(profile).toMatchObject({reportNormalForm: null, ranges: [], lockFlags: []})
  })
})

const grouped = (index: number, value: string) => ({
  index,
  type: 'firmware',
  valueType: 'digest',
  value,
  group: 'VBIOS',
})

const with3 = (value: string) => ({
  ...pin,
  measurements: [1, 2, 3].map(index => grouped(index, value) as DeviceProfile['measurements'][number]),
})

const NOWHERE = {bdf: null, policy: null, tool: 'test', approvedBy: () => null}
const tell = (approvedBy: (index: number) => string | null) =>
  compare(with3('aa'), undefined, with3('bb'), {...NOWHERE, approvedBy})

/** The pin with one DICE layer. */
const layered = (fwid: string, layer = 1): Pin => ({...pin, dice: [{layer, fwids: [fwid], svn: '5', flags: []}]})

describe('a comparison', () => {
  it('of the same evidence finds nothing, of the first nothing to compare with', async () => {
    expect(base.comparison).toEqual({kind: 'first-seen'})
    const {comparison} = await seen({report: report(RANGES.map(range => ({...range, first: range.first + 0x40n})))})
    expect(comparison).toMatchObject({kind: 'compared', changes: [], equalMeasurements: 7})
  })

  it('tells what changed, the important first', async () => {
    const blocks = [
      ...withBlock(2, {value: new Uint8Array(48).fill(0xaa)}).filter(({index}) => index !== 5 && index !== 16),
      {index: 9, type: 'firmware' as const, value: new Uint8Array(48).fill(0xbb)},
      {index: 16, type: 'svn' as const, raw: true, value: SVN(6)},
    ].toSorted((a, b) => a.index - b.index)
    const changed = report(
      RANGES.map(range => (range.id === 2 ? {...range, flags: {isNonTeeMem: true}} : range)),
      {noFwUpdate: false, deviceSpecificInfo: Uint8Array.of(1)},
    )
    const found = changesOf(await seen({transcript: {blocks}, report: changed}))
    expect(brief(found).map(line => line.replaceAll(/[0-9a-f]{12}/g, '#'))).toEqual([
      '!svn: security version of block 16 fell (7 -> 6)',
      'measurement: block 5 (firmware) removed (# -> null)',
      'measurement: block 9 (firmware) added, no reference (null -> #)',
      'measurement: block 2 (firmware) changed, no reference (# -> #)',
      '!lock flags: noFwUpdate lost (noFwUpdate, dmaWithoutPasid, lockMsix -> dmaWithoutPasid, lockMsix)',
      '!report: memory of BAR2 became shared (0x0+2 TEE -> 0x0+2 shared)',
      'device-specific: device-specific bytes changed (null -> #)',
    ])
  })

  it('says which reference approves a new value', async () => {
    const old = withBlock(2, {value: new Uint8Array(48).fill(0xaa)})
    const before = pinned(await judge(await G1.forge({transcript: {blocks: old}}), LISTED))
    const now = await judge(await G1.forge(), policyFrom(G1.document), {pins: readerOf(before)})
    expect(changesOf(now)[0]?.text).toBe('block 2 (firmware) changed, approved by policy')
  })

  it('of an alias: another firmware identity, the same device', async () => {
    const policy = policyFrom(G2.document)
    const chain = await aliasCertificates()
    const updated = await aliasCertificates({layers: [tcbInfoOf(0), tcbInfoOf(1, {svn: 4})]})
    const first = pinned(await judge(await G2.forge({chain: chainObject(chain)}), policy))
    const forged = {chain: chainObject([...chain.slice(0, 3), updated[3]!])}
    const now = await judge(await G2.forge(forged), policy, {pins: readerOf(first)})
    expect(brief(changesOf(now)).map(line => line.replaceAll(/[0-9a-f]{12}/g, '#'))).toEqual([
      'identity: firmware identity changed, device identity unchanged (# -> #)',
      '!dice: DICE layer 1: svn fell (5 -> 4)',
    ])
  })

  it('of one group of blocks says one thing, and nothing approves it unless all are approved', () => {
    expect(tell(() => 'rim, signer acme')).toMatchObject({
      changes: [{text: 'VBIOS (3 blocks) changed, approved by rim, signer acme'}],
    })
    expect(tell(index => (index === 3 ? null : 'rim'))).toMatchObject({
      changes: [{text: 'VBIOS (3 blocks) changed, no reference'}],
    })
  })

  it('of DICE layers takes whole firmware ids, and the number of the layer, whatever is shown of them', () => {
    const was = layered(`sha384:${'a'.repeat(96)}`)
    const told = (is: Pin) =>
      changesOf({comparison: compare(was, undefined, is, NOWHERE)} as Appraisal).map(({text}) => text)
    expect(told(was)).toEqual([])
    expect(told(layered(`sha384:${'a'.repeat(95)}b`))).toEqual(['DICE layer 1: firmware id'])
    expect(told(layered(`sha512:${'a'.repeat(96)}`))).toEqual(['DICE layer 1: firmware id'])
    expect(told(layered(`sha384:${'a'.repeat(96)}`, 2))).toEqual(['DICE layer 1 is gone', 'DICE layer 2 appeared'])
  })

  it('says that the device moved, that policy or tool are others, and asks nobody for that', async () => {
    const policy = policyFrom(ruleWith({identity: {mode: 'enrolled'}}))
    const moved = {...pin, bdf: '0000:02:00.0', lastAccepted: {...pin.lastAccepted, tool: 'another'}}
    const now = await judge(await G1.forge(), policy, {pins: readerOf(moved)})
    expect(changesOf(now).map(({topic}) => topic)).toEqual(['policy', 'tool', 'place'])
    expect(now.decision).toBe('accept')
  })

  it('with anything else a person is asked, where the rule trusts a device for what it was', async () => {
    const changed = {deviceSpecificInfo: Uint8Array.of(1)}
    const decide = async (identity: object) =>
      (await seen({report: report(RANGES, changed)}, policyFrom(ruleWith({identity})))).decision
    expect(await decide({mode: 'enrolled'})).toBe('review')
    expect(await decide({mode: 'any-from-anchor'})).toBe('accept')
  })

  it('with another device in its place names the one that was there', async () => {
    const leaf = {extensions: [basic(false), usage(Usage.digitalSignature), deviceInfo('ACME:WIDGET:0001')]}
    const forged = {chain: chainObject(await certificates({leaf: {...leaf, name: 'Another'}}))}
    const {comparison} = await seen(forged)
    expect(comparison).toMatchObject({kind: 'other-device', was: {pinId: pin.pinId, san: 'ACME:WIDGET:0001'}})
  })
})

const decoded = (bytes: Uint8Array) => INTERFACE_REPORT.decode(bytes)

const formOf = (...args: Parameters<typeof report>): string => normalFormDigest(decoded(report(...args)))

const judged = async (bytes: Uint8Array): Promise<string | undefined> =>
  (await seen({report: bytes})).results.find(({id}) => id === 'tdisp.report.no-fw-update')?.result

it('N088 the bit of a report that refuses updates is 1: the pair of both values, byte by byte', async () => {
  const [refused, permitted] = [report().slice(), report().slice()]
  refused[0]! |= 1
  permitted[0]! &= 0xfe
  expect([await judged(refused), await judged(permitted)]).toEqual(['pass', 'fail'])
})

describe('the normal form of a report', () => {
  it('does not depend on the offset, and on everything else but device-specific bytes', () => {
    const plain = formOf()
    expect(formOf(RANGES.map(range => ({...range, first: range.first + 0x123n})))).toBe(plain)
    expect(formOf(RANGES, {deviceSpecificInfo: Uint8Array.of(1)})).toBe(plain)
    for (const fields of [{infoReserved: 1}, {noFwUpdate: false}, {tphControl: 1}, {lnrControl: 1}])
      expect(formOf(RANGES, fields)).not.toBe(plain)
    expect(formOf(RANGES.map(range => (range.id === 0 ? {...range, pages: 3} : range)))).not.toBe(plain)
  })

  it('is its own', () => {
    const once = reportNormalForm(decoded(report()))
    expect(reportNormalForm(decoded(once))).toEqual(once)
  })
})

const withSvn = (value: number): DeviceProfile => ({
  ...base.profile!,
  measurements: base.profile!.measurements.map(block =>
    block.type === 'svn' ? {...block, value: Buffer.from(SVN(value)).toString('hex')} : block,
  ),
})

describe('a pin', () => {
  const acceptance = {D: `sha384:${'1'.repeat(96)}`, P: `sha384:${'2'.repeat(96)}`, by: 'bob', tool: 'test'}
  const next = (before: Pin | undefined, profile: DeviceProfile, at = '2026-11-21T00:00:00Z', more: object = {}) =>
    remembered(before, {event: 'accepted', acceptance: {...acceptance, at}, profile, bdf: PCI.bdf, ...more})

  it('is read as it was written, and in no other way', () => {
    const bytes = encodePin(pin)
    expect(decodePin(bytes, pin.pinId)).toEqual(pin)
    expect(() => decodePin(bytes, `sha384:${'0'.repeat(96)}`)).toThrow(/it is the pin of/)
    fc.assert(
      fc.property(fc.nat(bytes.length - 2), fc.integer({min: 1, max: 255}), (at, change) => {
        const damaged = bytes.slice()
        damaged[at]! ^= change
        expect(() => decodePin(damaged, pin.pinId)).toThrow(/read pin/)
      }),
      {numRuns: 100},
    )
    fc.assert(
      fc.property(fc.nat(bytes.length - 2), length => {
        expect(() => decodePin(bytes.subarray(0, length), pin.pinId)).toThrow(/read pin/)
      }),
      {numRuns: 50},
    )
  })

  it('keeps the first event and the newest ones, and never a lower version', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({min: 1, max: 200}), {minLength: 1, maxLength: 40}), svns => {
        const last = svns.reduce<Pin | undefined>((before, svn) => next(before, withSvn(svn)), undefined)!
        expect(last.floor.measurements).toEqual([{index: 16, svn: String(Math.max(...svns))}])
        expect(fallenVersions(last, withSvn(Math.max(...svns) - 1))).toHaveLength(1)
        expect(last.history).toHaveLength(svns.length)
      }),
      {numRuns: 30},
    )
    let long: Pin | undefined
    for (let i = 0; i < 300; i++) long = next(long, base.profile!, new Date(i * 1000).toISOString())
    expect(long?.history).toHaveLength(256)
    expect([long?.history[0]?.at, long?.history[1]?.at]).toEqual([
      '1970-01-01T00:00:00.000Z',
      '1970-01-01T00:00:45.000Z',
    ])
    expect(decodePin(encodePin(long!), long!.pinId)).toEqual(long)
  })

  it('stays what it was where a waiver let something else pass', () => {
    const kept = next(pin, withSvn(9), undefined, {keepProfile: true})
    expect(kept).toMatchObject({measurements: pin.measurements, mode: 'manual', lastAccepted: {by: 'bob'}})
    expect(kept.floor.measurements[0]?.svn).toBe('9')
  })
})

describe('P21', () => {
  const VERSIONS = [5, 6, 7, 8]
  let bundles: readonly Bundle[]
  beforeAll(async () => {
    bundles = await Promise.all(
      VERSIONS.map(value => G1.forge({transcript: {blocks: withBlock(16, {value: SVN(value)})}})),
    )
  })

  const walk = async (order: readonly number[], rollback: 'deny' | 'warn') => {
    const policy = policyFrom(ruleWith({measurements: {...RULE_MEASUREMENTS, rollback}}))
    const accepted: number[] = []
    let known: Pin | undefined
    for (const i of order) {
      // each acceptance depends on those before it
      // oxlint-disable-next-line no-await-in-loop
      const appraisal = await judge(bundles[i]!, policy, {pins: readerOf(...(known === undefined ? [] : [known]))})
      if (appraisal.decision === 'deny') continue
      accepted.push(VERSIONS[i]!)
      const {D, P, profile} = appraisal
      const event = {D, P: P!, at: '2026-11-21T00:00:00Z', by: 'a', tool: 'test'}
      known = remembered(known, {event: 'accepted', acceptance: event, profile: profile!, bdf: PCI.bdf})
    }
    return accepted
  }

  it('what is accepted has versions that only rise under rollback: deny', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), {minLength: 1, maxLength: 5}), async order => {
        const accepted = await walk(order, 'deny')
        expect(accepted).toEqual(accepted.toSorted((a, b) => a - b))
        // and nothing was denied that rises
        expect(Math.max(...accepted)).toBe(Math.max(...order.map(i => VERSIONS[i]!)))
      }),
      {numRuns: 6},
    )
  })

  it('under rollback: warn a lower one is accepted, and said to be relaxed', async () => {
    expect(await walk([3, 0, 2], 'warn')).toEqual([8, 5, 7])
  })
})
