/**
 * The audit log: JSON lines, each carrying the digest of the one before, so that no line can be changed, moved or left
 * out without breaking the chain. The end alone can be cut off unnoticed: publish heads to notice that too.
 */
import {toHex} from '../../bits/index.js'
import type {Kernel} from '../../kernel/index.js'
import {type AuditEvent, genesisDigest, lineBytes, lineDigest, recordLine} from './record.js'

export const AUDIT_FILE = 'audit.jsonl'
const LF = '\n'

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

interface Tail {
  readonly last: string | undefined
  /** A last line without its end, left by a crash. */
  readonly torn: string
}

function tailOf(bytes: Uint8Array | undefined): Tail {
  const text = new TextDecoder('latin1').decode(bytes ?? new Uint8Array())
  const end = text.lastIndexOf(LF)
  const lines = end === -1 ? [] : text.slice(0, end).split(LF)
  return {last: lines.findLast(isRecord), torn: text.slice(end + 1)}
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

/** The machine's audit log. `machineIdHash` binds a new log to the machine. */
export function openAudit(kernel: Kernel, machineIdHash: string | null = null): Audit {
  const {state} = kernel

  function append(event: AuditEvent, tail: Tail, extra: Readonly<Record<string, unknown>> = {}): AuditHead {
    const {last} = tail
    const genesis = {machineIdHash, nonce: last === undefined ? toHex(kernel.random(32)) : ''}
    const seq = last === undefined ? 0 : seqOf(last)! + 1
    const prev = last === undefined ? genesisDigest(genesis) : lineDigest(last)
    const place = {seq, prev, ts: kernel.now().toISOString(), mono: kernel.monotonic()}
    const line = recordLine(event, place, {...extra, ...(last === undefined && {genesis})})
    const start = tail.torn === '' ? '' : LF
    state.append(AUDIT_FILE, lineBytes(`${start}${line}${LF}`))
    return {seq, digest: lineDigest(line)}
  }

  function recordLocked(event: AuditEvent): AuditHead {
    const tail = tailOf(state.read(AUDIT_FILE))
    if (tail.torn === '') return append(event, tail)
    append({event: 'recovered', bdf: null}, tail, {torn: lineDigest(tail.torn)})
    return append(event, tailOf(state.read(AUDIT_FILE)))
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
      const {last} = tailOf(state.read(AUDIT_FILE))
      return last === undefined ? null : {seq: seqOf(last)!, digest: lineDigest(last)}
    },
  }
}
