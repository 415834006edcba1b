/** The profile of a device in evidence that was evaluated, and its comparison with what was accepted before. */
import {comparisonOf} from './checks/index.js'
import type {Subjects} from './evaluate.js'
import {known} from './facts.js'
import {compare, type Comparison, type DeviceProfile, profileOf} from './pins/index.js'
import type {Reference} from './references/index.js'
import type {CheckId} from './registry/index.js'
import {isSatisfied} from './settle.js'
import type {CheckResult} from './types.js'

/** What must have passed before anything in the evidence is the device's own word. */
const VERIFIED: readonly CheckId[] = [
  'spdm.chain.signatures',
  'spdm.chain.root-pinned',
  'spdm.meas.framing',
  'spdm.meas.nonce',
  'spdm.meas.signature',
  'spdm.meas.blocks',
]
/** The report, which the device does not sign: relieved where the rule does without digests of the TSM. */
const REPORT: readonly CheckId[] = ['tsm.digest.report', 'tdisp.report.framing', 'tdisp.report.mmio-overflow']

const sourceText = ({provenance: {label, signer}}: Reference): string =>
  signer === null ? label : `${label}, signer ${signer}`

/** Undefined where the evidence did not verify. */
export function profileIn(subjects: Subjects, results: readonly CheckResult[], debug: DeviceProfile['debug']) {
  const byId = new Map(results.map(result => [result.id, result]))
  const {facts, anchor, rule} = subjects
  return profileOf({
    facts,
    verified: anchor !== undefined && VERIFIED.every(id => byId.get(id)!.result === 'pass'),
    reportIsReliable: REPORT.every(id => isSatisfied(byId.get(id)!)),
    anchor: anchor?.anchor.label ?? '',
    pin: rule.identity.pin ?? 'device-cert',
    debug,
    groupOf: index => manifestOf(index, subjects),
  })
}

const referenceOf = (index: number, subjects: Subjects): Reference | undefined => {
  const blocks = known(subjects.facts.measurements)?.blocks ?? []
  const block = blocks.findLast(found => found.index === index)
  const found = block && comparisonOf(block, subjects)
  return found?.status === 'approved' ? found.by : undefined
}

/** A vendor has a manifest for each firmware of a device: what one of them approves belongs together. */
const manifestOf = (index: number, subjects: Subjects): string | undefined =>
  subjects.rule.measurements.source === 'vendor-rim' ? referenceOf(index, subjects)?.provenance.label : undefined

export function comparisonIn(subjects: Subjects, profile: DeviceProfile): Comparison {
  const {facts, circumstances, policy, pin} = subjects
  const {device, host} = facts.bundle.manifest
  return compare(pin, device.bdf === null ? undefined : circumstances.pins?.at(device.bdf), profile, {
    bdf: device.bdf,
    policy: policy?.digest ?? null,
    tool: host.tool,
    approvedBy(index) {
      const reference = referenceOf(index, subjects)
      return reference === undefined ? null : sourceText(reference)
    },
  })
}
