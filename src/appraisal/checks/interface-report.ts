/** The interface report: what the DSM says it locked (PCIe r7.0 §11.3.11). Where ranges lie is in placement.ts. */
import {hex} from '../../bits/index.js'
import {type PciFacts, type Sha384, shortDigest} from '../../evidence/index.js'
import {
  type InterfaceReport,
  type InterfaceReportFacts,
  MAX_REASONABLE_RANGES,
  type ReportProblem,
  type ReportRange,
} from '../../tdisp/index.js'
import {known} from '../facts.js'
import {deviceSpecificDigest, holdsFor, normalFormDigest, type Pin} from '../pins/index.js'
import type {Check, Context} from './context.js'
import {type Answer, blocked, fail, failIfAny, malformed, pass, relaxed, skip} from './verdict.js'

const OBJECT = 'report'
const HEADER = 16
const RANGE = 16

/** Where range `index` is in the report. */
export const placeOfRange = (index: number) => ({object: OBJECT, offset: HEADER + RANGE * index, length: RANGE})

const framing: Check = ({facts: {report}}) => {
  if (report.kind === 'malformed') return malformed(OBJECT, report.error)
  if (report.kind !== 'decoded') return fail('absent', 'there is none')
  const {length} = report.value.facts.ranges
  return length <= MAX_REASONABLE_RANGES
    ? pass()
    : fail('ranges', `${length} ranges`, {expected: `at most ${MAX_REASONABLE_RANGES}`})
}

/** Answers from the report; `tdisp.report.framing` has passed. */
export const fromReport =
  (answer: (report: InterfaceReportFacts, context: Context, layout: InterfaceReport) => Answer): Check =>
  context => {
    const report = known(context.facts.report)
    return report === undefined ? blocked('tdisp.report.framing') : answer(report.facts, context, report.layout)
  }

const reserved = fromReport(report =>
  failIfAny(
    report.reserved.map(({message, offset}) => ({code: 'bits', message, place: {object: OBJECT, offset}})),
    'zero',
  ),
)

const noFwUpdate = fromReport((report, {rule}) => {
  if (report.firmwareUpdates === 'refused') return pass()
  return rule.tdisp.noFwUpdate === 'allow-update'
    ? relaxed('tdisp.noFwUpdate: allow-update', 'firmware may change while locked')
    : fail('permitted', 'firmware updates are permitted', {place: {object: OBJECT, offset: 0, length: 2}})
})

const dmaPasid = fromReport((report, {rule}) => {
  const {dmaWithPasid, dmaWithoutPasid} = report
  if (!dmaWithPasid && !dmaWithoutPasid) return fail('none', 'neither with nor without PASID')
  if (!dmaWithPasid) return pass('without PASID')
  return rule.tdisp.pasid === 'allow'
    ? relaxed('tdisp.pasid: allow', 'with PASID')
    : fail('pasid', 'with PASID', {expected: 'without'})
})

const ats = fromReport((report, {rule}) =>
  !report.ats
    ? pass('off')
    : rule.tdisp.ats === 'allow'
      ? relaxed('tdisp.ats: allow', 'enabled')
      : fail('enabled', 'enabled'),
)

const prs = fromReport((report, {rule}) =>
  !report.prs
    ? pass('off')
    : rule.tdisp.prs === 'allow'
      ? relaxed('tdisp.prs: allow', 'enabled')
      : fail('enabled', 'enabled'),
)

const isMsix = ({msixTable, msixPba}: ReportRange): boolean => msixTable || msixPba

/** LOCK_MSIX as far as the report shows it: MSI-X control or ranges are in it. */
export const msixIsLocked = (report: InterfaceReportFacts): boolean =>
  report.msix.control !== 0 || report.ranges.some(isMsix)

function lockedConsistently(report: InterfaceReportFacts, msix: Exclude<PciFacts['msix'], null | 'unknown'>): Answer {
  const {ranges} = report
  const {control} = report.msix
  if (!ranges.some(({msixTable}) => msixTable)) return fail('no-table', 'the table is not in the report')
  if (!ranges.some(({msixPba}) => msixPba)) return fail('no-pba', 'the PBA is not in the report')
  if (msix.control === null) return fail('unknown', 'Message Control of config space is not known')
  // zero where the table has one entry and no driver uses it
  if (BigInt(msix.control) !== BigInt(control))
    return control === 0
      ? fail('no-control', 'Message Control is not in the report')
      : fail('control', `Message Control ${hex(control, 4)}`, {expected: msix.control})
  return pass('table and PBA are locked')
}

const msixLocked = fromReport((report, {facts, rule}) => {
  const msix = known(facts.pci)?.msix ?? 'unknown'
  if (msix === null) return msixIsLocked(report) ? fail('phantom', 'reported, but not there') : NO_MSIX
  if (msix === 'unknown') return fail('unknown', 'whether the device has MSI-X is not known')
  if (msixIsLocked(report)) return lockedConsistently(report, msix)
  if (report.tphControl !== 0) return fail('tph', 'TPH control is reported although MSI-X is not locked')
  return rule.tdisp.lockMsix === 'allow-unlocked'
    ? relaxed('tdisp.lockMsix: allow-unlocked', 'table and PBA are not locked')
    : fail('unlocked', 'neither table nor PBA is in the report')
})
const NO_MSIX = skip('na', 'the device has no MSI-X')

