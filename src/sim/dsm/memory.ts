/**
 * What a device's DSM remembers, as JSON: between two processes of the simulator it stands in the machine's state. Bytes
 * are lower-case hex. It holds nonces and IDE keys: of simulated devices there is nothing to keep from anybody.
 */
import {type LockFlag, TDI_STATE, type TdiState} from '../../tdisp/index.js'
import {fields, isCount, isFlag, isText, listOf, mapOf, nullOr, oneOf, type Shape} from '../shapes.js'

export interface TdiMemory {
  readonly state: TdiState
  readonly nonce: string | null
  readonly lock: {
    readonly session: number
    readonly flags: readonly LockFlag[]
    readonly defaultStreamId: number
    /** Decimal, bytes modulo 2^64. */
    readonly mmioReportingOffset: string
    /** IS_NON_TEE_MEM of every range, as it is now. */
    readonly nonTee: readonly boolean[]
    readonly p2pStreams: readonly number[]
  } | null
}

/** One sub-stream in one direction: the key of each key set that has one. */
export interface LaneMemory {
  readonly keys: Readonly<Record<string, string>>
  readonly active: number | null
}

export interface PortMemory {
  /** The session whose keys these are. */
  readonly owner: number | null
  /** By `stream/sub-stream/RxTxB`. */
  readonly lanes: Readonly<Record<string, LaneMemory>>
}

/** In the order of the TDIs and ports of the device's specification. */
export interface DsmMemory {
  readonly tdis: readonly TdiMemory[]
  readonly ports: readonly PortMemory[]
}

export const isDsmMemory: Shape = fields({
  tdis: listOf(
    fields({
      state: oneOf(...Object.keys(TDI_STATE)),
      nonce: nullOr(isText),
      lock: nullOr(
        fields({
          session: isCount,
          flags: listOf(isText),
          defaultStreamId: isCount,
          mmioReportingOffset: isText,
          nonTee: listOf(isFlag),
          p2pStreams: listOf(isCount),
        }),
      ),
    }),
  ),
  ports: listOf(
    fields({
      owner: nullOr(isCount),
      lanes: mapOf(fields({keys: mapOf(isText), active: nullOr(isCount)})),
    }),
  ),
})
