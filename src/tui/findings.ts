/** Checks as text: what stands against acceptance, and all of them in one list. */
import {countersText, type Appraisal, type CheckResult} from '../appraisal/index.js'
import {BLANK, indented, type Line, line, paragraph, span} from './lines.js'
import {reasonOf, WORD_ORDER, wordSpan} from './words.js'

/** More are counted, not listed: a person reads a dozen findings, and the Checks tab has all of them. */
const MOST_FINDINGS = 12

/** Results that need a look: all but the passed ones and those that do not apply. */
const needsLook = ({word}: CheckResult): boolean => word !== 'ok' && word !== 'not applicable'

/** What stands against acceptance, or stands aside only because somebody said so. */
const standsAgainst = ({word, blocking}: CheckResult): boolean =>
  blocking || word === 'FAIL' || word === 'RELAXED' || word === 'WARNING'

/** By word; within a word what blocks first, and fatal before required before advisory. */
const rank = ({word, blocking, class: kind}: CheckResult): number =>
  WORD_ORDER.indexOf(word) * 10 + (blocking ? 0 : 5) + 'FWA'.indexOf(kind)

const inReadingOrder = (results: readonly CheckResult[]): readonly CheckResult[] =>
  [...results].sort((a, b) => rank(a) - rank(b))

const placeText = ({object, offset, length}: NonNullable<CheckResult['place']>): string =>
  offset === undefined ? object : `${object} at byte ${offset}${length === undefined ? '' : `, ${length} long`}`

/** F, W and A in words. */
const WEIGHT: Readonly<Record<CheckResult['class'], string>> = {F: 'fatal', W: 'required', A: 'advisory'}

/** `expected E, got G` without what the text says already. */
function comparison({text, expected, got}: CheckResult): string | null {
  const parts = [expected === null ? null : `expected ${expected}`, got === null ? null : `got ${got}`]
  const news = parts.filter(part => part !== null && !text.includes(part.slice(part.indexOf(' ') + 1)))
  return news.length === 0 ? null : news.join(', ')
}

/** One finding: word and id, what was found, why, and the next step. `full` adds what only an investigation needs. */
export function findingLines(result: CheckResult, width: number, full: boolean): Line[] {
  const {id, code, text, place, blocking, consequence, remedy} = result
  const reason = reasonOf(result)
  const details = [
    comparison(result),
    full && place !== null ? `in ${placeText(place)}` : null,
    full ? `${WEIGHT[result.class]}${code === '' || code === id ? '' : `, code ${code}`}` : null,
  ].filter(detail => detail !== null)
  return [
    [wordSpan(result.word), span(id), span(result.class === 'A' ? ' (advisory)' : '', 'quiet')],
    ...indented(reason === null ? text : `${text} (${reason})`, width, 4),
    ...details.flatMap(detail => indented(detail, width, 4, 'quiet')),
    ...(blocking ? indented(consequence, width, 4) : []),
    ...(remedy === null ? [] : indented(`-> ${remedy}`, width, 4, 'title')),
  ]
}

export function againstLines({results}: Appraisal, width: number): Line[] {
  const against = inReadingOrder(results.filter(standsAgainst))
  const causes = against.filter(({result}) => result !== 'blocked')
  const title = line('WHAT STANDS AGAINST IT', 'title')
  if (against.length === 0) return [title, line('nothing')]
  return [
    title,
    ...causes.slice(0, MOST_FINDINGS).flatMap(finding => findingLines(finding, width, false)),
    ...moreLines(causes.slice(MOST_FINDINGS), width),
    ...blockedLines(
      against.filter(({result}) => result === 'blocked'),
      width,
    ),
  ]
}

/** Consequences of other findings, in one paragraph: dozens of them would hide their cause. */
function blockedLines(blocked: readonly CheckResult[], width: number): Line[] {
  if (blocked.length === 0) return []
  const causes = [...new Set(blocked.map(({blockedBy}) => blockedBy))].join(', ')
  const what = blocked.length === 1 ? '1 check was not made' : `${blocked.length} checks were not made`
  return paragraph([wordSpan('NOT PROVEN')], `${what}, because these did not pass: ${causes}`, width)
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
