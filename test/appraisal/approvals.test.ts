/** Approvals that are signed elsewhere (N114): for exactly this evidence, policy, device and rule, for ten minutes. */
import {generateKeyPairSync, type KeyObject} from 'node:crypto'
import * as fc from 'fast-check'
import {beforeAll, describe, expect, it} from 'vitest'
import {
  type Appraisal,
  type ApprovalClaims,
  approverKey,
  commitChecks,
  type CommitInput,
  decodeApproval,
  signApproval,
  type SignedApproval,
} from '../../src/appraisal/index.js'
import type {Bundle} from '../../src/evidence/index.js'
import {negotiation} from '../../src/sim/responder.js'
import {DOCUMENT, forge, PCI, policyFrom, RULE} from './forge.js'
import {FACTS, judge, NOW} from './guest.js'

const newKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey
const KEYS = {alice: newKey(), bob: newKey(), mallory: newKey()}
const APPROVERS = {alice: {key: approverKey(KEYS.alice)!}, bob: {key: approverKey(KEYS.bob)!}}
const policyWith = (human: string) =>
  policyFrom({...DOCUMENT, approvers: APPROVERS, rules: [{...RULE, decision: 'review', human}]})
const POLICY = policyWith('two-person')

let bundle: Bundle
let appraisal: Appraisal
let typed: Appraisal
beforeAll(async () => {
  bundle = await forge(negotiation(), FACTS)
  appraisal = await judge(bundle, POLICY)
  typed = await judge(bundle, policyWith('typed'))
})

const later = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000)
const claims = (extra: Partial<ApprovalClaims> = {}, of = appraisal): ApprovalClaims => ({
  D: of.D,
  P: of.P!,
  bdf: PCI.bdf,
  rule: of.rule!,
  notAfter: later(600).toISOString(),
  reason: 'bring-up of a storage node',
  ...extra,
})
const by = (who: keyof typeof KEYS, extra?: Partial<ApprovalClaims>): SignedApproval =>
  signApproval(claims(extra), KEYS[who])

const human = (signed: readonly SignedApproval[], extra: Partial<CommitInput> = {}) =>
  commitChecks({
    bundle,
    appraisal,
    approval: null,
    signed,
    approvers: APPROVERS,
    now: later(30),
    state: 'CONFIG_LOCKED',
    lockedBy: 'tsm0',
    driver: null,
    pci: PCI,
    digests: new Map(),
    abi: bundle.manifest.provider.abi,
    generation: null,
    count: null,
    lockedSince: false,
    auditDurable: true,
    ...extra,
  }).find(({id}) => id === 'commit.human')!

const edited = (change: Partial<ApprovalClaims>): SignedApproval => {
  const signed = by('bob')
  return {...signed, approval: {...signed.approval, ...change}}
}
const other = `sha384:${'0'.repeat(96)}`

