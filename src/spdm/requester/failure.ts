/** How an exchange with a responder fails: one error class, with a reason that programs can tell apart. */
import {type ErrorKind, TsmctlError} from '../../errors.js'
import {hex} from '../../bits/index.js'
import {SPDM_ERROR_NAMES} from '../messages/index.js'

/** Why: stable words for programs. */
export type FailureReason =
  | 'refused'
  | 'busy'
  | 'not-ready'
  | 'resynch'
  | 'session-lost'
  | 'unexpected-response'
  | 'version'
  | 'malformed'
  | 'chunk'
  | 'capabilities'
  | 'algorithms'
  | 'digest'
  | 'certificate'
  | 'echo'
  | 'measurements'
  | 'signature'
  | 'verify-data'
  | 'mutual-authentication'
  | 'opaque-data'
  | 'timeout'
  | 'interrupted'
  | 'closed'

const KIND: Readonly<Partial<Record<FailureReason, ErrorKind>>> = {
  refused: 'transition',
  busy: 'busy',
  'not-ready': 'timeout',
  resynch: 'transition',
  'session-lost': 'transition',
  'mutual-authentication': 'unsupported',
  timeout: 'timeout',
  interrupted: 'interrupted',
  closed: 'transition',
}

export interface RequesterFailure {
  readonly reason: FailureReason
  /** Completes "cannot …". */
  readonly attempted: string
  readonly peer: string
  readonly got: string
  readonly hint?: string | undefined
  readonly kind?: ErrorKind | undefined
  /** ErrorCode of the responder's ERROR. */
  readonly errorCode?: number | undefined
  /** The connection can go on all the same. */
  readonly harmless?: boolean | undefined
  readonly cause?: unknown
}

/** A failure of the requester. `reason` is stable; the text is for people. */
export class RequesterError extends TsmctlError {
  readonly reason: FailureReason
  readonly errorCode: number | undefined
  /** The connection is over: its transport has been closed or is about to be. */
  readonly ends: boolean

  constructor({reason, kind = KIND[reason] ?? 'malformed', peer, errorCode, harmless, ...failure}: RequesterFailure) {
    const error = errorCode === undefined ? {} : {error: errorName(errorCode)}
    super({...failure, kind, subject: peer, details: {reason, ...error}})
    this.name = 'RequesterError'
    this.reason = reason
    this.errorCode = errorCode
    this.ends = harmless !== true
  }
}

/** `InvalidRequest` of 0x01. */
export const errorName = (code: number): string => SPDM_ERROR_NAMES[code] ?? `error ${hex(code, 2)}`
