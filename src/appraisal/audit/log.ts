/**
 * The audit log: JSON lines, each carrying the digest of the one before, so that no line can be changed, moved or left
 * out without breaking the chain. The end alone can be cut off unnoticed: publish heads to notice that too. A file that
 * has grown long is left as it is, and the chain goes on in the next one.
 */
import {toHex} from '../../bits/index.js'
import type {Kernel, StateStore} from '../../kernel/index.js'
import {type AuditEvent, genesisDigest, lineBytes, lineDigest, recordLine} from './record.js'

/** Name of the first file; the others are `audit.1.jsonl` and so on. */
export const AUDIT_FILE = 'audit.jsonl'
const LF = '\n'

/** Bytes after which the next record begins a new file. */
const LONGEST_FILE = 4 * 1024 * 1024

export interface AuditHead {
  readonly seq: number
  /** Digest of the last line. */
  readonly digest: string
}

export interface Audit {
  /** Appends one record; it is on the disk when this returns. Throws TsmctlError when it cannot be written. */
  record(event: AuditEvent): AuditHead
  /** The end of the log, or null when it is empty. */
  head(): AuditHead | null
}

export interface AuditOptions {
  /** Binds a new log to the machine. */
  readonly machineIdHash?: string | null
  readonly longestFile?: number
}

export const auditFileName = (index: number): string => (index === 0 ? AUDIT_FILE : `audit.${index}.jsonl`)

const exists = (state: StateStore, index: number): boolean => state.read(auditFileName(index), 0) !== undefined

/** Number of the file that is written to. */
export function currentAuditFile(state: StateStore): number {
  let index = 0
  while (exists(state, index + 1)) index++
  return index
}

/** Names of all files of the log, oldest first. */
export const auditFiles = (state: StateStore): readonly string[] =>
  Array.from({length: currentAuditFile(state) + 1}, (_, index) => auditFileName(index))

interface Tail {
  readonly last: string | undefined
  /** A last line without its end, left by a crash. */
  readonly torn: string
  readonly length: number
}

function tailOf(bytes: Uint8Array | undefined): Tail {
  const text = new TextDecoder('latin1').decode(bytes ?? new Uint8Array())
  const end = text.lastIndexOf(LF)
  const lines = end === -1 ? [] : text.slice(0, end).split(LF)
  return {last: lines.findLast(isRecord), torn: text.slice(end + 1), length: text.length}
}

/** Quarantined lines are in the log, but not in the chain. */
const isRecord = (line: string): boolean => seqOf(line) !== undefined

function seqOf(line: string): number | undefined {
  try {
    const {seq} = JSON.parse(line) as {seq?: unknown}
    return typeof seq === 'number' ? seq : undefined
  } catch {
    return undefined
  }
}

/** The last record in files up to `index`; a file whose first line was torn by a crash has none of its own. */
function lastRecord(state: StateStore, index: number, tail: Tail): string | undefined {
  if (tail.last !== undefined || index === 0) return tail.last
  return lastRecord(state, index - 1, tailOf(state.read(auditFileName(index - 1))))
}

/** The machine's audit log. */
export function openAudit(
  kernel: Kernel,
  {machineIdHash = null, longestFile = LONGEST_FILE}: AuditOptions = {},
): Audit {
  const {state} = kernel

  interface End extends Tail {
    readonly index: number
    readonly previous: string | undefined
  }

  function endOf(): End {
    const index = currentAuditFile(state)
    const tail = tailOf(state.read(auditFileName(index)))
    return {...tail, index, previous: lastRecord(state, index, tail)}
  }

  function append(
    event: AuditEvent,
    {previous, torn}: End,
    file: number,
    extra: Readonly<Record<string, unknown>> = {},
  ) {
    const genesis = {machineIdHash, nonce: previous === undefined ? toHex(kernel.random(32)) : ''}
    const seq = previous === undefined ? 0 : seqOf(previous)! + 1
    const prev = previous === undefined ? genesisDigest(genesis) : lineDigest(previous)
    const place = {seq, prev, ts: kernel.now().toISOString(), mono: kernel.monotonic()}
    const line = recordLine(event, place, {...extra, ...(previous === undefined && {genesis})})
    const start = torn === '' ? '' : LF
    state.append(auditFileName(file), lineBytes(`${start}${line}${LF}`))
    return {seq, digest: lineDigest(line)}
  }

  /** Begins the next file, which names the one it continues. */
  function rotate({bootId, actor}: AuditEvent, end: End): void {
    const {seq, digest} = {seq: seqOf(end.previous!)!, digest: lineDigest(end.previous!)}
    const closed = {file: auditFileName(end.index), seq, digest}
    append({event: 'rotated', bdf: null, bootId, actor}, end, end.index + 1, {closed})
  }

  function recordLocked(event: AuditEvent): AuditHead {
    const {bootId, actor} = event
    let end = endOf()
    if (end.torn !== '') {
      append({event: 'recovered', bdf: null, bootId, actor}, end, end.index, {torn: lineDigest(end.torn)})
      end = endOf()
    }
    if (end.length >= longestFile && end.previous !== undefined) {
      rotate(event, end)
      end = endOf()
    }
    return append(event, end, end.index)
  }

  return {
    record(event) {
      const release = kernel.lock('audit')
      try {
        return recordLocked(event)
      } finally {
        release()
      }
    },
    head() {
      const {previous} = endOf()
      return previous === undefined ? null : {seq: seqOf(previous)!, digest: lineDigest(previous)}
    },
  }
}