describe('two approvers', () => {
  it('with a key each approve, and are named', () => {
    expect(appraisal).toMatchObject({decision: 'review', human: 'two-person'})
    expect(human([by('alice'), by('bob')])).toMatchObject({
      result: 'pass',
      text: 'approved by "alice" and "bob"',
      blocking: false,
    })
  })

  it.each<[string, string, () => readonly SignedApproval[], Partial<CommitInput>?]>([
    ['nobody', 'missing', () => []],
    ['one of them', 'missing', () => [by('alice')]],
    ['N114 one of them twice', 'one-key', () => [by('alice'), by('alice', {reason: 'another reason, same key'})]],
    ['somebody else', 'unknown-key', () => [by('alice'), by('mallory')]],
    ['three, one of whom is nobody', 'unknown-key', () => [by('alice'), by('bob'), by('mallory')]],
    ['N114 an edited reason', 'signature', () => [by('alice'), edited({reason: 'something harmless'})]],
    ['an edited end', 'signature', () => [by('alice'), edited({notAfter: later(650).toISOString()})]],
    ['the key of another approver', 'signature', () => [by('alice'), {...by('mallory'), key: APPROVERS.bob.key}]],
    ['N114 other evidence', 'other', () => [by('alice'), by('bob', {D: other})]],
    ['another policy', 'other', () => [by('alice'), by('bob', {P: other})]],
    ['another device', 'other', () => [by('alice'), by('bob', {bdf: '0000:02:00.0'})]],
    ['another rule', 'other', () => [by('alice'), by('bob', {rule: 'gadget'})]],
    ['one that has ended', 'old', () => [by('alice'), by('bob', {notAfter: later(29).toISOString()})]],
    ['one for a year', 'window', () => [by('alice'), by('bob', {notAfter: later(31e6).toISOString()})]],
    ['one without a reason', 'reason', () => [by('alice'), by('bob', {reason: null})]],
    ['N114 a decision of eleven minutes ago', 'stale', () => [by('alice'), by('bob')], {now: later(661)}],
    ['the same, with the clock set back', 'stale', () => [by('alice'), by('bob')], {sinceDecision: 661}],
  ])('%s: not', (_, code, signed, extra) => {
    expect(human(signed(), extra)).toMatchObject({result: 'fail', code, blocking: true})
  })

  it.each<[string, string, () => SignedApproval]>([
    ['of somebody else', 'unknown-key', () => by('mallory')],
    ['that was edited', 'signature', () => edited({reason: 'something harmless'})],
    ['of other evidence', 'other', () => by('alice', {D: other})],
  ])('where the rule asks for nobody, an approval %s is not taken down as one', async (_, code, signed) => {
    const alone = await judge(bundle, policyFrom({...DOCUMENT, approvers: APPROVERS, rules: [RULE]}))
    expect(alone).toMatchObject({decision: 'accept', rule: appraisal.rule})
    const given = {...signed()}
    expect(human([given], {appraisal: alone})).toMatchObject({result: 'fail', code, blocking: true})
  })

  it('a person who types here is not one of the two: they may own a key', () => {
    const approval = {
      by: 'alice',
      method: 'two-person' as const,
      at: later(20).toISOString(),
      reason: 'long enough a reason',
      digest: appraisal.D,
    }
    expect(human([], {approval})).toMatchObject({code: 'missing', blocking: true})
    expect(human([by('alice')], {approval})).toMatchObject({code: 'missing', blocking: true})
  })

  it('one suffices where one person is asked for', () => {
    const signed = signApproval(claims({}, typed), KEYS.alice)
    expect(human([signed], {appraisal: typed})).toMatchObject({result: 'pass', text: 'approved by "alice"'})
    // of another rule's policy
    expect(human([by('alice')], {appraisal: typed})).toMatchObject({code: 'other'})
  })
})

function anApproval(): SignedApproval {
  const zero = `sha384:${'0'.repeat(96)}`
  const approval = {D: zero, P: zero, bdf: PCI.bdf, rule: 'r', notAfter: later(1).toISOString(), reason: null}
  return signApproval(approval, KEYS.alice)
}
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

describe('the file of an approval', () => {
  it('is read as it was written', () => {
    expect(decodeApproval(bytes(by('alice')))).toEqual(by('alice'))
  })

  it.each<[string, unknown]>([
    ['a member more', {...anApproval(), extra: 1}],
    ['no signature', {...anApproval(), signature: undefined}],
    ['a time that is none', {...anApproval(), approval: {...anApproval().approval, notAfter: 'tomorrow'}}],
    ['a list', []],
  ])('%s is refused', (_, value) => {
    expect(() => decodeApproval(bytes(value))).toThrow(/read a signed approval/)
  })

  it('too large a file is refused', () => {
    expect(() => decodeApproval(new Uint8Array(20_000))).toThrow(/larger/)
  })

  it('any byte changed: refused, or no approval', () => {
    const file = bytes(by('alice'))
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.integer({min: 1, max: 255}), (at, change) => {
        const copy = file.slice()
        copy[at]! ^= change
        let signed: SignedApproval
        try {
          signed = decodeApproval(copy)
        } catch {
          return
        }
        expect(human([signed, by('bob')]).result).toBe('fail')
      }),
      {numRuns: 60},
    )
  })
})
