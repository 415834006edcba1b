/**
 * What stands against acceptance, or stands aside only because somebody said so: the gravest first, a dozen at most, and
 * how many more there are.
 */
import type {Appraisal, CheckClass, CheckResult, Word} from '../types.js'
import {type Block, marked, plain, type Row} from './block.js'
import {findingText} from './reason.js'
import type {Mark} from './words.js'

/** A person reads a dozen findings. */
export const MOST_FINDINGS = 12

/** What is told first and as changed even where a waiver covers it: another identity, an older version, open doors. */
const GRAVE: ReadonlySet<string> = new Set([
  'spdm.id.pinned',
  'spdm.chain.denied',
  'spdm.meas.denied',
  'spdm.meas.rollback',
  'spdm.meas.debug',
  'spdm.meas.device-mode',
  'spdm.dice.flags',
  'spdm.dice.svn',
  'tdisp.report.pinned',
  'tdisp.report.mmio-tee',
  'tdisp.report.no-fw-update',
])

const isGrave = ({id, result}: CheckResult): boolean => GRAVE.has(id) && (result === 'fail' || result === 'waived')

const ORDER: readonly Word[] = ['FAIL', 'NOT PROVEN', 'RELAXED', 'WARNING', 'ok', 'not applicable']

/** Grave before all others, then by word, what blocks first, fatal before required before advisory. */
export const rank = (result: CheckResult): number =>
  (isGrave(result) ? 0 : 100) +
  ORDER.indexOf(result.word) * 10 +
  (result.blocking ? 0 : 5) +
  'FWA'.indexOf(result.class)

export const inReadingOrder = (results: readonly CheckResult[]): readonly CheckResult[] =>
  [...results].sort((a, b) => rank(a) - rank(b))

const standsAgainst = ({word, blocking}: CheckResult): boolean =>
  blocking || word === 'FAIL' || word === 'RELAXED' || word === 'WARNING'

export const markOf = (result: CheckResult): Mark =>
  isGrave(result) && result.word !== 'FAIL' ? 'CHANGED' : result.word

export const reliefText = ({waiver, relaxedBy}: CheckResult): string =>
  waiver !== null ? ` (waiver ${waiver})` : relaxedBy !== null ? ` (${relaxedBy})` : ''

export const findingRow = (result: CheckResult): Row => ({
  mark: markOf(result),
  name: result.id,
  text: `${findingText(result)}${reliefText(result)}`,
  notes: [
    ...(result.blocking || isGrave(result) ? [result.consequence] : []),
    ...(result.remedy === null ? [] : [`-> ${result.remedy}`]),
  ],
})

const CLASSES: Readonly<Record<CheckClass, string>> = {F: 'fatal', W: 'required', A: 'advisory'}

/** `+14 more: 2 fatal, 12 required`. */
export function moreText(rest: readonly {readonly class: CheckClass}[]): string {
  const counts = (['F', 'W', 'A'] as const).map(kind => [
    CLASSES[kind],
    rest.filter(({class: of}) => of === kind).length,
  ])
  const told = counts.filter(([, count]) => count !== 0).map(([kind, count]) => `${count} ${kind}`)
  return `+${rest.length} more: ${told.join(', ')}`
}

/** Consequences of other findings, in one row: dozens of them would hide their cause. */
function blockedRows(blocked: readonly CheckResult[]): Row[] {
  if (blocked.length === 0) return []
  const causes = [...new Set(blocked.map(({blockedBy}) => blockedBy))].join(', ')
  const what = blocked.length === 1 ? '1 check was not made' : `${blocked.length} checks were not made`
  return [marked('NOT PROVEN', `${what}, because these did not pass: ${causes}`)]
}

function objectionRows({external}: Appraisal): Row[] {
  if (external?.answer !== 'deny') return []
  const notes = ['A program that this site asks about every decision objects.']
  return [{mark: 'FAIL', name: 'external decision', text: `${external.command}: ${external.reason ?? ''}`, notes}]
}

export interface Against extends Block {
  /** Findings by themselves, so that a small screen can show fewer. */
  readonly findings: readonly CheckResult[]
}

/** Block 2, with at most `most` findings. */
export function againstBlock(appraisal: Appraisal, most = MOST_FINDINGS): Against {
  const against = inReadingOrder(appraisal.results.filter(standsAgainst))
  const findings = against.filter(({result}) => result !== 'blocked')
  const rest = findings.slice(most)
  const rows = [
    ...objectionRows(appraisal),
    ...findings.slice(0, most).map(findingRow),
    ...(rest.length === 0 ? [] : [plain(moreText(rest))]),
    ...blockedRows(against.filter(({result}) => result === 'blocked')),
  ]
  return {
    id: 'against',
    title: 'What stands against it',
    rows: rows.length === 0 ? [plain('nothing')] : rows,
    folded: null,
    findings,
  }
}
