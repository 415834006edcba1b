/** What stays the same when the same device is asked again, as one digest: so that one denied is known again. */
import {type Facts, gatherFacts} from '../../appraisal/index.js'
import {toHex} from '../../bits/index.js'
import {type Bundle, nameOfJson} from '../../evidence/index.js'
import {msixControl} from '../../tdisp/index.js'

type Report = Extract<Facts['report'], {kind: 'decoded'}>['value']['layout']

/** Pages counted from the first of all ranges: every lock may choose another MMIO_REPORTING_OFFSET. */
function reportOf(report: Report): unknown {
  const {noFwUpdate, dmaWithoutPasid, dmaWithPasid, atsSupported, prsSupported, lnrControl, tphControl} = report
  const starts = report.mmioRanges.map(({firstPage}) => firstPage)
  const first = starts.reduce((least, start) => (start < least ? start : least), starts[0] ?? 0n)
  return {
    info: [noFwUpdate, dmaWithoutPasid, dmaWithPasid, atsSupported, prsSupported],
    control: [msixControl(report), lnrControl, tphControl],
    ranges: report.mmioRanges.map(range => [
      `0x${(range.firstPage - first).toString(16)}`,
      range.pages,
      range.rangeId,
      range.msixTable,
      range.msixPba,
      range.isNonTeeMem,
      range.isMemAttrUpdatable,
    ]),
    specific: toHex(report.deviceSpecificInfo),
  }
}

/**
 * Covers certificates, measured values, the interface report, and what config space claims. Leaves out nonces,
 * signatures and negotiation, and what the kernel says around them. An object that cannot be decoded counts as its bytes.
 */
export async function stableDigest(bundle: Bundle): Promise<string> {
  const {measurements, report} = await gatherFacts(bundle)
  const {device, objects} = bundle.manifest
  const {bdf: _, ...claims} = device
  const bytesOf = (label: string): string | null => objects.find(object => object.label === label)?.sha384 ?? null
  return nameOfJson({
    claims: Object.entries(claims),
    certificates: objects.filter(({label}) => label.startsWith('cert')).map(({label, sha384}) => [label, sha384]),
    measurements:
      measurements.kind === 'decoded'
        ? measurements.value.blocks.map(({index, specification, type = null, raw, value}) => [
            index,
            specification,
            type,
            raw,
            toHex(value),
          ])
        : bytesOf('measurements'),
    report: report.kind === 'decoded' ? reportOf(report.value.layout) : bytesOf('report'),
  })
}
