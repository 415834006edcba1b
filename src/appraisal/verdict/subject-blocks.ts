/** Who the device is, what runs on it, whether it is this one on this link: blocks 4 to 6. */
import type {Appraisal, CheckResult, MeasurementRow} from '../types.js'
import {reliefText} from './against.js'
import {type Block, marked, pair, plain, type Row} from './block.js'
import {findingText} from './reason.js'
import {DEBUG, measurementStatus} from './words.js'

const allHold = (results: readonly CheckResult[], ...prefixes: readonly string[]): boolean =>
  results
    .filter(({id}) => prefixes.some(prefix => id.startsWith(prefix)))
    .every(({word}) => word === 'ok' || word === 'not applicable')

export function whoBlock({subject, results}: Appraisal): Block {
  const {name, anchor, path, certificate, slot, spdm, claimed} = subject
  const model = name?.split(':').slice(0, 2).join(':') ?? null
  const rows = [
    name === null ? marked('NOT PROVEN', 'unverified device') : pair('name', `"${name}"`),
    ...(model === null ? [] : [pair('model', `"${model}"`)]),
    pair('anchor', anchor === null ? '? NOT PROVEN' : `"${anchor}"`),
    ...(path.length === 0 ? [] : [pair('path', path.map(one => `"${one}"`).join(' > '))]),
    pair('certificate', certificate ?? '? NOT PROVEN'),
    pair('slot', slot === null ? 'unknown' : String(slot)),
    pair('SPDM', spdm === null ? 'unknown' : `${spdm.version} ${spdm.hash} ${spdm.asym}`),
    pair('claimed', `${claimed} (config space)`),
  ]
  const proven = name !== null && anchor !== null && allHold(results, 'spdm.chain', 'spdm.id', 'spdm.vca')
  return {
    id: 'who',
    title: 'Who is it',
    rows,
    folded: proven ? [marked('ok', `"${name}", under anchor "${anchor}"`)] : null,
  }
}

const SHORT_VALUE = 24

const short = (value: string): string => (value.length > SHORT_VALUE ? `${value.slice(0, SHORT_VALUE)}...` : value)

const measurementRow = (row: MeasurementRow): Row =>
  pair(`block ${row.index}`, `${row.type}, ${row.representation} ${short(row.value)}: ${measurementStatus(row)}`)

const COMPARED = (status: MeasurementRow['status']): boolean => status !== 'informational'

/** `33 of 33 approved`: blocks that nobody wants compared are not counted. */
function summaryRow(rows: readonly MeasurementRow[]): Row {
  const compared = rows.filter(({status}) => COMPARED(status))
  const approved = compared.filter(({status}) => status === 'approved').length
  if (compared.length === 0) return marked('NOT PROVEN', 'what runs on the device: no measurement was compared')
  const mark = rows.some(({status}) => status === 'not approved')
    ? 'FAIL'
    : approved === compared.length
      ? 'ok'
      : 'NOT PROVEN'
  return marked(mark, `${approved} of ${compared.length} approved`)
}

export function runsBlock({subject}: Appraisal): Block {
  const {measurements, debug} = subject
  const summary = [summaryRow(measurements), marked(...DEBUG[debug])]
  return {
    id: 'runs',
    title: 'What runs on it',
    rows: [...summary, ...measurements.map(measurementRow)],
    folded: summary[0]!.mark === 'ok' ? summary : null,
  }
}

/** Whose word a statement is; undefined where its text says so. */
function sourceOf(id: string): string | undefined {
  if (id === 'tsm.platform.attested') return 'relying party'
  if (id === 'ide.topology') return 'read'
  return id.startsWith('tsm.') ? 'TSM-asserted' : undefined
}

const linkRow = (result: CheckResult): Row => {
  const {word, id, text} = result
  const source = sourceOf(id)
  const ok = source === undefined ? text : `${source}: ${text}`
  return {mark: word, name: id, text: word === 'ok' ? ok : `${findingText(result)}${reliefText(result)}`, notes: []}
}

export function linkBlock({results}: Appraisal): Block {
  const link = results.filter(({id, result}) => /^(?:tsm|ide)\./.test(id) && result !== 'blocked')
  const ok = link.filter(({word}) => word === 'ok').length
  const rows = link.map(linkRow)
  return {
    id: 'link',
    title: 'Is it this device on this link',
    rows: rows.length === 0 ? [marked('NOT PROVEN', 'no statement by TSM or link')] : rows,
    folded:
      rows.length > 0 && allHold(results, 'tsm.', 'ide.') ? [marked('ok', `${ok} of ${link.length} checks`)] : null,
  }
}

export const rawBlock = ({D}: Appraisal): Block => ({
  id: 'raw',
  title: 'Raw',
  rows: [plain(`evidence ${D}`), plain('tsmctl decode shows any object of it, byte for byte')],
  folded: [plain(`evidence ${D}`)],
})
