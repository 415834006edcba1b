import {describe, expect, it} from 'vitest'
import type {Appraisal} from '../../src/appraisal/index.js'
import {negotiation} from '../../src/sim/responder.js'
import {DOCUMENT, forge, policyFrom, RANGES, report, RULE} from './forge.js'
import {FACTS, failures, judge} from './guest.js'

const VCA = negotiation()
const ATS = {report: report(RANGES, {atsSupported: true})}

const waiver = (change: object = {}): object => ({
  id: 'w-ats',
  check: 'tdisp.report.ats',
  match: {vendor: '0x1b36'},
  reason: 'the vendor fixes this in firmware 5.1',
  approvedBy: ['alice'],
  created: '2026-11-01T00:00:00Z',
  expires: '2026-12-01T00:00:00Z',
  ...change,
})

const review = async (
  waivers: readonly object[],
  circumstances: Parameters<typeof judge>[2] = {},
  rule: object = {},
): Promise<Appraisal> =>
  judge(await forge(VCA, FACTS, ATS), policyFrom({...DOCUMENT, rules: [{...RULE, ...rule}], waivers}), circumstances)

const of = ({results}: Appraisal, id: string) => results.find(result => result.id === id)!

const key = (digit: string) => ({key: `ed25519:${digit.repeat(64)}`})

describe('a waiver', () => {
  it('that is live covers its check, keeps the finding, and asks for a human', async () => {
    const appraisal = await review([waiver()])
    expect(of(appraisal, 'tdisp.report.ats')).toMatchObject({result: 'waived', waiver: 'w-ats', word: 'RELAXED'})
    expect(of(appraisal, 'tdisp.report.ats').text).toBe('ATS is enabled')
    expect(appraisal).toMatchObject({decision: 'review', human: 'typed'})
  })

  it('may be for exactly this evidence', async () => {
    const {digest} = await forge(VCA, FACTS, ATS)
    // signatures are random: the same forgery has another digest every time
    const appraisal = await review([waiver({evidenceDigest: digest})])
    expect(failures(appraisal)).toEqual(['tdisp.report.ats', 'policy.waivers'])
    const bundle = await forge(VCA, FACTS, ATS)
    const matching = policyFrom({...DOCUMENT, waivers: [waiver({evidenceDigest: bundle.digest})]})
    expect((await judge(bundle, matching)).decision).toBe('review')
  })

  it.each([
    ['N113 has expired', waiver({created: '2026-09-01T00:00:00Z', expires: '2026-11-21T00:00:00Z'}), {}, {}, 'expired'],
    [
      'N113 is for another address',
      waiver({match: {vendor: '0x1b36', bdf: ['0000:02:00.0']}}),
      {},
      {},
      'another device',
    ],
    ['N113 is for other evidence', waiver({evidenceDigest: `sha384:${'0'.repeat(96)}`}), {}, {}, 'other evidence'],
    ['is for another name', waiver({match: {san: 'OTHER:*'}}), {}, {}, 'another certificate name'],
    ['ends by a clock nobody trusts', waiver(), {clockTrusted: false}, {}, 'not trusted'],
    ['N113 has one approver where two are needed', waiver(), {}, {human: 'two-person'}, 'two people'],
  ])('that %s is said to be unusable', async (_, given, circumstances, rule, why) => {
    const appraisal = await review([given], circumstances, rule)
    expect(failures(appraisal)).toContain('policy.waivers')
    expect(of(appraisal, 'policy.waivers').got).toContain(why)
    expect(appraisal.decision).toBe('deny')
  })

  it('that is live for the device, but not needed, still asks for a human', async () => {
    const sound = await judge(await forge(VCA, FACTS), policyFrom({...DOCUMENT, waivers: [waiver()]}))
    expect(sound).toMatchObject({decision: 'review', human: 'typed'})
    expect(of(sound, 'policy.waivers').result).toBe('pass')
  })

  it('of one person with two names is not one of two people', async () => {
    const approvers = {alice: key('a'), 'alice-again': key('a'), bob: key('b')}
    const agreed = async (...approvedBy: readonly string[]) => {
      const document = {
        ...DOCUMENT,
        approvers,
        rules: [{...RULE, human: 'two-person'}],
        waivers: [waiver({approvedBy})],
      }
      return judge(await forge(VCA, FACTS, ATS), policyFrom(document))
    }
    expect((await agreed('alice', 'bob')).decision).toBe('review')
    const alone = await agreed('alice', 'alice-again')
    expect(failures(alone)).toEqual(['tdisp.report.ats', 'policy.waivers'])
    expect(of(alone, 'policy.waivers').got).toContain('two people')
  })

  it('that is not needed may be expired', async () => {
    const old = waiver({created: '2026-09-01T00:00:00Z', expires: '2026-11-21T00:00:00Z'})
    const sound = await judge(await forge(VCA, FACTS), policyFrom({...DOCUMENT, waivers: [old]}))
    expect(sound.decision).toBe('accept')
  })
})
