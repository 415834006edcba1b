/** `reference learn`: what an accepted device measured, as reference values of a rule. */
import {type AuditRecord, gatherFacts} from '../../appraisal/index.js'
import {toHex} from '../../bits/index.js'
import {quoted, TsmctlError} from '../../errors.js'
import type {Bundle} from '../../evidence/index.js'
import type {Kernel} from '../../kernel/index.js'
import type {BlockFacts} from '../../spdm/index.js'
import {readAudit} from '../audit.js'
import {type PolicyValue, valuesYaml} from './values-yaml.js'

export interface Learnt {
  /** Evidence digest. */
  readonly digest: string
  /** Record of the audit log by which it was accepted. */
  readonly record: {readonly seq: number; readonly event: string; readonly at: string}
  readonly values: readonly PolicyValue[]
  readonly yaml: string
}

const member = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined

/** A device was accepted on this evidence, or nothing stood against that. */
const accepts = ({event, verdict}: AuditRecord): boolean =>
  event === 'committed' || (event === 'decided' && member(verdict, 'decision') === 'accept')

const refuse = (digest: string, got: string): TsmctlError =>
  new TsmctlError({
    kind: 'denied',
    attempted: `learn from evidence ${digest.slice(0, 'sha384:'.length + 12)}`,
    got,
    hint: 'Review the device first (tsmctl admit, or evidence and accept): what it measures becomes what you trust.',
  })

/** Throws unless the audit log of this machine is whole and says that the evidence was accepted here. */
function acceptanceOf(kernel: Kernel, digest: string): AuditRecord {
  const {records, problems} = readAudit(kernel)
  if (problems.length > 0) throw refuse(digest, 'the audit log of this machine is not whole')
  const found = records.findLast(record => member(record['evidence'], 'D') === digest && accepts(record))
  if (found === undefined) throw refuse(digest, 'the audit log does not say that it was accepted on this machine')
  return found
}

const POLICY_HASHES: readonly string[] = ['sha256', 'sha384', 'sha512']

/** How the device runs is judged by checks of its own; a version may rise. */
function valueOf({index, typeName, raw, value, svn, allZero}: BlockFacts, hash: string | undefined): PolicyValue {
  if (typeName === undefined)
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: 'learn from evidence',
      got: `block ${index} has no known type`,
    })
  if (typeName === 'device-mode') return {index, type: typeName, informational: true}
  if (svn !== undefined && svn <= BigInt(Number.MAX_SAFE_INTEGER))
    return {index, type: typeName, svn: {min: Number(svn)}}
  if (raw) return {index, type: typeName, raw: [toHex(value)]}
  if (hash === undefined || !POLICY_HASHES.includes(hash))
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: 'learn from evidence',
      got: `the device measures by ${quoted(hash ?? 'an unknown function')}`,
      hint: 'Policies name SHA-256, SHA-384 and SHA-512; enrol the device instead.',
    })
  return {index, type: typeName, digests: [`${hash}:${toHex(value)}`], ...(allZero && {allowZero: true})}
}

/** Values of the last measurement of each block in accepted evidence. Throws TsmctlError for any other evidence. */
export async function learn(kernel: Kernel, bundle: Bundle): Promise<Learnt> {
  const {digest, manifest} = bundle
  const {seq, event, ts} = acceptanceOf(kernel, digest)
  const {measurements, negotiated} = await gatherFacts(bundle)
  if (measurements.kind !== 'decoded') throw refuse(digest, 'its measurements cannot be read')
  const hash = negotiated?.measurementHash?.name
  const blocks = new Map(measurements.value.blocks.map(block => [block.index, block]))
  const values = [...blocks.values()].map(block => valueOf(block, hash))
  const notes = [
    `Learnt from evidence ${digest}`,
    `of ${manifest.device.bdf ?? 'a device'}, collected ${manifest.collectedAt}, ${event} ${ts} (audit record ${seq}).`,
    'This is what that device ran, not what its vendor vouches for.',
  ]
  return {digest, record: {seq, event, at: ts}, values, yaml: valuesYaml(values, notes)}
}
