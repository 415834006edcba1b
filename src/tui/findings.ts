/** The Checks tab: every check in one list, what needs a look first. */
import {
  type Appraisal,
  type CheckResult,
  countersText,
  findingText,
  inReadingOrder,
  isQuiet,
  markOf,
} from '../appraisal/index.js'
import {BLANK, indented, type Line, line, span} from './lines.js'
import {reasonOf, wordSpan} from './words.js'

/** F, W and A in words. */
const WEIGHT: Readonly<Record<CheckResult['class'], string>> = {F: 'fatal', W: 'required', A: 'advisory'}

/** One finding: word and id, what was found, expected and where, why, and the next step. */
function findingLines(result: CheckResult, width: number): Line[] {
  const {id, code, blocking, consequence, remedy} = result
  const reason = reasonOf(result)
  const text = findingText(result)
  return [
    [wordSpan(markOf(result)), span(id), span(result.class === 'A' ? ' (advisory)' : '', 'quiet')],
    ...indented(reason === null ? text : `${text} (${reason})`, width, 4),
    ...indented(`${WEIGHT[result.class]}, code ${code}`, width, 4, 'quiet'),
    ...(blocking ? indented(consequence, width, 4) : []),
    ...(remedy === null ? [] : indented(`-> ${remedy}`, width, 4, 'title')),
  ]
}

/** The Checks tab: all results, those that need a look first and in full, the others one line each. */
export function checkLines({results, counters}: Appraisal, width: number): readonly Line[] {
  return [
    line(countersText(counters)),
    BLANK,
    ...inReadingOrder(results).flatMap(result =>
      isQuiet(result) ? quietLines(result, width) : findingLines(result, width),
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
