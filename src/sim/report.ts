/** The interface report a DSM gives for a function (PCIe r7.0 §11.3.11). */
import {INTERFACE_REPORT} from '../tdisp/index.js'
import type {MsixSpec} from './kinds.js'
import type {PlacedBar} from './resources.js'
import type {DeviceSpec, RangeSpec} from './scenario-schema.js'

const PAGE = 4096n
/** In pages; a multiple of every BAR's size. */
const OTHER_OFFSET = 1n << 24n

const pagesOf = ({size}: PlacedBar): number => size / Number(PAGE)

/** The whole BAR, pages with the MSI-X table or PBA as ranges of their own. */
function wholeBar(bar: PlacedBar, msix: MsixSpec | undefined): RangeSpec[] {
  const special = new Map<number, RangeSpec['flags']>()
  const mark = (inBar: number, offset: number, flag: 'msix-table' | 'msix-pba'): void => {
    if (inBar !== bar.bar) return
    const page = Math.floor(offset / Number(PAGE))
    special.set(page, [...(special.get(page) ?? []), flag])
  }
  if (msix !== undefined) {
    mark(msix.tableBar, msix.tableOffset, 'msix-table')
    mark(msix.pbaBar, msix.pbaOffset, 'msix-pba')
  }
  const cuts: RangeSpec[] = []
  let at = 0
  const upTo = (page: number): void => {
    if (page > at) cuts.push({bar: bar.bar, first: at, pages: page - at, flags: []})
    at = page
  }
  for (const [page, flags] of [...special].sort(([a], [b]) => a - b)) {
    upTo(page)
    cuts.push({bar: bar.bar, first: page, pages: 1, flags})
    at = page + 1
  }
  upTo(pagesOf(bar))
  return cuts
}

export interface ReportSpec {
  readonly bars: readonly PlacedBar[]
  readonly msix: MsixSpec | undefined
  readonly ranges: readonly RangeSpec[] | undefined
  readonly flags: DeviceSpec['report']
  /** MMIO_REPORTING_OFFSET, bytes. */
  readonly offset: bigint
}

/** An MMIO_REPORTING_OFFSET under which BARs stay aligned to their size: `factor` times the largest of them. */
export const reportingOffset = (bars: readonly PlacedBar[], factor: bigint): bigint =>
  ((factor * BigInt(Math.max(0, ...bars.map(({size}) => size)))) / PAGE) * PAGE

/** The report of a function locked with LOCK_MSIX. */
export function buildReport({bars, msix, ranges, flags, offset}: ReportSpec): Uint8Array {
  const shift = offset / PAGE
  const origin = (bar: number): bigint => (bars.find(one => one.bar === bar)?.address ?? 0n) / PAGE + shift
  const cuts = ranges ?? bars.toSorted((a, b) => a.bar - b.bar).flatMap(bar => wholeBar(bar, msix))
  return INTERFACE_REPORT.encode({
    noFwUpdate: flags.includes('no-firmware-update'),
    dmaWithoutPasid: flags.includes('dma-without-pasid'),
    dmaWithPasid: flags.includes('dma-with-pasid'),
    atsSupported: flags.includes('ats'),
    prsSupported: flags.includes('prs'),
    msixTableSize: msix === undefined ? 0 : msix.entries - 1,
    msixEnable: msix !== undefined,
    mmioRanges: cuts.map(cut => ({
      firstPage: origin(cut.bar) + BigInt(cut.first),
      pages: cut.pages,
      msixTable: cut.flags.includes('msix-table'),
      msixPba: cut.flags.includes('msix-pba'),
      isNonTeeMem: cut.flags.includes('non-tee'),
      isMemAttrUpdatable: cut.flags.includes('updatable'),
      rangeId: cut.bar,
    })),
    deviceSpecificInfo: new Uint8Array(),
  })
}

/** Bits of a page number: addresses have 64. */
const PAGE_NUMBER_BITS = 52

/** Ranges of a decoded report, which is a view and cannot be spread, moved by so many pages. */
export const movedRanges = ({mmioRanges}: ReturnType<typeof INTERFACE_REPORT.decode>, by: bigint) =>
  mmioRanges.map(({firstPage, pages, rangeId, msixTable, msixPba, isNonTeeMem, isMemAttrUpdatable}) => ({
    firstPage: BigInt.asUintN(PAGE_NUMBER_BITS, firstPage + by),
    pages,
    rangeId,
    msixTable,
    msixPba,
    isNonTeeMem,
    isMemAttrUpdatable,
  }))

/** The same report as at another lock, for which the DSM chose another MMIO_REPORTING_OFFSET. */
export function anotherLocks(bytes: Uint8Array): Uint8Array {
  const report = INTERFACE_REPORT.decode(bytes)
  const {noFwUpdate, dmaWithoutPasid, dmaWithPasid, atsSupported, prsSupported, msixTableSize, msixEnable} = report
  return INTERFACE_REPORT.encode({
    noFwUpdate,
    dmaWithoutPasid,
    dmaWithPasid,
    atsSupported,
    prsSupported,
    msixTableSize,
    msixEnable,
    mmioRanges: movedRanges(report, OTHER_OFFSET),
    deviceSpecificInfo: report.deviceSpecificInfo,
  })
}