const msixExclusive = fromReport(({ranges}) => {
  const own = ranges.filter(isMsix)
  if (own.length === 0) return skip('na', 'no MSI-X range is reported')
  const data = ranges.filter(range => !isMsix(range))
  return failIfAny(
    own.flatMap(range => [
      ...(range.nonTee
        ? [{code: 'shared', message: `range ${range.index} is not TEE memory`, place: placeOfRange(range.index)}]
        : []),
      ...data
        .filter(({firstPage, endPage}) => firstPage < range.endPage && range.firstPage < endPage)
        .map(({index}) => ({code: 'page', message: `range ${range.index} shares a page with range ${index}`})),
    ]),
  )
})

const ofReport = (...kinds: readonly ReportProblem['kind'][]): Check =>
  fromReport(({problems}) =>
    failIfAny(
      problems
        .filter(({kind}) => kinds.includes(kind))
        .map(({kind, message, ranges}) => ({
          code: kind,
          message,
          place: ranges.length === 0 ? {object: OBJECT} : placeOfRange(ranges.at(-1)!),
        })),
    ),
  )

const rangeName = ({index, rangeId, pages}: ReportRange): string => `range ${index} (BAR${rangeId}, ${pages} pages)`

const mmioTee = fromReport(({ranges}, {rule}) => {
  const shared = ranges.filter(({nonTee}) => nonTee)
  const allowed = rule.tdisp.nonTeeRanges
  const problems = shared.flatMap(range => {
    const entry = allowed.find(({bar}) => bar === range.rangeId)
    const total = shared.filter(({rangeId}) => rangeId === range.rangeId).reduce((sum, {pages}) => sum + pages, 0n)
    const fits = entry !== undefined && (entry.maxPages === undefined || total <= BigInt(entry.maxPages))
    return fits ? [] : [{code: 'shared', message: rangeName(range), place: placeOfRange(range.index)}]
  })
  if (problems.length > 0 || shared.length === 0) return failIfAny(problems, 'TEE memory')
  return relaxed('tdisp.nonTeeRanges', `${shared.length} ranges are shared with the host`)
})

const mmioUpdatable = fromReport(({ranges}, {rule}) => {
  const updatable = ranges.filter(range => range.updatable)
  if (updatable.length === 0) return pass('no range can change')
  if (rule.tdisp.updatableRanges === 'allow')
    return relaxed('tdisp.updatableRanges: allow', `${updatable.length} ranges can change later`)
  return failIfAny(
    updatable.map(range => ({code: 'updatable', message: rangeName(range), place: placeOfRange(range.index)})),
  )
})

const deviceSpecific = fromReport(({deviceSpecificInfo}, context, layout) => {
  const {length} = deviceSpecificInfo
  switch (context.rule.tdisp.deviceSpecific) {
    case 'ignore':
      return pass(length === 0 ? undefined : `${length} bytes, not looked at`)
    case 'deny':
      return length === 0 ? pass() : fail('present', `${length} bytes`, {expected: 'none'})
    default:
      return likePinned(context, ({deviceSpecific: pin}) => ({
        pinned: pin,
        present: deviceSpecificDigest(layout),
        passes: length === 0 ? 'none, as pinned' : `${length} bytes, as pinned`,
      }))
  }
})

interface AgainstPin {
  readonly pinned: Sha384 | null
  readonly present: Sha384 | null
  readonly passes: string
}

const shortOrNone = (digest: Sha384 | null): string => (digest === null ? 'none' : shortDigest(digest))

/** Equal to what the pin says. Before the first acceptance there is nothing to equal, and only a review may go on. */
function likePinned({pin, rule, circumstances}: Context, of: (pin: Pin) => AgainstPin): Answer {
  if (circumstances.pins === undefined) return fail('no-pins', 'the pins of this machine are not at hand')
  if (pin === undefined)
    return rule.identity.mode === 'tofu'
      ? relaxed('identity.mode: tofu', 'first use: nothing is pinned yet')
      : fail('not-pinned', 'this device is not pinned')
  if (!holdsFor(rule.identity.mode, pin)) return fail('not-pinned', 'it was accepted before, but nobody enrolled it')
  const {pinned: wanted, present, passes} = of(pin)
  return wanted === present ? pass(passes) : fail('changed', shortOrNone(present), {expected: shortOrNone(wanted)})
}

const pinned = fromReport((_, context, layout) =>
  context.rule.tdisp.report === 'any'
    ? skip('na', 'the rule pins no report')
    : likePinned(context, ({reportNormalForm: pin}) => ({
        pinned: pin,
        present: normalFormDigest(layout),
        passes: 'the layout is the pinned one',
      })),
)

export const REPORT_CHECKS = {
  'tdisp.report.framing': framing,
  'tdisp.report.reserved': reserved,
  'tdisp.report.no-fw-update': noFwUpdate,
  'tdisp.report.dma-pasid': dmaPasid,
  'tdisp.report.ats': ats,
  'tdisp.report.prs': prs,
  'tdisp.report.msix-locked': msixLocked,
  'tdisp.report.msix-exclusive': msixExclusive,
  'tdisp.report.mmio-count': ofReport('no-ranges', 'empty-range'),
  'tdisp.report.mmio-order': ofReport('order'),
  'tdisp.report.mmio-overflow': ofReport('overflow'),
  'tdisp.report.mmio-overlap': ofReport('overlap'),
  'tdisp.report.mmio-tee': mmioTee,
  'tdisp.report.mmio-updatable': mmioUpdatable,
  'tdisp.report.device-specific': deviceSpecific,
  'tdisp.report.pinned': pinned,
} satisfies Record<string, Check>
