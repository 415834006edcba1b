import {X509Certificate} from 'node:crypto'
import {describe, expect, it} from 'vitest'
import {named} from '../../../src/evidence/index.js'
import {APPROVERS, D, load, policy, rule, waiver} from './documents.js'
import {CA_DER, LEAF_DER} from './certificates.js'

type Json = Record<string, unknown>
const values = (...list: readonly Json[]): Json => policy({}, rule({measurements: {source: 'inline', values: list}}))
const skips = (check: string): Json => policy({}, rule({allowSkip: [{check, because: 'no-tsm-support'}]}))
const waived = (extra: Json): Json => policy({approvers: APPROVERS, waivers: [waiver(extra)]})
const firmware = (extra: Json): Json => ({index: 1, type: 'firmware', ...extra})

const WITHOUT = {reason: 'this kernel has no evidence interface'}

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
  ])('accepts %s', (_, document) => expect(load(document).findings).toEqual([]))
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
