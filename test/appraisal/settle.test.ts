/** From answers to a decision: every combination of class, answer and rule, and the properties no policy can break. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {
  CHECK_IDS,
  type CheckId,
  type CheckResult,
  REGISTRY,
  SKIP_NAMES,
  type SkipReason,
} from '../../src/appraisal/index.js'
import {decide} from '../../src/appraisal/appraise.js'
import {blocked, fail, pass, relaxed, skip} from '../../src/appraisal/checks/index.js'
import {isCommitCheck, isSkippable, isWaivable} from '../../src/appraisal/registry/index.js'
import {count, isSatisfied, settle, type Settleable, type Terms} from '../../src/appraisal/settle.js'

const NONE: Terms = {allowSkip: [], require: []}
const IDS = CHECK_IDS.filter(id => !isCommitCheck(id))
const allow = (check: string, reason: SkipReason): Terms => ({
  allowSkip: [{check, because: SKIP_NAMES[reason] as 'offline'}],
  require: [],
})
const requiring = (...require: readonly string[]): Terms => ({allowSkip: [], require})
const BROKEN: Settleable = {result: 'error', text: 'broken'}

const F = 'spdm.meas.signature'
const FNA = 'spdm.meas.context'
const FK = 'tsm.session.bound'
const W = 'ide.stream.secure'
const A = 'pci.siblings'
const ATSM = 'ide.tee-limited'

type Expected = readonly [result: string, blocking: boolean, word: string]
const CASES: readonly (readonly [string, CheckId, Settleable, Terms, string | undefined, Expected])[] = [
  ['fatal pass', F, pass(), NONE, undefined, ['pass', false, 'ok']],
  ['fatal fail', F, fail('x', 'y'), NONE, undefined, ['fail', true, 'FAIL']],
  ['fatal fail with a waiver', F, fail('x', 'y'), NONE, 'w', ['fail', true, 'FAIL']],
  ['fatal error', F, BROKEN, NONE, 'w', ['error', true, 'FAIL']],
  ['fatal blocked', F, blocked('spdm.chain.format'), NONE, 'w', ['blocked', true, 'NOT PROVEN']],
  ['fatal skip nobody foresaw', F, skip('tsm', 'x'), allow(F, 'tsm'), 'w', ['error', true, 'FAIL']],
  ['fatal not applicable', FNA, skip('na', 'x'), NONE, undefined, ['skip', false, 'not applicable']],
  ['fatal not applicable where it always applies', F, skip('na', 'x'), NONE, undefined, ['error', true, 'FAIL']],
  ['fatal where known, unknown', FK, skip('tsm', 'x'), NONE, undefined, ['skip', true, 'NOT PROVEN']],
  [
    'fatal where known, unknown and allowed',
    FK,
    skip('tsm', 'x'),
    allow(FK, 'tsm'),
    undefined,
    ['skip', false, 'RELAXED'],
  ],
  ['fatal where known, unknown, with a waiver', FK, skip('tsm', 'x'), NONE, 'w', ['skip', true, 'NOT PROVEN']],
  ['fatal where known, fail', FK, fail('x', 'y'), allow(FK, 'tsm'), 'w', ['fail', true, 'FAIL']],
  ['required pass', W, pass(), NONE, undefined, ['pass', false, 'ok']],
  ['required pass by a relaxed rule', W, relaxed('tsm.ide: x'), NONE, undefined, ['pass', false, 'RELAXED']],
  ['required fail', W, fail('x', 'y'), NONE, undefined, ['fail', true, 'FAIL']],
  ['required fail, waived', W, fail('x', 'y'), NONE, 'w', ['waived', false, 'RELAXED']],
  ['required fail with an allowed skip', W, fail('x', 'y'), allow(W, 'tsm'), undefined, ['fail', true, 'FAIL']],
  ['required error, waived', W, BROKEN, NONE, 'w', ['error', true, 'FAIL']],
  ['required blocked, waived', W, blocked('spdm.chain.format'), NONE, 'w', ['blocked', true, 'NOT PROVEN']],
  ['required skip', W, skip('tsm', 'x'), NONE, undefined, ['skip', true, 'NOT PROVEN']],
  ['required skip, allowed', W, skip('tsm', 'x'), allow(W, 'tsm'), undefined, ['skip', false, 'RELAXED']],
  [
    'required skip, allowed for another reason',
    W,
    skip('tsm', 'x'),
    allow(W, 'off'),
    undefined,
    ['skip', true, 'NOT PROVEN'],
  ],
  [
    'required skip, allowed for another check',
    W,
    skip('tsm', 'x'),
    allow('ide.topology', 'tsm'),
    undefined,
    ['skip', true, 'NOT PROVEN'],
  ],
  ['required skip, waived', W, skip('tsm', 'x'), NONE, 'w', ['waived', false, 'RELAXED']],
  ['advisory fail', A, fail('x', 'y'), NONE, undefined, ['fail', false, 'WARNING']],
  ['advisory fail, required by the rule', A, fail('x', 'y'), requiring(A), undefined, ['fail', true, 'FAIL']],
  ['advisory fail, required by a glob', A, fail('x', 'y'), requiring('pci.*'), 'w', ['fail', true, 'FAIL']],
  ['advisory skip', ATSM, skip('tsm', 'x'), NONE, undefined, ['skip', false, 'NOT PROVEN']],
  [
    'advisory skip, required by the rule',
    ATSM,
    skip('tsm', 'x'),
    requiring(ATSM),
    undefined,
    ['skip', true, 'NOT PROVEN'],
  ],
]

describe('settling', () => {
  it.each(CASES)('%s', (_, id, answer, terms, waiver, [result, blocking, word]) => {
    expect(settle(id, answer, terms, waiver)).toMatchObject({result, blocking, word})
  })

  it('what others may rely on is what passed, was relieved, or does not apply', () => {
    const satisfied = CASES.filter(([, id, answer, terms, waiver]) => isSatisfied(settle(id, answer, terms, waiver)))
    const relied = CASES.filter(([, , , , , [, , word]]) => ['ok', 'RELAXED', 'not applicable'].includes(word))
    expect(satisfied).toEqual(relied)
  })

  it('only printable text leaves, whatever a check says', () => {
    fc.assert(
      fc.property(fc.string({unit: 'binary'}), fc.string({unit: 'binary'}), (got, expected) => {
        const result = settle('tdisp.report.dma-pasid', fail('x', got, {expected}), NONE)
        for (const text of [result.text, result.got, result.expected]) expect(text).toMatch(/^[\x20-\x7e]*$/)
      }),
    )
  })

  it('fills a text in literally, also with what replace would interpret', () => {
    expect(settle('pci.command', fail('x', "$& $1 $' {expected}"), NONE).text).toContain("$& $1 $'")
  })
})

/** A check of each class that may be skipped, and one of each that may not. */
const EACH: readonly CheckId[] = [F, FNA, FK, W, 'pci.command', A, ATSM]
const ANSWERS: readonly Settleable[] = [
  pass(),
  fail('x', 'y'),
  BROKEN,
  blocked('spdm.chain.format'),
  ...(Object.keys(SKIP_NAMES) as SkipReason[]).map(reason => skip(reason, 'x')),
]
const YES_OR_NO = [true, false]

