/**
 * How the device is wired: the flags of the lock and, for each BAR, which of its memory is for this machine alone, which
 * is shared with the host, and which the report does not mention (TDISP interface report, PCIe r7.0 §11.3.11).
 */
import type {Appraisal, RangeRow, Subject} from '../types.js'
import {type Block, marked, pair, plain, type Row} from './block.js'

const PAGE = 4096n
/** Width of a drawn BAR in characters. */
const WIDTH = 32

const TEE = '#'
const SHARED = 's'
const UNREPORTED = '.'
const MIXED = '?'
const LEGEND = `${TEE} TEE  ${SHARED} shared with the host  ${UNREPORTED} not reported  ${MIXED} several in one cell`

interface Placed {
  readonly start: bigint
  readonly end: bigint
  readonly tee: boolean
}

/** Which of the pages from `start` to `end` are what, as one character. */
function cell(ranges: readonly Placed[], start: bigint, end: bigint): string {
  const kinds = new Set<string>()
  let covered = 0n
  for (const range of ranges) {
    const from = range.start > start ? range.start : start
    const to = range.end < end ? range.end : end
    if (from >= to) continue
    covered += to - from
    kinds.add(range.tee ? TEE : SHARED)
  }
  if (covered < end - start) kinds.add(UNREPORTED)
  // memory that is shared is shown, however little of the cell it is
  if (kinds.has(SHARED)) return SHARED
  return kinds.size === 1 ? [...kinds][0]! : MIXED
}

export function barChart(ranges: readonly Placed[], pages: bigint): string {
  const cells = pages < BigInt(WIDTH) ? pages : BigInt(WIDTH)
  return Array.from({length: Number(cells)}, (_, i) =>
    cell(ranges, (BigInt(i) * pages) / cells, (BigInt(i + 1) * pages) / cells),
  ).join('')
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `16 KiB`: bytes in the largest unit that gives a whole number. */
export function sizeText(bytes: bigint): string {
  let value = bytes / 1024n
  let unit = 0
  while (unit < UNITS.length - 1 && value !== 0n && value % 1024n === 0n) {
    value /= 1024n
    unit++
  }
  return `${value} ${UNITS[unit]}`
}

const placedOf = ({barOffset, pages, tee}: RangeRow): Placed | undefined => {
  if (barOffset === null) return undefined
  const start = BigInt(barOffset) / PAGE
  return {start, end: start + BigInt(pages), tee}
}

const pagesOf = (ranges: readonly RangeRow[], tee: boolean): bigint =>
  ranges.filter(range => range.tee === tee).reduce((sum, {pages}) => sum + BigInt(pages), 0n)

function barRow(bar: number, size: string | undefined, ranges: readonly RangeRow[]): Row {
  const tee = pagesOf(ranges, true)
  const shared = pagesOf(ranges, false)
  const amounts = `TEE ${sizeText(tee * PAGE)}, shared ${sizeText(shared * PAGE)}`
  const placed = ranges.flatMap(range => placedOf(range) ?? [])
  const extras = [
    ...(ranges.some(({msix}) => msix) ? ['MSI-X inside'] : []),
    ...(ranges.some(({updatable}) => updatable) ? ['attributes can change'] : []),
  ]
  const more = extras.length === 0 ? '' : `, ${extras.join(', ')}`
  if (size === undefined || placed.length < ranges.length)
    return pair(`BAR${bar}`, `${amounts}${more}, place in the BAR not proven`, 'NOT PROVEN')
  const pages = BigInt(size) / PAGE
  const rest = pages - tee - shared
  const unreported = rest > 0n ? `, not reported ${sizeText(rest * PAGE)}` : ''
  return pair(`BAR${bar}`, `[${barChart(placed, pages)}] ${sizeText(BigInt(size))}: ${amounts}${unreported}${more}`)
}

const onOff = (value: boolean): string => (value ? 'on' : 'off')

type Report = NonNullable<Subject['report']>

function barRows({ranges, bars = []}: Report): Row[] {
  const sizes = new Map(bars.map(({bar, size}) => [bar, size]))
  const numbers = [...new Set([...sizes.keys(), ...ranges.map(({rangeId}) => rangeId)])].sort((a, b) => a - b)
  return numbers.map(bar =>
    barRow(
      bar,
      sizes.get(bar),
      ranges.filter(({rangeId}) => rangeId === bar),
    ),
  )
}

const flagRows = (report: Report): Row[] => [
  pair('firmware', `updates while locked ${report.noFwUpdate ? 'refused' : 'permitted'}`),
  pair('flags', `ATS ${onOff(report.ats)}  PRS ${onOff(report.prs)}  PASID ${onOff(report.pasid)}`),
  pair('MSI-X', report.msix),
]

/** Whether the placement is one a person could rely on. */
const PLACED: Readonly<Record<NonNullable<Subject['placement']>, string>> = {
  'bar-aligned': 'bar-aligned, anchored',
  relative: 'relative, anchored',
  complete: 'complete: every page of each BAR is reported',
  ambiguous: 'ambiguous',
}

export function wiringBlock({subject, results}: Appraisal): Block {
  const {report, placement} = subject
  const title = 'How is it wired'
  if (report === null)
    return {id: 'wiring', title, rows: [marked('NOT PROVEN', 'how the device is wired')], folded: null}
  const anchored = results.find(({id}) => id === 'tdisp.report.mmio-anchored')?.word === 'ok'
  const where = placement === null ? null : anchored ? PLACED[placement] : `${placement}, not anchored`
  const rows = [
    ...flagRows(report),
    pair('placement', where ?? 'not proven', where === null || !anchored ? 'NOT PROVEN' : null),
    ...barRows(report),
    plain(LEGEND),
  ]
  const holds = results
    .filter(({id}) => id.startsWith('tdisp.') || id.startsWith('pci.') || id.startsWith('tsm.lock'))
    .every(({word}) => word === 'ok' || word === 'not applicable')
  const tee = report.ranges.filter(range => range.tee).length
  const ranges = report.ranges.length
  return {
    id: 'wiring',
    title,
    rows,
    folded: holds ? [marked('ok', `${tee} of ${ranges} ranges TEE, MSI-X ${report.msix}, placement proven`)] : null,
  }
}
