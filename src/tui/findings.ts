/** Checks as text: what stands against acceptance, and all of them in one list. */
import type {Appraisal, CheckResult} from '../appraisal/index.js'
import {BLANK, indented, type Line, line, span} from './lines.js'
import {countersText, reasonOf, type Word, wordOf, WORD_ORDER, wordSpan} from './words.js'

/** More are counted, not listed: a person reads a dozen findings, and the Checks tab has all of them. */
const MOST_FINDINGS = 12

/** Results that need a look: all but the passed ones and those that do not apply. */
const needsLook = (result: CheckResult): boolean =>
  wordOf(result) !== 'ok' && !(result.result === 'skip' && result.reason === 'na')

/** Causes before consequences: what is only blocked by something else comes last. */
const rank = (result: CheckResult): number =>
  WORD_ORDER.indexOf(wordOf(result)) + (result.result === 'blocked' ? 20 : result.blocking ? 0 : 10)

export const inReadingOrder = (results: readonly CheckResult[]): readonly CheckResult[] =>
  [...results].sort((a, b) => rank(a) - rank(b))

const placeText = ({object, offset, length}: NonNullable<CheckResult['place']>): string =>
  offset === undefined ? object : `${object} at byte ${offset}${length === undefined ? '' : `, ${length} long`}`

/** One finding: word, id and code, what was found, why, and the next step. */
export function findingLines(result: CheckResult, width: number): Line[] {
  const {id, code, text, expected, got, place, remedy, blocking, class: kind} = result
  const word = wordOf(result)
  const reason = reasonOf(result)
  const weight = word === 'fail' && !blocking ? ' (advisory)' : ''
  const details = [
    expected === null && got === null ? null : `expected ${expected ?? 'nothing'}, got ${got ?? 'nothing'}`,
    place === null ? null : `in ${placeText(place)}`,
    reason,
  ].filter(detail => detail !== null && !text.includes(detail))
  return [
    [wordSpan(word), span(id), span(` [${kind}${code === '' || code === id ? '' : ` ${code}`}]${weight}`, 'quiet')],
    ...indented(text, width, 4),
    ...details.flatMap(detail => indented(detail!, width, 4, 'quiet')),
    ...(remedy === null ? [] : indented(`-> ${remedy}`, width, 4, 'title')),
  ]
}

export function againstLines({results}: Appraisal, width: number): Line[] {
  const findings = inReadingOrder(results.filter(needsLook))
  const title = line('WHAT STANDS AGAINST IT', 'title')
  if (findings.length === 0) return [title, line('nothing')]
  return [
    title,
    ...findings.slice(0, MOST_FINDINGS).flatMap(finding => findingLines(finding, width)),
    ...moreLine(findings.slice(MOST_FINDINGS)),
  ]
}

function moreLine(rest: readonly CheckResult[]): Line[] {
  if (rest.length === 0) return []
  const count = (word: Word): number => rest.filter(result => wordOf(result) === word).length
  return [
    line(
      `+${rest.length} more on the Checks tab (${countsOf(count('fail'), count('relaxed'), count('unproven'))})`,
      'title',
    ),
  ]
}

const countsOf = (fail: number, relaxed: number, unproven: number): string =>
  [`${fail} fail`, `${relaxed} relaxed`, `${unproven} not proven`].filter(text => !text.startsWith('0')).join(', ')

/** The Checks tab: all results, those that need a look first and in full, the others one line each. */
export function checkLines({results, counters}: Appraisal, width: number): readonly Line[] {
  return [
    line(countersText(counters)),
    BLANK,
    ...inReadingOrder(results).flatMap(result =>
      needsLook(result) ? findingLines(result, width) : quietLines(result, width),
    ),
  ]
}

const quietLines = (result: CheckResult, width: number): Line[] => {
  const reason = reasonOf(result)
  return [
    [wordSpan(wordOf(result)), span(result.id), span(reason === null ? '' : ` ${reason}`, 'quiet')],
    ...indented(result.title, width, 4, 'quiet'),
  ]
}