/** The verdict in one sentence: what each class needs to have come out as. */
function isEnough(id: CheckId, answer: Settleable, may: {skip: boolean; waive: boolean}, required: boolean): boolean {
  const {class: kind, whenKnown, skips = []} = REGISTRY[id]
  const reason = answer.result === 'skip' && skips.includes(answer.reason) ? answer.reason : undefined
  if (answer.result === 'pass' || reason === 'na') return true
  if (kind === 'A') return !required
  const isSkipped = reason !== undefined && may.skip && (kind === 'W' || whenKnown === true)
  const isWaived = kind === 'W' && may.waive && (answer.result === 'fail' || reason !== undefined)
  return isSkipped || isWaived
}

describe('every combination', () => {
  const combinations = EACH.flatMap(id =>
    ANSWERS.flatMap(answer =>
      YES_OR_NO.flatMap(skips =>
        YES_OR_NO.flatMap(waives => YES_OR_NO.map(required => ({id, answer, skips, waives, required}))),
      ),
    ),
  )

  it('stands against acceptance exactly where its class needs more than it is', () => {
    expect(combinations).toHaveLength(7 * 10 * 8)
    for (const {id, answer, skips, waives, required} of combinations) {
      const by: Terms = {
        allowSkip: skips && answer.result === 'skip' ? allow(id, answer.reason).allowSkip : [],
        require: required ? [id] : [],
      }
      const {blocking} = settle(id, answer, by, waives ? 'w' : undefined)
      const enough = isEnough(id, answer, {skip: skips, waive: waives}, required)
      expect({id, answer, by, waives, blocking}).toEqual({id, answer, by, waives, blocking: !enough})
    }
  })
})

const reasons = Object.keys(SKIP_NAMES) as SkipReason[]
const answer: fc.Arbitrary<Settleable> = fc.oneof(
  {weight: 6, arbitrary: fc.constant(pass())},
  {weight: 1, arbitrary: fc.constant(fail('x', 'y'))},
  {weight: 1, arbitrary: fc.constant(BROKEN)},
  {weight: 1, arbitrary: fc.constantFrom(...IDS).map(blocked)},
  {weight: 3, arbitrary: fc.constantFrom(...reasons).map(reason => skip(reason, 'x'))},
)
const answers = fc.tuple(...IDS.map(() => answer))
const terms: fc.Arbitrary<Terms> = fc.record({
  // beyond what the schema and lint let through: the decision must hold on its own
  allowSkip: fc.array(
    fc.record({
      check: fc.constantFrom<string>(...IDS),
      because: fc.constantFrom(...(Object.values(SKIP_NAMES) as Terms['allowSkip'][number]['because'][])),
    }),
    {maxLength: 60},
  ),
  require: fc.array(fc.constantFrom('tdisp.*', 'ide.*', 'kernel.swiotlb', 'spdm.*'), {maxLength: 3}),
})
const waivers = fc.uniqueArray(fc.constantFrom<string>(...IDS), {maxLength: IDS.length})
const rule = fc.record({
  id: fc.constant('r'),
  decision: fc.constantFrom('accept' as const, 'review' as const, 'deny' as const),
  human: fc.constantFrom('none' as const, 'confirm' as const, 'typed' as const, 'two-person' as const),
})

