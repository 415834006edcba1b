import {X509Certificate} from 'node:crypto'
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {areComparable, LINT_RULES, productionFindings} from '../../../src/appraisal/policy/lint/index.js'
import {matchingRules} from '../../../src/appraisal/policy/index.js'
import {type DeviceFacts, named} from '../../../src/evidence/index.js'
import {APPROVERS, D, load, policy, rule, waiver} from './documents.js'
import {CA_DER, LEAF_DER} from './certificates.js'

type Json = Record<string, unknown>
const values = (...list: readonly Json[]): Json => policy({}, rule({measurements: {source: 'inline', values: list}}))
const skips = (check: string): Json => policy({}, rule({allowSkip: [{check, because: 'no-tsm-support'}]}))
const waived = (extra: Json): Json => policy({approvers: APPROVERS, waivers: [waiver(extra)]})
const firmware = (extra: Json): Json => ({index: 1, type: 'firmware', ...extra})

const TWO = {...APPROVERS, bob: {key: `ed25519:${'2'.repeat(64)}`}}
const labelled = (label: string): Json => policy({anchors: {vendor: [{label, certSha384: D('a')}]}})
const namedUnder = (id: string, set: string): Json => rule({id, anchors: [set], match: {san: 'A:*'}})
const WITHOUT = {reason: 'this kernel has no evidence interface'}

const manifest = (file: string): Json =>
  policy(
    {rimSigners: {signer: [{label: 'signer', certSha384: D('a')}]}},
    rule({measurements: {source: 'corim', rim: [{file, signer: 'signer'}]}}),
  )

