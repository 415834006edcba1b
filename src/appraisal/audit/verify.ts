/** Verifying an audit log: the chain of digests, and that nothing was committed without the steps that must precede it. */
import {printable, TsmctlError} from '../../errors.js'
import {strictJson} from '../../evidence/index.js'
import {type AuditRecord, genesisDigest, lineBytes, lineDigest, lineOf} from './record.js'

export interface AuditProblem {
  /** 1-based line. */
  readonly line: number
  readonly message: string
}

export interface AuditVerification {
  readonly records: readonly AuditRecord[]
  readonly problems: readonly AuditProblem[]
  /** Digest of the last record; null for an empty log. */
  readonly head: string | null
}

type Parsed = {readonly record: AuditRecord; readonly line: string; readonly number: number}

function parse(line: string): AuditRecord | undefined {
  try {
    const value = strictJson(lineBytes(line), 'an audit record') as AuditRecord | null
    if (value === null) return undefined
    // only the canonical form has one digest
    return typeof value.seq === 'number' && typeof value.prev === 'string' && lineOf(value) === line ? value : undefined
  } catch (error) {
    if (error instanceof TsmctlError) return undefined
    throw error
  }
}

const digestIn = ({evidence}: AuditRecord): string | undefined =>
  (evidence as {D?: string} | null | undefined)?.D ?? undefined

/** Ends what was decided: whoever commits after it must have decided, and approved, anew. */
const ENDS: readonly string[] = ['committed', 'commit-failed']

/**
 * Every `committed` needs, for the same evidence and since the last attempt: a decision, then the approval that decision
 * asked for, then the intention.
 */
function sequenceProblems(parsed: readonly Parsed[]): AuditProblem[] {
  return parsed.flatMap(({record, number}, i) => {
    if (record.event !== 'committed') return []
    const D = digestIn(record)
    const same = parsed.slice(0, i).flatMap(({record: earlier}) => (digestIn(earlier) === D ? [earlier] : []))
    const before = D === undefined ? [] : same.slice(same.findLastIndex(({event}) => ENDS.includes(event)) + 1)
    const last = (event: string): number => before.findLastIndex(earlier => earlier.event === event)
    const [decided, approved, committing] = [last('decided'), last('approved'), last('committing')]
    const decision = (before[decided]?.verdict as {decision?: unknown} | null | undefined)?.decision
    const missing = [
      ...(committing < 0 || committing < decided ? ['committing'] : []),
      ...(decided < 0 ? ['decided'] : []),
      ...(decision === 'review' && (approved < decided || approved > committing) ? ['approved'] : []),
    ]
    const denied = decided < 0 || decision === 'accept' || decision === 'review' ? [] : ['committed although denied']
    return [...missing.map(event => `committed without ${event}`), ...denied].map(message => ({line: number, message}))
  })
}

function clockProblems(parsed: readonly Parsed[]): AuditProblem[] {
  const latest = new Map<string | null, bigint>()
  return parsed.flatMap(({record: {bootId, mono}, number}) => {
    if (!/^\d{1,20}$/.test(mono)) return [{line: number, message: 'mono is not a time'}]
    const now = BigInt(mono)
    const before = latest.get(bootId) ?? 0n
    latest.set(bootId, now)
    // without a boot id nothing says that two times are of one clock
    return bootId !== null && now < before ? [{line: number, message: 'monotonic time goes backwards'}] : []
  })
}

/** A line torn by a crash, if the next one says so; it may be whole but for its line feed. */
function isQuarantined(line: string, next: string | undefined): boolean {
  const record = next === undefined ? undefined : parse(next)
  return record?.event === 'recovered' && record.torn === lineDigest(line)
}

/** The record a line must follow, by digest. */
function expectedPrev(previous: Parsed | undefined, record: AuditRecord): string | undefined {
  if (previous !== undefined) return lineDigest(previous.line)
  const {machineIdHash = null, nonce} = (record.genesis ?? {}) as {machineIdHash?: unknown; nonce?: unknown}
  if (typeof nonce !== 'string' || (machineIdHash !== null && typeof machineIdHash !== 'string')) return undefined
  return genesisDigest({machineIdHash, nonce})
}

/**
 * Everything wrong with a log. `head`, if given, is the digest of a record that was published and must be in it. Never
 * throws for what is in the log.
 */
export function verifyAuditChain(bytes: Uint8Array, head?: string): AuditVerification {
  const text = new TextDecoder('latin1').decode(bytes)
  const lines = text.split('\n')
  const rest = lines.pop()!
  const problems: AuditProblem[] = []
  const parsed: Parsed[] = []
  for (const [i, line] of lines.entries()) {
    const number = i + 1
    if (isQuarantined(line, lines[i + 1])) continue
    const record = parse(line)
    if (record === undefined) {
      problems.push({line: number, message: `not a record: "${printable(line, 40)}"`})
      continue
    }
    const previous = parsed.at(-1)
    if (record.seq !== (previous?.record.seq ?? -1) + 1)
      problems.push({line: number, message: `number ${record.seq} after ${previous?.record.seq ?? 'the beginning'}`})
    if (record.prev !== expectedPrev(previous, record))
      problems.push({line: number, message: 'does not follow the record before it'})
    parsed.push({record, line, number})
  }
  if (rest !== '') problems.push({line: lines.length + 1, message: 'the last line is torn'})
  problems.push(...clockProblems(parsed), ...sequenceProblems(parsed))
  const last = parsed.at(-1)
  if (head !== undefined && !parsed.some(({line}) => lineDigest(line) === head))
    problems.push({line: lines.length, message: 'the published head is not in the log'})
  return {records: parsed.map(({record}) => record), problems, head: last === undefined ? null : lineDigest(last.line)}
}
