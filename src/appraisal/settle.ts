/**
 * From a check's answer to its result: class, waivers and the rule's allowed skips decide whether it stands against
 * acceptance. This is where "not proven" stays apart from "passed".
 */
import type {Answer} from './checks/index.js'
import {type EffectiveRule, matchesGlob} from './policy/index.js'
import {ATTACKS, type CheckId, type CheckSpec, isSkippable, isWaivable, REGISTRY, SKIP_NAMES} from './registry/index.js'
import type {CheckResult, Counters, Outcome, SkipReason, Word} from './types.js'

/** What settling needs of a rule. */
export type Terms = Pick<EffectiveRule, 'allowSkip' | 'require'>

/** Answer of a check that failed by itself: our bug, or something nobody foresaw. */
export type Settleable = Answer | {readonly result: 'error'; readonly text: string}

const OUTSIDE_ASCII = /[^\x20-\x7e]/gu
const LONGEST = 400

/** Last line of defence: whatever a check put into a text, only printable ASCII leaves. */
const ascii = (text: string): string =>
  text.slice(0, LONGEST).replaceAll(OUTSIDE_ASCII, char => `\\u{${char.codePointAt(0)!.toString(16)}}`)

const allowsSkip = (terms: Terms, id: CheckId, reason: SkipReason): boolean =>
  isSkippable(id) && terms.allowSkip.some(({check, because}) => check === id && because === SKIP_NAMES[reason])

const fill = (template: string, got: string, expected: string): string =>
  template.replaceAll('{got}', () => got).replaceAll('{expected}', () => expected)

interface Relief {
  readonly result: Outcome
  readonly waiver: string | null
  readonly relaxedBy: string | null
}

/** What is left of an answer after the rule had its say. */
function relieve(id: CheckId, spec: CheckSpec, answer: Settleable, terms: Terms, waiver: string | undefined): Relief {
  const {result} = answer
  const plain: Relief = {result, waiver: null, relaxedBy: null}
  if (result === 'pass') return {...plain, relaxedBy: answer.relaxedBy ?? null}
  if (result === 'skip') {
    // a reason that the registry does not know for this check would be a way around it
    if (!spec.skips?.includes(answer.reason)) return {...plain, result: 'error'}
    if (answer.relaxedBy !== undefined && (answer.reason === 'na' || spec.class !== 'F' || spec.whenKnown))
      return {...plain, relaxedBy: answer.relaxedBy}
    if (answer.reason === 'na') return plain
    if (allowsSkip(terms, id, answer.reason)) return {...plain, relaxedBy: 'allowSkip'}
  }
  const canBeWaived = (result === 'fail' || result === 'skip') && isWaivable(id) && waiver !== undefined
  return canBeWaived ? {...plain, result: 'waived', waiver} : plain
}

function isBlocking(id: CheckId, spec: CheckSpec, {result, relaxedBy}: Relief, answer: Settleable, terms: Terms) {
  if (result === 'pass' || result === 'waived' || relaxedBy !== null) return false
  if (result === 'skip' && answer.result === 'skip' && answer.reason === 'na') return false
  return spec.class !== 'A' || terms.require.some(glob => matchesGlob(id, glob))
}

function wordOf({result, relaxedBy}: Relief, blocking: boolean, reason: SkipReason | null): Word {
  if (result === 'waived' || relaxedBy !== null) return 'RELAXED'
  if (result === 'pass') return 'ok'
  if (result === 'fail' || result === 'error') return blocking ? 'FAIL' : 'WARNING'
  return reason === 'na' ? 'not applicable' : 'NOT PROVEN'
}

function textOf(spec: CheckSpec, answer: Settleable): string {
  switch (answer.result) {
    case 'pass':
      return answer.text ?? spec.passes
    case 'skip':
    case 'error':
      return answer.text
    case 'blocked':
      return `not evaluated: ${answer.by} did not pass`
    case 'fail':
      return fill(spec.fails, answer.got, answer.expected ?? 'something else')
  }
}

/**
 * The result of check `id`. `waiver` is the id of a waiver that can be used for it. Pure: the same arguments give the
 * same result.
 */
export function settle(id: CheckId, answer: Settleable, terms: Terms, waiver?: string): CheckResult {
  const spec = REGISTRY[id]
  const relief = relieve(id, spec, answer, terms, waiver)
  const blocking = isBlocking(id, spec, relief, answer, terms)
  const reason = answer.result === 'skip' ? answer.reason : null
  const word = wordOf(relief, blocking, reason)
  const failed = answer.result === 'fail' ? answer : undefined
  return {
    id,
    class: spec.class,
    result: relief.result,
    reason,
    blockedBy: answer.result === 'blocked' ? answer.by : null,
    waiver: relief.waiver,
    relaxedBy: relief.relaxedBy === null ? null : ascii(relief.relaxedBy),
    blocking,
    word,
    title: spec.passes,
    text: ascii(textOf(spec, answer)),
    code: failed?.code ?? (reason === null ? answer.result : `skip:${reason}`),
    expected: failed?.expected === undefined ? null : ascii(failed.expected),
    got: failed === undefined ? null : ascii(failed.got),
    place: failed?.place ?? null,
    consequence: ATTACKS[spec.stops[0]!],
    remedy: blocking || word === 'WARNING' ? (spec.remedy ?? null) : null,
  }
}

/** May whoever depends on this check rely on it? Only what passed, was relieved, or does not apply. */
export const isSatisfied = ({result, relaxedBy, reason}: CheckResult): boolean =>
  result === 'pass' || result === 'waived' || (result === 'skip' && (relaxedBy !== null || reason === 'na'))

const COUNTED: Readonly<Record<Word, keyof Counters | null>> = {
  FAIL: 'fail',
  RELAXED: 'relaxed',
  'NOT PROVEN': 'notProven',
  WARNING: 'notProven',
  ok: 'ok',
  'not applicable': null,
}

export function count(results: readonly CheckResult[]): Counters {
  const counters = {fail: 0, relaxed: 0, notProven: 0, ok: 0}
  for (const {word} of results) {
    const counter = COUNTED[word]
    if (counter !== null) counters[counter]++
  }
  return counters
}
