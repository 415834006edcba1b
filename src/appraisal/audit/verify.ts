/** Verifying an audit log: the chain of digests over all its files, and the order of what was recorded. */
import {concat} from '../../bits/index.js'
import {printable, TsmctlError} from '../../errors.js'
import {strictJson} from '../../evidence/index.js'
import {type AuditRecord, genesisDigest, lineBytes, lineDigest, lineOf} from './record.js'
import {clockProblems, commitProblems, headProblems, type LineProblem, type Link, rotationProblems} from './sequence.js'

export interface AuditFile {
  readonly name: string
  readonly bytes: Uint8Array
}

export interface AuditProblem {
  readonly file: string
  /** 1-based line of the file. */
  readonly line: number
  readonly message: string
}

export interface AuditVerification {
  readonly records: readonly AuditRecord[]
  readonly problems: readonly AuditProblem[]
  /** Digest of the last record; null for an empty log. */
  readonly head: string | null
}

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

/** A line torn by a crash, if the next one says so; it may be whole but for its line feed. */
function isQuarantined(line: string, next: string | undefined): boolean {
  const record = next === undefined ? undefined : parse(next)
  return record?.event === 'recovered' && record['torn'] === lineDigest(line)
}

/** The record a line must follow, by digest. */
function expectedPrev(previous: Link | undefined, record: AuditRecord): string | undefined {
  if (previous !== undefined) return previous.digest
  const {machineIdHash = null, nonce} = (record['genesis'] ?? {}) as {machineIdHash?: unknown; nonce?: unknown}
  if (typeof nonce !== 'string' || (machineIdHash !== null && typeof machineIdHash !== 'string')) return undefined
  return genesisDigest({machineIdHash, nonce})
}

interface Chain {
  readonly links: readonly Link[]
  readonly problems: readonly LineProblem[]
}

function chainOf(lines: readonly string[]): Chain {
  const problems: LineProblem[] = []
  const links: Link[] = []
  for (const [i, text] of lines.entries()) {
    const line = i + 1
    if (isQuarantined(text, lines[i + 1])) continue
    const record = parse(text)
    if (record === undefined) {
      problems.push({line, message: `not a record: "${printable(text, 40)}"`})
      continue
    }
    const previous = links.at(-1)
    if (record.seq !== (previous?.record.seq ?? -1) + 1)
      problems.push({line, message: `number ${record.seq} after ${previous?.record.seq ?? 'the beginning'}`})
    if (record.prev !== expectedPrev(previous, record))
      problems.push({line, message: 'does not follow the record before it'})
    links.push({record, digest: lineDigest(text), line})
  }
  return {links, problems}
}

const textOf = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes)

/** Where the files begin in the lines of the whole log, 1-based. */
function startsOf(files: readonly AuditFile[]): readonly number[] {
  let line = 1
  return files.map(({bytes}) => {
    const start = line
    line += textOf(bytes).split('\n').length - 1
    return start
  })
}

/**
 * Everything wrong with a log, whose files are given oldest first. `head`, if given, is the digest of a record that was
 * published and must be in it. Never throws for what is in the log.
 */
export function verifyAudit(files: readonly AuditFile[], head?: string): AuditVerification {
  const lines = textOf(concat(...files.map(({bytes}) => bytes))).split('\n')
  const rest = lines.pop()!
  const {links, problems} = chainOf(lines)
  const starts = startsOf(files)
  const last = links.at(-1)
  const all = [
    ...problems,
    ...(rest === '' ? [] : [{line: lines.length + 1, message: 'the last line is torn'}]),
    ...clockProblems(links),
    ...commitProblems(links),
    ...headProblems(links),
    ...rotationProblems(links, new Set(starts.slice(1))),
    ...(head !== undefined && !links.some(({digest}) => digest === head)
      ? [{line: Math.max(1, lines.length), message: 'the published head is not in the log'}]
      : []),
  ]
  const placed = ({line, message}: LineProblem): AuditProblem => {
    const index = Math.max(
      0,
      starts.findLastIndex(start => start <= line),
    )
    return {file: files[index]?.name ?? '', line: line - (starts[index] ?? 1) + 1, message}
  }
  return {records: links.map(({record}) => record), problems: all.map(placed), head: last?.digest ?? null}
}

/** `verifyAudit` of a log in one file. */
export const verifyAuditChain = (bytes: Uint8Array, head?: string): AuditVerification =>
  verifyAudit([{name: 'audit.jsonl', bytes}], head)
