/**
 * An appraisal as plain text: the decision first, then what stands against it, then who, what and how. Words, never
 * colour or a score; device text was escaped where it was taken.
 */
import type {Appraisal, CheckResult, MeasurementRow, RangeRow, Word} from '../types.js'
import {BANNER, countersText, DEBUG, GLYPH, measurementStatus} from './words.js'

const banner = ({decision, subject, rule, shortD, ageSeconds, unverified}: Appraisal): string =>
  [
    BANNER[decision],
    ...(unverified ? ['UNVERIFIED, this kernel has no evidence'] : []),
    subject.name === null ? 'unverified device' : `"${subject.name}"`,
    subject.bdf ?? 'no PCI function',
    rule === null ? 'no rule' : `rule ${rule}`,
    `evidence ${shortD}`,
    ageSeconds === null ? 'of unknown age' : `${ageSeconds} s old`,
  ].join('  ')

/** What stands against acceptance, most important first. */
const ORDER: readonly Word[] = ['FAIL', 'NOT PROVEN', 'RELAXED', 'WARNING']

const rank = ({word, blocking, class: kind}: CheckResult): number =>
  ORDER.indexOf(word) * 4 + (blocking ? 0 : 2) + (kind === 'F' ? 0 : 1)

const blockedLine = (results: readonly CheckResult[]): string[] => {
  const blocked = results.filter(({result, blocking}) => result === 'blocked' && blocking)
  const by = [...new Set(blocked.map(({blockedBy}) => blockedBy))]
  return blocked.length === 0
    ? []
    : [
        `  ${GLYPH['NOT PROVEN']}  ${blocked.length} checks were not evaluated, because these did not pass: ${by.join(', ')}`,
      ]
}

function against(results: readonly CheckResult[]): string[] {
  const shown = results
    .filter(
      ({word, blocking, result}) => (blocking && result !== 'blocked') || word === 'RELAXED' || word === 'WARNING',
    )
    .toSorted((a, b) => rank(a) - rank(b))
  const lines = shown.flatMap(({word, id, text, consequence, remedy, relaxedBy, waiver, blocking}) => [
    `  ${GLYPH[word]}  ${id}: ${text}${relief(waiver, relaxedBy)}`,
    ...(blocking ? [`      ${consequence}`] : []),
    ...(remedy === null ? [] : [`      ${remedy}`]),
  ])
  return [...lines, ...blockedLine(results)]
}

const relief = (waiver: string | null, relaxedBy: string | null): string =>
  waiver !== null ? ` (waiver ${waiver})` : relaxedBy !== null ? ` (${relaxedBy})` : ''

const identity = ({subject}: Appraisal): string[] => [
  `  claimed by config space  ${subject.claimed}`,
  `  anchor                   ${subject.anchor === null ? '? NOT PROVEN' : `"${subject.anchor}"`}`,
  ...subject.path.map((name, i) => `  ${i === 0 ? 'path                     ' : '                         '}"${name}"`),
  `  device certificate       ${subject.certificate ?? '? NOT PROVEN'}`,
  `  SPDM                     ${
    subject.spdm === null
      ? 'unknown'
      : `${subject.spdm.version} ${subject.spdm.hash} ${subject.spdm.asym}${subject.slot === null ? '' : ` slot ${subject.slot}`}`
  }`,
]

const SHORT_VALUE = 24

const measurementLine = (row: MeasurementRow): string => {
  const {index, type, representation, value} = row
  const shown = value.length > SHORT_VALUE ? `${value.slice(0, SHORT_VALUE)}...` : value.padEnd(SHORT_VALUE + 3)
  return `  ${String(index).padStart(3)}  ${type.padEnd(20)} ${representation.padEnd(6)} ${shown}  ${measurementStatus(row)}`
}

function measurements({subject}: Appraisal): string[] {
  const rows = subject.measurements
  const approved = rows.filter(({status}) => status === 'approved').length
  const summary =
    rows.length === 0 ? '  ? NOT PROVEN what runs on the device' : `  ${approved} of ${rows.length} approved`
  return [summary, `  ${DEBUG[subject.debug]}`, ...rows.map(measurementLine)]
}

const rangeLine = ({rangeId, firstPage, pages, barOffset, tee, msix, updatable}: RangeRow): string =>
  [
    `  BAR${rangeId}`,
    barOffset === null ? `page ${firstPage} (offset not proven)` : `offset ${barOffset}`,
    pages === 1 ? '1 page' : `${pages} pages`,
    tee ? 'TEE' : 'shared with the host',
    ...(msix ? ['MSI-X'] : []),
    ...(updatable ? ['updatable'] : []),
  ].join('  ')

const yes = (value: boolean): string => (value ? 'on' : 'off')

function wiring({subject}: Appraisal): string[] {
  const {report, placement} = subject
  if (report === null) return ['  ? NOT PROVEN how the device is wired']
  return [
    `  firmware updates while locked: ${report.noFwUpdate ? 'refused' : 'permitted'}`,
    `  ATS ${yes(report.ats)}  PRS ${yes(report.prs)}  PASID ${yes(report.pasid)}  MSI-X ${report.msix}`,
    `  placement: ${placement ?? 'not proven'}`,
    ...report.ranges.map(rangeLine),
  ]
}

const BINDING_PREFIXES = ['tsm.', 'ide.']

const bindingLines = (results: readonly CheckResult[]): string[] =>
  results
    .filter(({id, result}) => BINDING_PREFIXES.some(prefix => id.startsWith(prefix)) && result !== 'blocked')
    .map(({word, id, text, waiver, relaxedBy}) => `  ${GLYPH[word]}  ${id}: ${text}${relief(waiver, relaxedBy)}`)

const decidedBy = ({policy, P, relaxations}: Appraisal): string[] => [
  policy === null
    ? '  no usable policy'
    : `  policy "${policy}" ${P?.slice('sha384:'.length, 'sha384:'.length + 12) ?? ''}`,
  ...(relaxations.length === 0 ? [] : [`  relaxations in force: ${relaxations.join(', ')}`]),
]

const titled = (title: string, lines: readonly string[]): string[] => ['', title, ...lines]

/** The blocks of a review in their order, as lines of printable ASCII. */
export function renderAppraisal(appraisal: Appraisal): readonly string[] {
  const findings = against(appraisal.results)
  return [
    banner(appraisal),
    countersText(appraisal.counters),
    ...titled('What stands against it', findings.length === 0 ? ['  nothing'] : findings),
    ...titled('Who is it', identity(appraisal)),
    ...titled('What runs on it', measurements(appraisal)),
    ...titled('Is it this device on this link', bindingLines(appraisal.results)),
    ...titled('How is it wired', wiring(appraisal)),
    ...titled('Who decided so', decidedBy(appraisal)),
  ]
}

/** One line per check, for whoever wants to see all of them. */
export const renderChecks = (results: readonly CheckResult[]): readonly string[] =>
  results.map(
    ({word, id, class: kind, text, waiver, relaxedBy}) =>
      `${GLYPH[word].padEnd(12)}  ${kind}  ${id}: ${text}${relief(waiver, relaxedBy)}`,
  )
