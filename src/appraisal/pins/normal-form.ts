/**
 * What stays the same in an interface report from lock to lock: everything but the reporting offset, which the TSM
 * chooses anew (PCIe r7.0 §11.3.11). Reserved bits are kept. Device-specific bytes have a digest of their own, so that a
 * rule can pin them or not without making all layouts differ.
 */
import {hex} from '../../bits/index.js'
import {named, type Sha384} from '../../evidence/index.js'
import {INTERFACE_REPORT, type InterfaceReport, MMIO_RANGE, type ReportRange} from '../../tdisp/index.js'
import type {PinnedRange} from './types.js'

interface Placed {
  readonly rangeId: number
  readonly firstPage: bigint
}

/** Lowest first page of each BAR. */
function originsOf(ranges: readonly Placed[]): ReadonlyMap<number, bigint> {
  const origins = new Map<number, bigint>()
  for (const {rangeId, firstPage} of ranges) {
    const lowest = origins.get(rangeId)
    if (lowest === undefined || firstPage < lowest) origins.set(rangeId, firstPage)
  }
  return origins
}

/** All fields of a decoded structure, also the reserved ones. */
const valuesOf = <T extends object>({fields}: {readonly fields: object}, structure: T): T =>
  Object.fromEntries(Object.keys(fields).map(name => [name, structure[name as keyof T]])) as T

/** The report with each range's first page counted from the lowest one of the same BAR. */
export function reportNormalForm(report: InterfaceReport): Uint8Array {
  const origins = originsOf(report.mmioRanges)
  return INTERFACE_REPORT.encode({
    ...valuesOf(INTERFACE_REPORT, report),
    mmioRanges: report.mmioRanges.map(range => ({
      ...valuesOf(MMIO_RANGE, range),
      firstPage: range.firstPage - origins.get(range.rangeId)!,
    })),
    deviceSpecificInfoLength: 0,
    deviceSpecificInfo: new Uint8Array(),
  })
}

export const normalFormDigest = (report: InterfaceReport): Sha384 => named(reportNormalForm(report))

/** Null where there are no bytes. */
export const deviceSpecificDigest = ({deviceSpecificInfo}: InterfaceReport): Sha384 | null =>
  deviceSpecificInfo.length === 0 ? null : named(deviceSpecificInfo)

/** The ranges of the normal form. */
export function pinnedRanges(ranges: readonly ReportRange[]): PinnedRange[] {
  const origins = originsOf(ranges)
  return ranges.map(({rangeId, firstPage, pages, nonTee, msixTable, msixPba, updatable}) => ({
    bar: rangeId,
    firstPage: hex(firstPage - origins.get(rangeId)!),
    pages: Number(pages),
    tee: !nonTee,
    msix: msixTable || msixPba,
    updatable,
  }))
}
