/** What revocation statements mean for a decision: by the mode of the rule, the clock, and what else there is. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import type {AppraisalInput} from '../../src/appraisal/index.js'
import {makeCrl} from '../spdm/statements.js'
import {flipped} from '../spdm/support.js'
import {G1} from './bases/index.js'
import {GENUINE, chainObject, DOCUMENT, policyFrom, RULE, type Supplied, supplying, withFiles} from './forge.js'
import {blockers, judge} from './guest.js'
import {crl, ocsp, pointing, policyWith, ROOT} from './suite/revocation.js'

const ID = 'spdm.chain.revocation'
const plain = await G1.forge()
/** The CA says where its status can be learned. */
const named = await G1.forge(await pointing())

async function resultOf(bundle: typeof plain, policy: object, circumstances: Partial<AppraisalInput> = {}) {
  const appraisal = await judge(bundle, policyFrom(policy), circumstances)
  const {result, reason, word, code, text, blocking} = appraisal.results.find(({id}) => id === ID)!
  return {said: `${result} ${reason ?? code} ${word}`, text, blocking, appraisal}
}

const pem = ({revocation = []}: Supplied): string =>
  revocation
    .map(({bytes}) => `-----BEGIN X509 CRL-----\n${Buffer.from(bytes).toString('base64')}\n-----END X509 CRL-----\n`)
    .join('')
const merged = (...all: readonly Supplied[]): Supplied => ({revocation: all.flatMap(({revocation = []}) => revocation)})
const HARD = {mode: 'hard'}

describe('status of certificates', () => {
  it.each<[string, typeof plain, Supplied, object, string]>([
    ['no source at all', plain, {}, HARD, 'skip abs RELAXED'],
    ['no source, where unknown is tolerated', plain, {}, {mode: 'soft'}, 'skip abs RELAXED'],
    ['a source that nothing was supplied from', named, {}, HARD, 'fail nothing FAIL'],
    ['the same, where unknown is tolerated', named, {}, {mode: 'soft'}, 'skip off RELAXED'],
    ['the same, where only lists at hand count', named, {}, {mode: 'local-only'}, 'pass pass RELAXED'],
    ['a complete list', named, crl(), HARD, 'pass pass ok'],
    ['a complete list of others', named, crl('07'), HARD, 'pass pass ok'],
    ['a list although nobody asked for one', plain, crl(), HARD, 'pass pass ok'],
    ['a good answer', named, ocsp(), HARD, 'pass pass ok'],
    ['a good answer as old as allowed', named, ocsp(), {mode: 'hard', maxAgeHours: 7}, 'pass pass ok'],
    ['a good answer and a revoking list', named, merged(ocsp(), crl('02')), HARD, 'fail revoked FAIL'],
    ['an old answer, where unknown is tolerated', named, ocsp(), {mode: 'soft', maxAgeHours: 1}, 'skip off RELAXED'],
    [
      'an old answer, where only lists at hand count',
      named,
      ocsp(),
      {mode: 'local-only', maxAgeHours: 1},
      'pass pass RELAXED',
    ],
  ])('%s', async (_, bundle, supplied, revocation, expected) => {
    const {said, appraisal} = await resultOf(bundle, policyWith(supplied, revocation))
    expect(said).toBe(expected)
    expect(appraisal.decision).toBe(expected.startsWith('fail') ? 'deny' : 'accept')
  })

  it('says which certificate was revoked, when, why and by what', async () => {
    const {text} = await resultOf(plain, policyWith(crl('02')))
    expect(text).toBe('revocation: certificate 1 ("CN=CA") was revoked on 2026-10-01, keyCompromise ["acme.crl"]')
  })

  it('takes lists in PEM, several in a file', async () => {
    const bytes = new TextEncoder().encode(pem(crl()) + pem(crl('02')))
    const {said} = await resultOf(plain, policyWith({revocation: [{name: 'all.pem', bytes}]}))
    expect(said).toBe('fail revoked FAIL')
  })
})

describe('without a clock that somebody vouches for', () => {
  const circumstances = {clockTrusted: false}

  it('a good statement is not proven to be recent, and a rule must say that this is enough', async () => {
    expect((await resultOf(named, policyWith(crl()), circumstances)).said).toBe('skip clk NOT PROVEN')
    const skip = {check: ID, because: 'clock-untrusted'}
    const rule = {...RULE, allowSkip: [...RULE.allowSkip, skip]}
    const allowing = supplying({...DOCUMENT, rules: [rule]}, crl())
    expect((await resultOf(named, allowing, circumstances)).said).toBe('skip clk RELAXED')
  })

  it('a revocation counts all the same', async () => {
    expect((await resultOf(named, policyWith(crl('02')), circumstances)).said).toBe('fail revoked FAIL')
  })
})

it('the anchor itself is trusted by its digest, and no list can revoke it', async () => {
  expect((await resultOf(plain, policyWith(crl('01')))).said).toBe('pass pass ok')
})

it('a root that the device left out speaks for its CA all the same', async () => {
  const below = await G1.forge({
    chain: chainObject(
      GENUINE.slice(1),
      new Uint8Array(Buffer.from(DOCUMENT.anchors.acme[0]!.certSha384.slice(7), 'hex')),
    ),
  })
  const anchors = {acme: [{...DOCUMENT.anchors.acme[0], file: 'root.der'}]}
  const files = new Map([['root.der', GENUINE[0]!]])
  expect((await resultOf(below, withFiles({...DOCUMENT, anchors}, files))).said).toBe('skip abs RELAXED')
  const {said} = await resultOf(below, supplying({...DOCUMENT, anchors}, {files, ...crl('02')}))
  expect(said).toBe('fail revoked FAIL')
})

it('is not asked of a path that is not verified', async () => {
  const anchors = {acme: [{label: 'another', certSha384: `sha384:${'a'.repeat(96)}`}]}
  const {said, appraisal} = await resultOf(plain, supplying({...DOCUMENT, anchors}, crl('02')))
  expect(said).toBe('blocked blocked NOT PROVEN')
  expect(blockers(appraisal)).toContain('spdm.chain.root-pinned fail')
})

it('files of any content, and any bit of a list, never turn deny into accept', async () => {
  const list = makeCrl({by: ROOT, revoked: [{serial: '02'}]})
  const content = fc.oneof(
    fc.uint8Array({maxLength: 64}),
    fc.nat(list.length * 8 - 1).map(bit => flipped(list, bit)),
    fc.nat(list.length - 1).map(length => list.subarray(0, length)),
  )
  await fc.assert(
    fc.asyncProperty(content, async bytes => {
      const {appraisal} = await resultOf(named, policyWith({revocation: [{name: 'x', bytes}]}))
      expect(appraisal.decision).toBe('deny')
    }),
    {numRuns: 30},
  )
})
