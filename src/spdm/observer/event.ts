/** What an observer says about each message that went by. */
import type {AnyLayout, Finding, Seen} from '../../bits/index.js'
import type {SpdmMessageName} from '../messages/index.js'

export type MessageDirection = 'request' | 'response'

/**
 * `message`: as it travelled; `reassembled`: put together from chunks, or answering what was; `encapsulated`: inside the
 * message before it; `record`: a secured record that was not opened;
 * `application`: what was in one that was, of another protocol than SPDM.
 */
export type EventForm = 'message' | 'reassembled' | 'encapsulated' | 'record' | 'application'

/** `unchecked`: nobody here can tell, `why` says for lack of what. */
export interface Proof {
  readonly kind: 'signature' | 'HMAC'
  readonly status: 'valid' | 'invalid' | 'unchecked'
  readonly why: string
}

/** A place where a transcript's digest matters: what is signed, authenticated, or goes into the key schedule. */
export interface TranscriptPoint {
  readonly name: 'M1/M2' | 'L1/L2' | 'IL1/IL2' | 'TH' | 'TH1' | 'TH2'
  /** What the digest is used for. */
  readonly use: string
  /** Undefined when a part of the transcript is not in the capture. */
  readonly digest: Uint8Array | undefined
  /** Absent where the digest itself proves nothing (TH1 and TH2). */
  readonly proof: Proof | undefined
}

export interface SpdmEvent {
  /** Position of the datagram it came with, from 0. */
  readonly index: number
  readonly form: EventForm
  readonly direction: MessageDirection
  /** The session it belongs to: ReqSessionID | RspSessionID << 16; undefined outside of sessions. */
  readonly session: number | undefined
  /** It travelled inside a secured record. */
  readonly secured: boolean
  /** The message without padding of the transport, or the whole record. */
  readonly bytes: Uint8Array
  /** Zero bytes that the transport added. */
  readonly padding: number
  /** Name of the message; undefined for records and for codes that nobody defined. */
  readonly name: SpdmMessageName | undefined
  readonly layout: AnyLayout | undefined
  readonly value: Seen | undefined
  /** Why there is no value. */
  readonly undecoded: string | undefined
  readonly findings: readonly Finding[]
  readonly points: readonly TranscriptPoint[]
}
