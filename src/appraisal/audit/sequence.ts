/** What the order of records has to be: nothing is committed without the steps that must precede it, and time goes on. */
import type {AuditRecord} from './record.js'

/** A record, where it is, and its digest. */
export interface Link {
  readonly record: AuditRecord
  readonly digest: string
  /** 1-based line of the whole log. */
  readonly line: number
}

export interface LineProblem {
  readonly line: number
  readonly message: string
}

const member = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined

export const evidenceOf = ({evidence}: AuditRecord): string | undefined => {
  const D = member(evidence, 'D')
  return typeof D === 'string' ? D : undefined
}

/** Ends what was decided: whoever commits after it must have decided, and approved, anew. */
const ENDS: readonly string[] = ['committed', 'commit-failed']

/** Who approved, each once; whose approval names other evidence counts for nothing. */
function approversIn(records: readonly AuditRecord[], D: string): ReadonlySet<string> {
  const approvals = records.flatMap(({approval}) => (Array.isArray(approval) ? (approval as unknown[]) : []))
  return new Set(
    approvals
      .filter(approval => (member(approval, 'digest') ?? D) === D)
      .map(approval => String(member(approval, 'by'))),
  )
}

/** What is missing of the records of one piece of evidence, since its last attempt, before it may be committed. */
function missingBefore(before: readonly AuditRecord[], D: string): string[] {
  const last = (event: string): number => before.findLastIndex(earlier => earlier.event === event)
  const [decided, committing] = [last('decided'), last('committing')]
  const verdict = before[decided]?.verdict
  const decision = member(verdict, 'decision')
  const approved = before.filter(({event}, i) => event === 'approved' && i > decided && i < committing)
  const wanted = decision === 'review' ? (member(verdict, 'human') === 'two-person' ? 2 : 1) : 0
  const approvers = wanted === 2 ? approversIn(approved, D).size : approved.length
  return [
    ...(committing < 0 || committing < decided ? ['committed without committing'] : []),
    ...(decided < 0 ? ['committed without decided'] : []),
    ...(approvers === 0 && wanted > 0 ? ['committed without approved'] : []),
    ...(approvers === 1 && wanted === 2 ? ['committed with one approval of two'] : []),
    ...(decided < 0 || decision === 'accept' || decision === 'review' ? [] : ['committed although denied']),
  ]
}

/**
 * Every `committed` needs, for the same evidence and since the last attempt: a decision, then the approvals that decision
 * asked for, then the intention.
 */
export function commitProblems(chain: readonly Link[]): LineProblem[] {
  const since = new Map<string, AuditRecord[]>()
  return chain.flatMap(({record, line}) => {
    const D = evidenceOf(record)
    const before = since.get(D ?? '') ?? []
    const missing = record.event === 'committed' ? missingBefore(D === undefined ? [] : before, D ?? '') : []
    if (ENDS.includes(record.event)) since.delete(D ?? '')
    else since.set(D ?? '', [...before, record])
    return missing.map(message => ({line, message}))
  })
}

/** Monotonic time within one boot. */
export function clockProblems(chain: readonly Link[]): LineProblem[] {
  const latest = new Map<string | null, bigint>()
  return chain.flatMap(({record: {bootId, mono}, line}) => {
    if (typeof mono !== 'string' || !/^\d{1,20}$/.test(mono)) return [{line, message: 'mono is not a time'}]
    const now = BigInt(mono)
    const before = latest.get(bootId) ?? 0n
    latest.set(bootId, now)
    // without a boot id nothing says that two times are of one clock
    return bootId !== null && now < before ? [{line, message: 'monotonic time goes backwards'}] : []
  })
}

/** A head that was noted names a record before it, by number and digest. */
export function headProblems(chain: readonly Link[]): LineProblem[] {
  const digests = new Map<number, string>()
  return chain.flatMap(({record, digest, line}) => {
    digests.set(record.seq, digest)
    if (record.event !== 'head') return []
    const [seq, noted] = [member(record['result'], 'seq'), member(record['result'], 'digest')]
    return typeof seq === 'number' && seq < record.seq && digests.get(seq) === noted
      ? []
      : [{line, message: 'the head it names is not in the log'}]
  })
}

/** A file goes on where the one before it ended, and says so. */
export function rotationProblems(chain: readonly Link[], starts: ReadonlySet<number>): LineProblem[] {
  return chain.flatMap(({record, line}) => {
    const isStart = starts.has(line)
    if ((record.event === 'rotated') !== isStart)
      return [{line, message: isStart ? 'a file does not begin with rotated' : 'rotated in the middle of a file'}]
    return isStart && member(record['closed'], 'digest') !== record.prev
      ? [{line, message: 'it continues another file than the one before it'}]
      : []
  })
}
