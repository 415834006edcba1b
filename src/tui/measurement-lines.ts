/** What runs on the device: measurement blocks and how they compare with the reference values. */
import {DEBUG, measurementStatus, type MeasurementRow, type Subject, type Word} from '../appraisal/index.js'
import {BLANK, indented, type Line, line, paragraph, span} from './lines.js'
import {STATUS_WORDS, WORDS, wordSpan} from './words.js'

const debugLine = ({debug}: Subject): Line => {
  const [mark, text] = DEBUG[debug]
  return line(`${WORDS[mark].text} ${text}`, WORDS[mark].tone)
}

const wordFor = (approved: number, rows: readonly MeasurementRow[]): Word =>
  rows.some(({status}) => status === 'not approved') ? 'FAIL' : approved === rows.length ? 'ok' : 'NOT PROVEN'

/** `33 of 33 approved` and the debug mode, which is always said, also when it is unknown. */
export function measurementSummary(subject: Subject, width: number): Line[] {
  const compared = subject.measurements.filter(({status}) => status !== 'informational')
  const approved = compared.filter(({status}) => status === 'approved').length
  const others = compared.filter(({status}) => status !== 'approved')
  const named = others.map(({index, status}) => `${index} ${status}`).join(', ')
  return [
    ...(compared.length === 0
      ? paragraph([wordSpan('NOT PROVEN')], 'no measurement was compared', width)
      : paragraph([wordSpan(wordFor(approved, compared))], `${approved} of ${compared.length} approved`, width)),
    ...(named === '' ? [] : indented(named, width, 4)),
    debugLine(subject),
  ]
}

/** The Measurements tab: every block with its value in full. */
export function measurementLines(subject: Subject, width: number): readonly Line[] {
  return [
    ...measurementSummary(subject, width),
    BLANK,
    ...subject.measurements.flatMap(row => {
      const {index, type, representation, value} = row
      const word = STATUS_WORDS[row.status]
      return [
        [...(word === null ? [] : [wordSpan(word)]), span(`block ${index}: ${measurementStatus(row)}`)],
        ...indented(`${type}, ${representation}`, width, 4),
        ...indented(value, width, 4, 'quiet'),
      ]
    }),
  ]
}
