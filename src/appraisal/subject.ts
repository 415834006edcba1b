/** The facts a reviewer is shown besides the checks: who, what runs, how wired. Device text is escaped here. */
import {hex, toHex} from '../bits/index.js'
import {printable, quoted} from '../errors.js'
import {deviceCertificateIndex, versionText} from '../spdm/index.js'
import {comparisonOf, placementsOf} from './checks/index.js'
import type {Subjects} from './evaluate.js'
import {known} from './facts.js'
import type {Comparison} from './references/index.js'
import type {CheckId} from './registry/index.js'
import type {CheckResult, MeasurementRow, RangeRow, Subject} from './types.js'

type ResultOf = (id: CheckId) => CheckResult

const SHOWN_VALUE = 96

/** What approved a value: the policy, a file and who signed it, or a pin. */
const approvedBy = ({status, by}: Comparison): string | null => {
  if (status !== 'approved' || by === undefined) return null
  const {label, signer} = by.provenance
  return signer === null ? printable(label) : `${quoted(label)}, signer ${quoted(signer)}`
}

function measurementRows(subjects: Subjects, resultOf: ResultOf): MeasurementRow[] {
  // values of a transcript that did not verify are nobody's
  if (resultOf('spdm.meas.blocks').result !== 'pass') return []
  return (known(subjects.facts.measurements)?.blocks ?? []).map(block => {
    const value = toHex(block.value)
    const comparison = comparisonOf(block, subjects)
    return {
      index: block.index,
      type: block.typeName ?? (block.type === undefined ? 'not DMTF' : hex(block.type, 2)),
      representation: block.raw ? 'raw' : 'digest',
      value: value.length > SHOWN_VALUE ? `${value.slice(0, SHOWN_VALUE)}...` : value,
      status: comparison.status,
      approvedBy: approvedBy(comparison),
    }
  })
}

function debugState(result: CheckResult): Subject['debug'] {
  if (result.result === 'pass') return 'off'
  if (result.got !== null) return 'on'
  return result.reason === 'abs' ? 'absent' : 'not proven'
}

function rangeRows({facts, rule}: Subjects, resultOf: ResultOf): RangeRow[] {
  const placements = placementsOf(facts, rule)
  const anchored = resultOf('tdisp.report.mmio-anchored').result === 'pass'
  const offsets = new Map(
    (anchored ? (placements?.chosen.bars ?? []) : []).flatMap(({ranges}) =>
      ranges.map(({index, first}) => [index, first] as const),
    ),
  )
  return (known(facts.report)?.facts.ranges ?? []).map(range => {
    const offset = offsets.get(range.index)
    return {
      rangeId: range.rangeId,
      firstPage: hex(range.firstPage),
      pages: Number(range.pages),
      barOffset: offset === undefined ? null : hex(offset * 4096n),
      tee: !range.nonTee,
      msix: range.msixTable || range.msixPba,
      updatable: range.updatable,
    }
  })
}

function reportOf(subjects: Subjects, resultOf: ResultOf): Subject['report'] {
  const report = known(subjects.facts.report)?.facts
  if (report === undefined || resultOf('tdisp.report.framing').result !== 'pass') return null
  const msix = resultOf('tdisp.report.msix-locked')
  return {
    noFwUpdate: report.firmwareUpdates === 'refused',
    ats: report.ats,
    prs: report.prs,
    pasid: report.dmaWithPasid,
    msix:
      msix.reason === 'na'
        ? 'none'
        : msix.relaxedBy !== null
          ? 'not locked'
          : msix.result === 'pass'
            ? 'locked'
            : 'not proven',
    ranges: rangeRows(subjects, resultOf),
    bars: (known(subjects.facts.pci)?.bars ?? [])
      .filter(({kind, size}) => kind.startsWith('memory') && size !== '0x0')
      .map(({index, size}) => ({bar: index, size})),
  }
}

function placementOf(subjects: Subjects, resultOf: ResultOf): Subject['placement'] {
  if (resultOf('tdisp.report.mmio-within-bars').result !== 'pass') return null
  const placements = placementsOf(subjects.facts, subjects.rule)
  if (placements === undefined) return null
  const {mode} = placements.chosen
  return mode === undefined ? 'ambiguous' : mode === 'both' ? 'complete' : mode
}

const part = (name: string, value: string | null): string => (value === null ? '' : ` ${name} ${value}`)

const claimedText = ({facts}: Subjects): string => {
  const {vendor, device, revision, class: classCode} = facts.bundle.manifest.device
  return `${vendor ?? '?'}:${device ?? '?'}${part('rev', revision)}${part('class', classCode)}`
}

export function subjectOf(subjects: Subjects, results: readonly CheckResult[]): Subject {
  const byId = new Map(results.map(result => [result.id, result]))
  const resultOf: ResultOf = id => byId.get(id)!
  const {facts, anchor, name} = subjects
  const verified = ['spdm.chain.signatures', 'spdm.chain.root-pinned'] as const
  const chain = verified.every(id => resultOf(id).result === 'pass') ? known(facts.certificates) : undefined
  const version = known(facts.vca)?.version ?? known(facts.measurements)?.version
  const {negotiated} = facts
  return {
    // a name from a certificate means something only if the device proved to hold its key, just now
    name:
      name !== undefined &&
      resultOf('spdm.meas.signature').result === 'pass' &&
      resultOf('spdm.meas.nonce').result === 'pass'
        ? printable(name)
        : null,
    bdf: facts.bundle.manifest.device.bdf,
    claimed: printable(claimedText(subjects), 128),
    anchor: chain === undefined || anchor === undefined ? null : printable(anchor.anchor.label, 80),
    path: (chain ?? []).map(({subject}) => printable(subject, 96)),
    certificate: chain === undefined ? null : `sha384:${chain[deviceCertificateIndex(chain)]!.sha384}`,
    slot: known(facts.chain) === undefined ? null : facts.slot,
    spdm:
      version === undefined || negotiated === undefined
        ? null
        : {version: versionText(version), hash: negotiated.hash.name, asym: negotiated.asym.name},
    measurements: measurementRows(subjects, resultOf),
    debug: debugState(resultOf('spdm.meas.debug')),
    report: reportOf(subjects, resultOf),
    placement: placementOf(subjects, resultOf),
  }
}
