/** What a capture file holds, whatever its format. */
import {DecodeError} from '../bits/index.js'

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