const CASES: readonly (readonly [string, Json, string])[] = [
  ['two rules of one id', policy({}, rule(), rule()), 'L01'],
  ['two waivers of one id', policy({approvers: APPROVERS, waivers: [waiver(), waiver()]}), 'L01'],
  ['an unknown anchor set', policy({}, rule({anchors: ['other']})), 'L02'],
  ['an inherited name as anchor set', policy({}, rule({anchors: ['constructor']})), 'L02'],
  ['an unknown approver', policy({waivers: [waiver()]}), 'L02'],
  [
    'an unknown signer',
    policy({}, rule({measurements: {source: 'corim', rim: [{file: 'a.corim', signer: 'nobody'}]}})),
    'L02',
  ],
  ['a manifest that is not there', manifest('a.corim'), 'L02'],
  ['a manifest outside of the directory', manifest('../a.corim'), 'L02'],
  ['an unknown check to require', policy({}, rule({require: ['tdisp.nothing']})), 'L03'],
  ['a glob that matches nothing', policy({}, rule({require: ['tdisp.nothing.*']})), 'L03'],
  ['an unknown check to skip', skips('spdm.nothing'), 'L03'],
  ['an unknown check to waive', waived({check: 'spdm.nothing'}), 'L03'],
  ['skipping a fatal check', skips('spdm.meas.signature'), 'L04'],
  ['skipping an advisory check', skips('ide.tee-limited'), 'L04'],
  ['waiving a fatal check', waived({check: 'spdm.meas.nonce'}), 'L04'],
  ['waiving a check that is fatal where known', waived({check: 'tsm.digest.report'}), 'L04'],
  ['waiving an advisory check', waived({check: 'pci.siblings'}), 'L04'],
  ['accept without reference values', policy({}, rule({measurements: {source: 'none'}})), 'L05'],
  ['enrolled values of any device', policy({}, rule({measurements: {source: 'enrolled'}})), 'L05'],
  ['accept on first use', policy({}, rule({identity: {mode: 'tofu'}})), 'L06'],
  ['a mask without raw value', values(firmware({digests: [D('b')], mask: 'ff'})), 'L08'],
  ['a mask of another length', values(firmware({raw: ['0011'], mask: 'ff'})), 'L08'],
  ['a mask that compares nothing', values(firmware({raw: ['0011'], mask: '0000'})), 'L08'],
  ['a device mode of 12 bytes', values(firmware({type: 'device-mode', raw: ['00'.repeat(12)]})), 'L08'],
  ['a device mode as digest', values(firmware({type: 'device-mode', digests: [D('b')]})), 'L08'],
  ['an svn range for firmware', values(firmware({svn: {min: 1}})), 'L08'],
  ['an index twice', values(firmware({digests: [D('b')]}), firmware({digests: [D('c')]})), 'L09'],
  [
    'an index twice under one condition',
    values(
      firmware({digests: [D('b')], when: {fact: 'opaque.x', equals: 1}}),
      firmware({digests: [D('c')], when: {fact: 'opaque.x', equals: 1}}),
    ),
    'L09',
  ],
  ['an empty svn range', values(firmware({type: 'svn', svn: {min: 3, max: 2}})), 'L10'],
  ['a waiver of the future', waived({created: '2026-11-22T00:00:00Z'}), 'L11'],
  ['a waiver that ends before it begins', waived({expires: '2026-10-01T00:00:00Z'}), 'L11'],
  ['a waiver for more than 92 days', waived({expires: '2027-02-02T00:00:00Z'}), 'L11'],
  ['accepting without evidence', policy({}, rule({withoutEvidence: WITHOUT})), 'L17'],
  [
    'evidence that nobody types away',
    policy({}, rule({decision: 'review', human: 'confirm', withoutEvidence: WITHOUT})),
    'L17',
  ],
  [
    'a certificate name without evidence',
    policy({}, rule({decision: 'review', match: {san: 'x'}, withoutEvidence: WITHOUT})),
    'L17',
  ],
  ['two people with no names', policy({}, rule({human: 'two-person'})), 'L12'],
  [
    'two people with one key',
    policy({approvers: {alice: APPROVERS.alice, bob: APPROVERS.alice}}, rule({human: 'two-person'})),
    'L12',
  ],
  ['one approver for an identity', waived({check: 'spdm.id.pci-match'}), 'L12'],
  ['one approver for a measurement', waived({check: 'spdm.meas.values'}), 'L12'],
  ['one approver for DICE', waived({check: 'spdm.dice.fwid'}), 'L12'],
  ['one approver for the TSM', waived({check: 'tsm.lock.flags'}), 'L12'],
  [
    'two approvers with one key',
    policy({
      approvers: {alice: APPROVERS.alice, bob: APPROVERS.alice},
      waivers: [waiver({check: 'tsm.lock.flags', approvedBy: ['alice', 'bob']})],
    }),
    'L12',
  ],
  ['two rules for one device', policy({}, rule(), rule({id: 'b'})), 'L13'],
  ['a rule that holds another', policy({}, rule(), rule({id: 'b', match: {vendor: '0x10de'}})), 'L13'],
  [
    'more rules than anybody compares',
    policy({}, ...Array.from({length: 1001}, (_, i) => ({id: `r${i}`, match: {class: '0x03'}, decision: 'deny'}))),
    'L13',
  ],
  ['a digest stronger than its hash', policy({}, rule({spdm: {hash: ['sha256']}})), 'L14'],
  ['SPDM 1.1 without a person', policy({}, rule({spdm: {minVersion: '1.1'}, human: 'none'})), 'L14'],
  ['a policy that has expired', policy({notAfter: '2026-11-21T11:59:59Z'}), 'L18'],
  ['text with a line separator', policy({}, rule({description: 'a\u2028b'})), 'L16'],
  ['text with a space that is none', policy({}, rule({description: 'a\u00a0b'})), 'L16'],
  ['text with an escape sequence', policy({}, rule({description: 'a\u001b[2J'})), 'L16'],
  ['text with a bidirectional override', policy({}, rule({description: 'a\u202eb'})), 'L16'],
  ['text with half a surrogate pair', policy({}, rule({description: 'a\ud800'})), 'L16'],
  ['text that is not in composed form', policy({}, rule({description: 'e\u0301'})), 'L16'],
  ['endless text', policy({}, rule({description: 'x y '.repeat(100)})), 'L16'],
]

