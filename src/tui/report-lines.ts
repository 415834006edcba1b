/** How the device is wired: the interface report (PCIe r7.0 §11.3.11) and where its ranges lie in the BARs. */
import type {RangeRow, Subject} from '../appraisal/index.js'
import {BLANK, type Line, line, pair, paragraph, span} from './lines.js'
import {wordSpan} from './words.js'

const yesNo = (flag: boolean): string => (flag ? 'yes' : 'no')

const NO_REPORT = 'no usable interface report'

/** Who may touch the range: TEE memory is for the TVM alone, the rest is shared with the host. */
const useOf = ({tee, msix}: RangeRow): string => `${tee ? 'TEE' : 'shared with the host'}${msix ? ', MSI-X' : ''}`

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

export function wiringSummary(subject: Subject, width: number): Line[] {
  const {report, placement} = subject
  if (report === null) return paragraph([wordSpan('NOT PROVEN')], NO_REPORT, width)
  const tee = report.ranges.filter(range => range.tee).length
  return [
    ...pair('ranges', `${tee} TEE, ${report.ranges.length - tee} shared with the host`, width),
    ...pair('placement', placement ?? 'not proven', width, placement === null ? 'unproven' : 'plain'),
    ...pair('lock flags', flagsText(report), width),
    ...pair('MSI-X', report.msix, width),
  ]
}

const flagsText = ({noFwUpdate, ats, prs, pasid}: NonNullable<Subject['report']>): string =>
  `no firmware update ${yesNo(noFwUpdate)}, ATS ${yesNo(ats)}, PRS ${yesNo(prs)}, PASID ${yesNo(pasid)}`

/** The Report tab. */
export function reportLines(subject: Subject, width: number): readonly Line[] {
  if (subject.report === null) return paragraph([wordSpan('NOT PROVEN')], NO_REPORT, width)
  return [
    ...wiringSummary(subject, width),
    BLANK,
    line('MMIO RANGES', 'title'),
    ...subject.report.ranges.flatMap(range => rangeLines(range, width)),
  ]
}

function rangeLines(range: RangeRow, width: number): Line[] {
  const {rangeId, firstPage, pages, barOffset, updatable} = range
  const where = barOffset === null ? 'place in the BAR not proven' : `BAR offset ${barOffset}`
  const text = `${useOf(range)}, ${plural(pages, 'page')} from ${firstPage}, ${where}${updatable ? ', updatable' : ''}`
  return paragraph([span(`range ${rangeId}  `, 'quiet')], text, width, barOffset === null ? 'unproven' : 'plain')
}
