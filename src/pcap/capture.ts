/** What a capture file holds, whatever its format. */
import {DecodeError} from '../bits/index.js'
import {TsmctlError} from '../errors.js'

export interface CaptureRecord {
  /** Position among the packets of the file, from 0. */
  readonly index: number
  /** Where its header starts, in bytes from the start of the file. */
  readonly offset: number
  /** LINKTYPE number of the interface it was seen on. */
  readonly linkType: number
  readonly bytes: Uint8Array
  /** Nanoseconds since 1970; undefined where the format keeps none. */
  readonly time: bigint | undefined
  /** The packet had more bytes than the file keeps. */
  readonly truncated: boolean
}

export interface CaptureFinding {
  /** The record it is about, or that would have come next. */
  readonly record: number
  readonly offset: number
  readonly message: string
}

export interface Capture {
  readonly format: 'pcap' | 'pcapng'
  readonly records: readonly CaptureRecord[]
  readonly findings: readonly CaptureFinding[]
}

/** More bytes than any packet of these link types has; a length beyond it is damage, not a packet. */
export const MAX_RECORD = 0x400000

/** A failure that names the record it happened in. */
export const broken = (record: number, offset: number, expected: string, got: string): DecodeError =>
  new DecodeError({structure: 'Capture file', path: `records[${record}]`, offset, expected, got})

/** Bytes of a file, and packets in it: what is made of each takes many times its size in memory. */
const MAX_FILE = 0x800000
const MAX_PACKETS = 100_000

const tooMuch = (got: string): TsmctlError =>
  new TsmctlError({
    kind: 'unsupported',
    attempted: 'read a capture file',
    got,
    hint: 'Cut out the part of interest first: editcap and tcpdump can.',
  })

/** Throws TsmctlError `unsupported` for a file that is too large. */
export function checkSize({length}: Uint8Array): void {
  if (length > MAX_FILE) throw tooMuch(`it has ${length} bytes, at most ${MAX_FILE} are read`)
}

/** Throws TsmctlError `unsupported` when `records` take no more. */
export function checkRoom(records: readonly CaptureRecord[]): void {
  if (records.length >= MAX_PACKETS) throw tooMuch(`it has more than ${MAX_PACKETS} packets`)
}
