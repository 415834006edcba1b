/** Results as an appraisal settles them, one thing changed at a time, without any evidence behind them. */
import type {Answer} from '../../../src/appraisal/checks/index.js'
import {
  type Appraisal,
  CHECK_IDS,
  type CheckId,
  type CheckResult,
  type Decision,
  SKIP_NAMES,
  type SkipReason,
} from '../../../src/appraisal/index.js'
import {decide} from '../../../src/appraisal/appraise.js'
import {isCommitCheck} from '../../../src/appraisal/registry/index.js'
import {count, settle, type Terms} from '../../../src/appraisal/settle.js'

export interface Change {
  readonly id: CheckId
  readonly answer: Answer
  readonly waiver?: string
  /** The rule allows this skip. */
  readonly allowed?: boolean
}

export const failing = (id: CheckId, code = 'wrong'): Change => ({
  id,
  answer: {
    result: 'fail',
    code,
    got: 'what it is',
    expected: 'what it should be',
    place: {object: 'report', offset: 4},
  },
})
export const waived = (id: CheckId): Change => ({...failing(id), waiver: 'w-1'})
export const skipped = (id: CheckId, reason: SkipReason, allowed = true): Change => ({
  id,
  answer: {result: 'skip', reason, text: 'nobody says'},
  allowed,
})
export const byRule = (id: CheckId): Change => ({id, answer: {result: 'pass', relaxedBy: 'some.key: laxer'}})
export const blockedBy = (id: CheckId, by: CheckId): Change => ({id, answer: {result: 'blocked', by}})

/** All checks of an appraisal: passed, but for what was changed. */
export function resultsWith(...changes: readonly Change[]): readonly CheckResult[] {
  const byId = new Map(changes.map(change => [change.id, change]))
  return CHECK_IDS.filter(id => !isCommitCheck(id)).map(id => {
    const {answer = {result: 'pass'} as const, waiver, allowed = false} = byId.get(id) ?? {}
    const allowSkip = allowed && answer.result === 'skip' ? [{check: id, because: SKIP_NAMES[answer.reason]}] : []
    return settle(id, answer, {allowSkip, require: []} as Terms, waiver)
  })
}

/** An appraisal of a device nobody saw, with these results. */
export function appraisalWith(
  results: readonly CheckResult[],
  rule: {readonly decision: Decision; readonly human?: Appraisal['human']} = {decision: 'accept'},
  change: Partial<Appraisal> = {},
): Appraisal {
  const excused = results.some(({result}) => result === 'waived')
  return {
    ...decide(results, {id: 'widget', human: 'none', ...rule}, excused),
    rule: 'widget',
    unverified: false,
    results,
    counters: count(results),
    D: `sha384:${'9f'.repeat(48)}`,
    shortD: '9f9f9f9f9f9f',
    P: `sha384:${'5c'.repeat(48)}`,
    policy: 'lab',
    collectedAt: '2026-11-21T12:00:00Z',
    decidedAt: '2026-11-21T12:00:10.000Z',
    ageSeconds: 10,
    subject: {
      name: 'ACME:WIDGET:0001',
      bdf: '0000:01:00.0',
      claimed: '0x1b36:0x0010 rev 0x02 class 0x010802',
      anchor: 'ACME root',
      path: ['CN=Root', 'CN=CA', 'CN=Leaf'],
      certificate: `sha384:${'ab'.repeat(48)}`,
      slot: 0,
      spdm: {version: '1.2', hash: 'sha384', asym: 'ecdsa-p384'},
      measurements: [],
      debug: 'off',
      report: null,
      placement: null,
    },
    profile: null,
    comparison: null,
    relaxations: [],
    allowSkip: [],
    ...change,
  }
}
