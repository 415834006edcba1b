/** Checks as text: what stands against acceptance, and all of them in one list. */
import type {Appraisal, CheckResult} from '../appraisal/index.js'
import {BLANK, indented, type Line, line, span} from './lines.js'
import {countersText, reasonOf, WORD_ORDER, wordSpan} from './words.js'

/** More are counted, not listed: a person reads a dozen findings, and the Checks tab has all of them. */
const MOST_FINDINGS = 12

/** Results that need a look: all but the passed ones and those that do not apply. */
const needsLook = ({word}: CheckResult): boolean => word !== 'ok' && word !== 'not applicable'

/** Causes before consequences: what is only blocked by something else comes last. */
const rank = ({word, result, blocking}: CheckResult): number =>
  WORD_ORDER.indexOf(word) +
  (word === 'ok' || word === 'not applicable' ? 30 : result === 'blocked' ? 20 : blocking ? 0 : 10)

export const inReadingOrder = (results: readonly CheckResult[]): readonly CheckResult[] =>
  [...results].sort((a, b) => rank(a) - rank(b))

const placeText = ({object, offset, length}: NonNullable<CheckResult['place']>): string =>
  offset === undefined ? object : `${object} at byte ${offset}${length === undefined ? '' : `, ${length} long`}`

/** F, W and A in words. */
const WEIGHT: Readonly<Record<CheckResult['class'], string>> = {F: 'fatal', W: 'required', A: 'advisory'}

/** One finding: word and id, what was found, why, and the next step. `full` adds what only an investigation needs. */
export function findingLines(result: CheckResult, width: number, full: boolean): Line[] {
  const {id, code, text, expected, got, place, consequence, remedy} = result
  const details = [
    expected === null && got === null ? null : `expected ${expected ?? 'nothing'}, got ${got ?? 'nothing'}`,
    reasonOf(result),
    full && place !== null ? `in ${placeText(place)}` : null,
    full ? `${WEIGHT[result.class]}${code === '' || code === id ? '' : `, code ${code}`}` : null,
  ].filter(detail => detail !== null && !text.includes(detail))
  return [
    [wordSpan(result.word), span(id), span(result.class === 'A' ? ' (advisory)' : '', 'quiet')],
    ...indented(text, width, 4),
    ...details.flatMap(detail => indented(detail!, width, 4, 'quiet')),
    ...indented(consequence, width, 4),
    ...(remedy === null ? [] : indented(`-> ${remedy}`, width, 4, 'title')),
  ]
}

export function againstLines({results}: Appraisal, width: number): Line[] {
  const findings = inReadingOrder(results.filter(needsLook))
  const title = line('WHAT STANDS AGAINST IT', 'title')
  if (findings.length === 0) return [title, line('nothing')]
  return [
    title,
    ...findings.slice(0, MOST_FINDINGS).flatMap(finding => findingLines(finding, width, false)),
    ...moreLines(findings.slice(MOST_FINDINGS), width),
  ]
}

function moreLines(rest: readonly CheckResult[], width: number): Line[] {
  if (rest.length === 0) return []
  const counts = WORD_ORDER.map(word => [word, rest.filter(result => result.word === word).length] as const)
  const text = counts.filter(([, count]) => count > 0).map(([word, count]) => `${count} ${word}`)
  return indented(`+${rest.length} more on the Checks tab: ${text.join(', ')}`, width, 0, 'title')
}

/** The Checks tab: all results, those that need a look first and in full, the others one line each. */
export function checkLines({results, counters}: Appraisal, width: number): readonly Line[] {
  return [
    line(countersText(counters)),
    BLANK,
    ...inReadingOrder(results).flatMap(result =>
      needsLook(result) ? findingLines(result, width, true) : quietLines(result, width),
    ),
  ]
}

const quietLines = (result: CheckResult, width: number): Line[] => {
  const reason = reasonOf(result)
  return [
    [wordSpan(result.word), span(result.id), span(reason === null ? '' : ` ${reason}`, 'quiet')],
    ...indented(result.title, width, 4, 'quiet'),
  ]
}
