/** `audit`: what was decided on this machine, and whether the record of it is whole. */
import {
  auditFileName,
  auditFiles,
  type AuditProblem,
  type AuditRecord,
  currentAuditFile,
  verifyAudit,
  verifyAuditChain,
  WINDOW_SECONDS,
} from '../appraisal/index.js'
import {printable} from '../errors.js'
import type {Kernel, StateStore} from '../kernel/index.js'
import {bootIdOf} from './device-facts.js'
import {table} from './text-table.js'

export interface AuditView {
  /** The file that is written to. */
  readonly file: string
  readonly records: readonly AuditRecord[]
  readonly problems: readonly AuditProblem[]
  /** Digest of the last record, to publish; null for an empty log. */
  readonly head: string | null
}

const bytesOf = (state: StateStore, name: string): Uint8Array => state.read(name) ?? new Uint8Array()

/** The whole log, verified. `head` is a digest published earlier that must still be in it. */
export function readAudit({state}: Kernel, head?: string): AuditView {
  const names = auditFiles(state)
  const files = names.map(name => ({name, bytes: bytesOf(state, name)}))
  return {file: `${state.directory}/${names.at(-1)}`, ...verifyAudit(files, head)}
}

/** The records of each file, the newest file first, as long as somebody asks for more. */
function* newestFirst(state: StateStore): Generator<readonly AuditRecord[]> {
  for (let index = currentAuditFile(state); index >= 0; index--)
    yield verifyAuditChain(bytesOf(state, auditFileName(index))).records
}

/** Digest of the evidence on which `bdf` was accepted since it was last locked or given up; null when it was not. */
export function committedEvidence({state}: Kernel, bdf: string): string | null {
  for (const records of newestFirst(state)) {
    const last = records.findLast(
      ({event, device}) => ['committed', 'unlocked', 'locked'].includes(String(event)) && member(device, 'bdf') === bdf,
    )
    if (last === undefined) continue
    const digest = last.event === 'committed' ? member(last['evidence'], 'D') : null
    return typeof digest === 'string' ? digest : null
  }
  return null
}

/** Did tsmctl lock or unlock `bdf` after it collected this evidence? What others did is not in its log. */
export function lockedSince({state}: Kernel, bdf: string, digest: string): boolean {
  for (const records of newestFirst(state)) {
    const collected = records.findLastIndex(
      ({event, evidence}) => event === 'collected' && member(evidence, 'D') === digest,
    )
    const moved = records
      .slice(collected + 1)
      .some(({event, device}) => (event === 'locked' || event === 'unlocked') && member(device, 'bdf') === bdf)
    if (moved) return true
    if (collected >= 0) return false
  }
  return false
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
  const seconds = recentRecords(kernel.state).flatMap(({event, evidence, policy: by, verdict, mono, bootId: boot}) => {
    const isThis = event === 'decided' && member(evidence, 'D') === digest && member(by, 'P') === policy
    if (!isThis || member(verdict, 'decision') === 'deny' || boot !== bootId || !/^\d{1,20}$/.test(mono)) return []
    const age = Number(now - BigInt(mono)) / NANOSECONDS
    return age >= 0 && age <= WINDOW_SECONDS ? [age] : []
  })
  return seconds.length === 0 ? undefined : Math.max(...seconds)
}

/** Is `P` the policy that the log named last? Every file of the log names its own. */
export function isPolicyOnRecord({state}: Kernel, P: string): boolean {
  const [newest = []] = newestFirst(state)
  const last = newest.findLast(({event}) => event === 'policy-loaded')
  return member(last?.['policy'], 'P') === P
}

/** The two newest files: a file holds far more than happens in ten minutes. */
function recentRecords(state: StateStore): readonly AuditRecord[] {
  const files = newestFirst(state)
  return [files.next(), files.next()].flatMap(({value}) => (value as readonly AuditRecord[] | undefined) ?? [])
}

/** Which records to show; all that are given must hold. */
export interface AuditFilter {
  readonly events?: readonly string[] | undefined
  readonly bdf?: string | undefined
  /** Digest of evidence, or its beginning. */
  readonly evidence?: string | undefined
  readonly since?: Date | undefined
  /** Only so many, the newest. */
  readonly last?: number | undefined
}

const NAMED = 'sha384:'

export function selectRecords(records: readonly AuditRecord[], filter: AuditFilter): readonly AuditRecord[] {
  const {events, bdf, evidence, since, last} = filter
  const digits = evidence?.startsWith(NAMED) ? evidence.slice(NAMED.length) : evidence
  const selected = records.filter(record => {
    const D = member(record['evidence'], 'D')
    return (
      (events === undefined || events.length === 0 || events.includes(record.event)) &&
      (bdf === undefined || member(record['device'], 'bdf') === bdf) &&
      (digits === undefined || (typeof D === 'string' && D.slice(NAMED.length).startsWith(digits))) &&
      (since === undefined || Date.parse(record.ts) >= since.getTime())
    )
  })
  return last === undefined ? selected : selected.slice(Math.max(0, selected.length - last))
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
export function auditText({records}: Pick<AuditView, 'records'>): string {
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