const settled = (given: readonly Settleable[], by: Terms, waived: readonly string[]): CheckResult[] =>
  IDS.map((id, i) => settle(id, given[i]!, by, waived.includes(id) ? 'w' : undefined))

describe('the decision', () => {
  const EVERYTHING: Terms = {
    allowSkip: IDS.flatMap(check => Object.values(SKIP_NAMES).map(because => ({check, because: because as 'offline'}))),
    require: [],
  }

  it('no fatal check that is not passed is ever survived', () => {
    fc.assert(
      fc.property(answers, waivers, rule, (given, waived, by) => {
        const results = settled(given, EVERYTHING, waived)
        const fatal = IDS.some((id, i) => {
          const {result} = given[i]!
          if (REGISTRY[id].class !== 'F' || result === 'pass') return false
          const reason = (given[i] as {reason?: SkipReason}).reason
          const isNa = result === 'skip' && reason === 'na' && REGISTRY[id].skips?.includes('na')
          const isUnknown = result === 'skip' && REGISTRY[id].whenKnown && REGISTRY[id].skips?.includes(reason!)
          return !isNa && !isUnknown
        })
        expect(fatal && decide(results, by, false).decision !== 'deny').toBe(false)
      }),
      {numRuns: 300},
    )
  })

  it('one failing fatal check is enough, whatever everything else says', () => {
    fc.assert(
      fc.property(fc.constantFrom(...IDS.filter(id => REGISTRY[id].class === 'F')), waivers, rule, (id, waived, by) => {
        const results = IDS.map(one =>
          settle(one, one === id ? fail('x', 'y') : pass(), EVERYTHING, waived.includes(one) ? 'w' : undefined),
        )
        expect(decide(results, by, false).decision).toBe('deny')
      }),
    )
  })

  const RANK = {deny: 0, review: 1, accept: 2}

  it('worse evidence, more requirements, fewer exceptions never decide better', () => {
    fc.assert(
      fc.property(
        answers,
        terms,
        waivers,
        rule,
        fc.nat(IDS.length - 1),
        fc.constantFrom('fail', 'require', 'skip', 'waiver'),
        (given, by, waived, of, at, change) => {
          const before = decide(settled(given, by, waived), of, false).decision
          const worse = given.map((one, i) => (change === 'fail' && i === at ? fail('x', 'y') : one))
          const stricter: Terms = {
            require: change === 'require' ? [...by.require, IDS[at]!] : by.require,
            allowSkip: change === 'skip' ? by.allowSkip.slice(1) : by.allowSkip,
          }
          const fewer = change === 'waiver' ? waived.slice(1) : waived
          const after = decide(settled(worse, stricter, fewer), of, false).decision
          expect(RANK[after]).toBeLessThanOrEqual(RANK[before])
        },
      ),
      {numRuns: 500},
    )
  })

  it.each([
    ['no rule', {id: null, decision: 'accept', human: 'none'}, false, 'deny', 'none'],
    ['a rule that denies', {id: 'r', decision: 'deny', human: 'none'}, false, 'deny', 'none'],
    ['a rule that accepts', {id: 'r', decision: 'accept', human: 'none'}, false, 'accept', 'none'],
    ['a rule that accepts with a human', {id: 'r', decision: 'accept', human: 'confirm'}, false, 'review', 'confirm'],
    ['a rule that reviews', {id: 'r', decision: 'review', human: 'typed'}, false, 'review', 'typed'],
    ['a rule that reviews with nobody', {id: 'r', decision: 'review', human: 'none'}, false, 'review', 'typed'],
    ['a rule that accepts, under a waiver', {id: 'r', decision: 'accept', human: 'none'}, true, 'review', 'typed'],
  ] as const)('%s, when nothing stands against it', (_, by, waived, decision, human) => {
    expect(decide([settle(F, pass(), NONE)], by, waived)).toEqual({decision, human})
  })

  it('without any result nothing is accepted', () => {
    expect(decide([], {id: 'r', decision: 'accept', human: 'none'}, false).decision).toBe('deny')
  })

  it('counts four words, and what does not apply under none of them', () => {
    const results = CASES.map(([, id, given, by, waiver]) => settle(id, given, by, waiver))
    const counters = count(results)
    const words = (...wanted: readonly string[]): number => results.filter(({word}) => wanted.includes(word)).length
    expect(counters).toEqual({
      fail: words('FAIL'),
      relaxed: words('RELAXED'),
      notProven: words('NOT PROVEN', 'WARNING'),
      ok: words('ok'),
    })
    expect(IDS.every(id => !isWaivable(id) || isSkippable(id))).toBe(true)
  })
})