describe('lint', () => {
  it.each(CASES)('%s is exactly one finding', (_, document, id) => {
    const {findings, digest} = load(document)
    expect(findings.map(finding => finding.id)).toEqual([id])
    expect(digest).toBeNull()
  })

  it('has a case for every rule that can make a policy unusable', () => {
    const tried = new Set(CASES.map(([, , id]) => id))
    const others = Object.keys(LINT_RULES).filter(id => !tried.has(id))
    // the first only warns, the second is asked for
    expect(others).toEqual(['L07', 'L15'])
  })

  it.each([
    ['a glob over checks', policy({}, rule({require: ['tdisp.report.*', 'kernel.swiotlb']}))],
    ['skipping a required check', skips('ide.topology')],
    ['skipping one that is fatal where known', skips('tsm.digest.vca')],
    [
      'an index twice under two conditions',
      values(
        firmware({digests: [D('b')], when: {fact: 'opaque.x', equals: 1}}),
        firmware({digests: [D('c')], when: {fact: 'opaque.x', equals: 2}}),
      ),
    ],
    ['review on first use', policy({}, rule({decision: 'review', identity: {mode: 'tofu'}}))],
    [
      'a waiver that has expired, because expiry is not an error',
      waived({created: '2026-08-21T00:00:00Z', expires: '2026-11-20T00:00:00Z'}),
    ],
    ['two people with two keys', policy({approvers: TWO}, rule({human: 'two-person'}))],
    [
      'a waiver of an identity by two people',
      policy({approvers: TWO, waivers: [waiver({check: 'spdm.id.pci-match', approvedBy: ['alice', 'bob']})]}),
    ],
    ['an older hash beside a newer one', policy({}, rule({spdm: {hash: ['sha256', 'sha384']}}))],
    ['SPDM 1.1 with a person', policy({}, rule({spdm: {minVersion: '1.1'}, human: 'confirm'}))],
    ['a policy on its last second', policy({notAfter: '2026-11-21T12:00:00Z'})],
    ['text in any script', policy({}, rule({description: 'Gerät der Werkbank, 装置'}))],
  ])('accepts %s', (_, document) => expect(load(document).findings).toEqual([]))

  it.each<[string, Json, readonly string[]]>([
    ['nothing special', policy(), []],
    ['a waiver that has expired', waived({created: '2026-08-21T00:00:00Z', expires: '2026-11-20T00:00:00Z'}), ['L11']],
    ['a waiver with 13 days left', waived({expires: '2026-12-04T11:00:00Z'}), ['L11']],
    ['a waiver with 15 days left', waived({expires: '2026-12-06T13:00:00Z'}), []],
    [
      'a live waiver over a rule without a person',
      policy({approvers: APPROVERS, waivers: [waiver({expires: '2026-12-30T00:00:00Z'})]}, rule({human: 'none'})),
      ['L07'],
    ],
    [
      'a live waiver for another vendor',
      policy(
        {approvers: APPROVERS, waivers: [waiver({match: {vendor: '0x8086'}, expires: '2026-12-30T00:00:00Z'})]},
        rule({human: 'none'}),
      ),
      [],
    ],
    ['a security version of 0', values(firmware({type: 'svn', svn: {min: 0}})), ['L10']],
    ['a security version of at least 1', values(firmware({type: 'svn', svn: {min: 1}})), []],
    ['SHA-256 for the transcript', policy({}, rule({spdm: {hash: ['sha256', 'sha384']}})), ['L14']],
    ['SHA-256 for a value', values(firmware({digests: [`sha256:${'b'.repeat(64)}`]})), ['L14']],
  ])('warns of %s, which can be used', (_, document, ids) => {
    const {findings, warnings} = load(document)
    expect(findings).toEqual([])
    expect(warnings.map(({id}) => id)).toEqual(ids)
  })

  it.each([
    ['a link without IDE', rule({tsm: {ide: 'not-required'}})],
    ['ignored platform attestation', rule({tsm: {platformAttestation: 'ignore'}})],
    ['digests that may be missing', rule({tsm: {digests: 'if-available'}})],
    ['attributes that may change', rule({tdisp: {updatableRanges: 'allow'}})],
    ['a shared range of any size', rule({tdisp: {nonTeeRanges: [{bar: 0}]}})],
    ['devices without evidence', rule({decision: 'review', withoutEvidence: WITHOUT})],
  ])('for production refuses %s', (_, of) => {
    const {findings, document} = load(policy({}, of))
    expect(findings).toEqual([])
    expect(productionFindings(document).map(({id}) => id)).toEqual(['L15'])
  })

  it('for production refuses anchors of tests, and nothing of a plain policy', () => {
    expect(productionFindings(load(labelled('Test root 3')).document)).toHaveLength(1)
    expect(productionFindings(load(labelled('Contest root')).document)).toEqual([])
    const limited = rule({tdisp: {nonTeeRanges: [{bar: 0, maxPages: 16}]}})
    expect(productionFindings(load(policy({}, limited)).document)).toEqual([])
  })
})

/** Few values of each member, so that they meet often. */
const SELECTOR = fc
  .record(
    {
      vendor: fc.constantFrom('0x10de', '0x8086'),
      device: fc.uniqueArray(fc.constantFrom('0x0001', '0x0002', '0x0003'), {minLength: 1}),
      class: fc.constantFrom('0x03', '0x0302', '0x02'),
      bdf: fc.uniqueArray(fc.constantFrom('0000:01:00.0', '0000:02:00.0'), {minLength: 1}),
      san: fc.constantFrom('*', 'A:*', 'A:B:1', 'B:*'),
    },
    {requiredKeys: []},
  )
  .filter(match => Object.keys(match).length > 0)
