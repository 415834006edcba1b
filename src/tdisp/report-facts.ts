/** What a TDI report says, range by range, and everything in it that contradicts PCIe r7.0 §11.3.11. */
import {findings, type Finding} from '../bits/index.js'
import {INTERFACE_REPORT, type InterfaceReport, msixControl} from './report.js'

/** Range IDs up to this one name a BAR; 6 and 7 name nothing, others are device specific. */
export const LAST_BAR = 5

/** Pages are 4 KiB: the address space has this many. */
const ADDRESS_SPACE_PAGES = 1n << 52n

/** Ranges beyond this are refused by policy, not by the format. */
export const MAX_REASONABLE_RANGES = 4096

export interface ReportRange {
  /** Position in the report. */
  readonly index: number
  readonly rangeId: number
  /** First 4 KiB page, MMIO_REPORTING_OFFSET included. */
  readonly firstPage: bigint
  readonly pages: bigint
  /** First page behind the range. */
  readonly endPage: bigint
  readonly msixTable: boolean
  readonly msixPba: boolean
  readonly nonTee: boolean
  readonly updatable: boolean
}

export interface ReportProblem {
  readonly kind: 'no-ranges' | 'empty-range' | 'overflow' | 'order' | 'overlap'
  /** Positions of the ranges concerned. */
  readonly ranges: readonly number[]
  readonly message: string
}

export interface InterfaceReportFacts {
  readonly firmwareUpdates: 'permitted' | 'refused'
  readonly dmaWithoutPasid: boolean
  readonly dmaWithPasid: boolean
  readonly ats: boolean
  readonly prs: boolean
  readonly msix: {
    /** MSI-X Message Control as reported, as one word; 0 if MSI-X is not locked or absent. */
    readonly control: number
    readonly tableEntries: number
    readonly functionMask: boolean
    readonly enable: boolean
  }
  readonly lnrControl: number
  readonly tphControl: number
  readonly ranges: readonly ReportRange[]
  readonly deviceSpecificInfo: Uint8Array
  readonly problems: readonly ReportProblem[]
  /** Reserved bits that are set. */
  readonly reserved: readonly Finding[]
}

const hexPage = (page: bigint): string => `page 0x${page.toString(16)}`

function rangeOf(range: InterfaceReport['mmioRanges'][number], index: number): ReportRange {
  const pages = BigInt(range.pages)
  const {firstPage} = range
  return {
    index,
    rangeId: range.rangeId,
    firstPage,
    pages,
    endPage: firstPage + pages,
    msixTable: range.msixTable,
    msixPba: range.msixPba,
    nonTee: range.isNonTeeMem,
    updatable: range.isMemAttrUpdatable,
  }
}

function sizeProblems(ranges: readonly ReportRange[]): ReportProblem[] {
  if (ranges.length === 0) return [{kind: 'no-ranges', ranges: [], message: 'the report lists no MMIO range'}]
  return ranges.flatMap(({index, pages, endPage}): ReportProblem[] => {
    if (pages === 0n) return [{kind: 'empty-range', ranges: [index], message: `range ${index} has no pages`}]
    if (endPage > ADDRESS_SPACE_PAGES)
      return [{kind: 'overflow', ranges: [index], message: `range ${index} ends at ${hexPage(endPage)}`}]
    return []
  })
}

/** Ranges ascend by BAR, and by address inside a BAR. */
function orderProblems(ranges: readonly ReportRange[]): ReportProblem[] {
  const found: ReportProblem[] = []
  for (const [i, range] of ranges.entries()) {
    const before = ranges[i - 1]
    if (before === undefined) continue
    const descends =
      range.rangeId < before.rangeId || (range.rangeId === before.rangeId && range.firstPage < before.firstPage)
    if (descends)
      found.push({kind: 'order', ranges: [i - 1, i], message: `range ${i} does not come after range ${i - 1}`})
  }
  return found
}

/** Neighbours in address order that share a page; one sweep finds at least one pair of every overlapping group. */
function overlapProblems(ranges: readonly ReportRange[]): ReportProblem[] {
  const found: ReportProblem[] = []
  const ascending = ranges
    .filter(range => range.pages > 0n)
    .sort((a, b) => (a.firstPage < b.firstPage ? -1 : a.firstPage > b.firstPage ? 1 : a.index - b.index))
  let furthest: ReportRange | undefined
  for (const range of ascending) {
    if (furthest !== undefined && range.firstPage < furthest.endPage) {
      const pair = [furthest.index, range.index].sort((a, b) => a - b)
      found.push({
        kind: 'overlap',
        ranges: pair,
        message: `ranges ${pair[0]} and ${pair[1]} share ${hexPage(range.firstPage)}`,
      })
    }
    if (furthest === undefined || range.endPage > furthest.endPage) furthest = range
  }
  return found
}

/** Facts of a decoded report. Never throws: what is wrong is in `problems` and `reserved`. */
export function interfaceReportFacts(report: InterfaceReport): InterfaceReportFacts {
  const ranges = report.mmioRanges.map(rangeOf)
  const control = msixControl(report)
  return {
    firmwareUpdates: report.noFwUpdate ? 'refused' : 'permitted',
    dmaWithoutPasid: report.dmaWithoutPasid,
    dmaWithPasid: report.dmaWithPasid,
    ats: report.atsSupported,
    prs: report.prsSupported,
    msix: {
      control,
      tableEntries: control === 0 ? 0 : report.msixTableSize + 1,
      functionMask: report.msixFunctionMask,
      enable: report.msixEnable,
    },
    lnrControl: report.lnrControl,
    tphControl: report.tphControl,
    ranges,
    deviceSpecificInfo: report.deviceSpecificInfo,
    problems: [...sizeProblems(ranges), ...orderProblems(ranges), ...overlapProblems(ranges)],
    reserved: findings(INTERFACE_REPORT, report).filter(({message}) => message.startsWith('reserved')),
  }
}
