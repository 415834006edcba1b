/** `audit`: what was decided on this machine, and whether the record of it is whole. */
import {AUDIT_FILE, type AuditProblem, type AuditRecord, verifyAuditChain, WINDOW_SECONDS} from '../appraisal/index.js'
import {printable} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {bootIdOf} from './device-facts.js'
import {table} from './text-table.js'

export interface AuditView {
  readonly file: string
  readonly records: readonly AuditRecord[]
  readonly problems: readonly AuditProblem[]
  /** Digest of the last record, to publish; null for an empty log. */
  readonly head: string | null
}

/** The whole log, verified. `head` is a digest published earlier that must still be in it. */
export function readAudit(kernel: Kernel, head?: string): AuditView {
  const bytes = kernel.state.read(AUDIT_FILE) ?? new Uint8Array()
  return {file: `${kernel.state.directory}/${AUDIT_FILE}`, ...verifyAuditChain(bytes, head)}
}

/** Digest of the evidence on which `bdf` was accepted since it was last locked or given up; null when it was not. */
export function committedEvidence(kernel: Kernel, bdf: string): string | null {
  const last = readAudit(kernel).records.findLast(
    ({event, device}) => ['committed', 'unlocked', 'locked'].includes(String(event)) && member(device, 'bdf') === bdf,
  )
  const digest = last?.event === 'committed' ? member(last['evidence'], 'D') : null
  return typeof digest === 'string' ? digest : null
}

/** Did tsmctl lock or unlock `bdf` after it collected this evidence? What others did is not in its log. */
export function lockedSince(kernel: Kernel, bdf: string, digest: string): boolean {
  const {records} = readAudit(kernel)
  const collected = records.findLastIndex(
    ({event, evidence}) => event === 'collected' && member(evidence, 'D') === digest,
  )
  return records
    .slice(collected + 1)
    .some(({event, device}) => (event === 'locked' || event === 'unlocked') && member(device, 'bdf') === bdf)
}

const NANOSECONDS = 1e9

/**
 * Seconds, by the monotonic clock, since this evidence was first decided about under this policy and not denied; undefined
 * where that was not in the last ten minutes of this boot. Whoever reads a review has that long: reading makes evidence no
 * older.
 */
export function sinceDecision(kernel: Kernel, digest: string, policy: string): number | undefined {
  const bootId = bootIdOf(kernel)
  const now = kernel.monotonic()
  const seconds = readAudit(kernel).records.flatMap(({event, evidence, policy: by, verdict, mono, bootId: boot}) => {
    const isThis = event === 'decided' && member(evidence, 'D') === digest && member(by, 'P') === policy
    if (!isThis || member(verdict, 'decision') === 'deny' || boot !== bootId || !/^\d{1,20}$/.test(mono)) return []
    const age = Number(now - BigInt(mono)) / NANOSECONDS
    return age >= 0 && age <= WINDOW_SECONDS ? [age] : []
  })
  return seconds.length === 0 ? undefined : Math.max(...seconds)
}

const member = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined
const text = (value: unknown): string => (typeof value === 'string' ? printable(value, 200) : '-')

/** Objects as JSON: what a damaged log holds need not have a usable `toString`. */
const said = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))

function detail(record: AuditRecord): string {
  const {verdict, result} = record
  const failed = member(verdict, 'failed')
  const decision = member(verdict, 'decision')
  if (record.event === 'decided')
    return `${text(decision)}${Array.isArray(failed) && failed.length > 0 ? `: ${failed.map(text).join(', ')}` : ''}`
  const entries = typeof result === 'object' && result !== null ? Object.entries(result) : []
  return entries.map(([key, value]) => `${printable(key)} ${printable(said(value), 80)}`).join(', ')
}

/** One line per record: number, time, event, device, evidence, what came of it. */
export function auditText({records}: AuditView): string {
  const rows = records.map(record => {
    const D = member(record['evidence'], 'D')
    return [
      String(record.seq),
      text(record.ts),
      text(record.event),
      text(member(record['device'], 'bdf')),
      typeof D === 'string' ? printable(D.slice('sha384:'.length, 'sha384:'.length + 12)) : '-',
      detail(record),
    ]
  })
  return table(['SEQ', 'TIME', 'EVENT', 'BDF', 'EVIDENCE', 'DETAIL'], rows)
}