const DEVICES: readonly (readonly [DeviceFacts, string])[] = ['0x10de', '0x8086'].flatMap(vendor =>
  ['0x0001', '0x0002', '0x0003'].flatMap(device =>
    ['0x030200', '0x030000', '0x020000'].flatMap(classCode =>
      ['0000:01:00.0', '0000:02:00.0'].flatMap(bdf =>
        ['A:B:1', 'A:C:1', 'B:B:1', 'C:C:1'].map(
          name => [{bdf, vendor, device, subsystem: null, class: classCode, revision: null}, name] as const,
        ),
      ),
    ),
  ),
)

describe('two selectors', () => {
  it('are found exactly when a device matches both, where they can be compared', () => {
    let [found, apart] = [0, 0]
    fc.assert(
      fc.property(SELECTOR, SELECTOR, (a, b) => {
        fc.pre(areComparable(a, b))
        const loaded = load(policy({}, rule({match: a}), rule({id: 'b', match: b})))
        const both = DEVICES.some(([device, name]) => matchingRules(loaded, device, () => name).length === 2)
        expect(loaded.findings.map(({id}) => id)).toEqual(both ? ['L13'] : [])
        if (both) found++
        else apart++
      }),
      {numRuns: 100},
    )
    expect(Math.min(found, apart)).toBeGreaterThan(5)
  })

  it.each([
    ['a class and an address', {class: '0x0302'}, {bdf: ['0000:01:00.0']}],
    ['a class and a device', {vendor: '0x10de', class: '0x0302'}, {vendor: '0x10de', device: ['0x2901']}],
  ])('that name %s cannot be compared: two matches deny when they happen', (_, a, b) => {
    expect(load(policy({}, rule({match: a}), rule({id: 'b', match: b}))).findings).toEqual([])
  })

  it('of names under different anchors cannot be compared', () => {
    const anchors = {a: [{label: 'a', certSha384: D('a')}], b: [{label: 'b', certSha384: D('b')}]}
    expect(load(policy({anchors}, namedUnder('a', 'a'), namedUnder('b', 'b'))).findings).toEqual([])
    expect(load(policy({anchors}, namedUnder('a', 'a'), namedUnder('b', 'a'))).findings.map(({id}) => id)).toEqual([
      'L13',
    ])
  })
})

const pem = (der: Uint8Array): Uint8Array => new TextEncoder().encode(new X509Certificate(der).toString())
const spki = (der: Uint8Array): string =>
  named(new Uint8Array(new X509Certificate(der).publicKey.export({type: 'spki', format: 'der'})))

const document = (extra: Json): Json => policy({anchors: {vendor: [{label: 'root', file: 'root.pem', ...extra}]}})

const findings = (extra: Json, content?: Uint8Array): string[] =>
  load(document(extra), new Map(content && [['root.pem', content]])).findings.map(({id, message}) => `${id} ${message}`)

describe('the certificate file of an anchor', () => {
  it('may be PEM or DER, pinned by certificate or key', () => {
    expect(findings({certSha384: named(CA_DER)}, pem(CA_DER))).toEqual([])
    expect(findings({certSha384: named(CA_DER)}, CA_DER)).toEqual([])
    expect(findings({spkiSha384: spki(CA_DER)}, CA_DER)).toEqual([])
  })

  it.each([
    ['is missing', {certSha384: named(CA_DER)}, undefined, 'was not found'],
    ['is empty', {certSha384: named(CA_DER)}, new Uint8Array(), 'not exactly one certificate'],
    ['has another digest', {certSha384: D('a')}, CA_DER, 'not the stated one'],
    ['has another key', {spkiSha384: D('a')}, CA_DER, 'not the stated one'],
    ['is no CA', {certSha384: named(LEAF_DER)}, LEAF_DER, 'not a CA'],
    ['goes on behind the certificate', {certSha384: named(CA_DER)}, new Uint8Array([...CA_DER, 0]), 'exactly one'],
    [
      'holds two certificates',
      {certSha384: named(CA_DER)},
      new Uint8Array([...pem(CA_DER), ...pem(LEAF_DER)]),
      'exactly one',
    ],
  ])('is a finding when it %s', (_, extra, content, why) => {
    const found = findings(extra, content)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(why)
    expect(found[0]).toMatch(/^L02/)
  })

  it('is a finding when it lies outside of the policy directory', () => {
    expect(findings({certSha384: named(CA_DER), file: 'a/../../x.pem'}, CA_DER)[0]).toContain('outside')
  })
})
