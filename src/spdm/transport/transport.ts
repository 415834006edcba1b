/**
 * How SPDM messages reach the other side. A transport carries whole messages and knows no SPDM: framing, padding and the
 * registers or sockets behind it are its own business.
 */

import type {RecordForm} from './record-form.js'

/** `secured`: a record of DSP0277 instead of a message. */
export interface Datagram {
  readonly secured: boolean
  readonly payload: Uint8Array
}

export interface Transport {
  /** For messages to people: `0000:01:00.0`, `tcp://127.0.0.1:2323`. */
  readonly peer: string
  /** Zero bytes that may follow a message because of the framing: 3 where objects count dwords. */
  readonly maxPadding: number
  /** Largest payload that fits, in bytes. */
  readonly maxPayload: number
  /** How records look here; as on DOE unless it is said. */
  readonly records?: RecordForm | undefined
  /**
   * Sends one message and waits for its answer, at most `timeout` milliseconds. Throws TsmctlError `timeout` when nothing
   * came, `malformed` when what came is not framed, `busy` or `unsupported` as the medium demands; afterwards the
   * transport must be taken to be unusable.
   */
  exchange(request: Datagram, timeout: number, signal?: AbortSignal): Promise<Datagram>
  /** Lets go of the mailbox or socket. Never throws. */
  close(): Promise<void>
}
