/** What a requester does about each ERROR (DSP0274 1.3 §10.12). Data: `exchange.ts` acts on it. */
import {SPDM_ERROR_CODE} from '../messages/index.js'
import type {FailureReason} from './failure.js'

/**
 * `again`: the same request after a pause. `later`: RESPOND_IF_READY when the responder said. `fetch`: the response comes
 * in chunks. `refused`: this request fails, the connection goes on. `end`: the connection is over.
 */
export type Handling =
  | {readonly action: 'again' | 'later' | 'fetch'}
  | {readonly action: 'refused'; readonly hint?: string}
  | {readonly action: 'end'; readonly reason: FailureReason; readonly hint: string}

const refused = (hint?: string): Handling => (hint === undefined ? {action: 'refused'} : {action: 'refused', hint})
const end = (reason: FailureReason, hint: string): Handling => ({action: 'end', reason, hint})
const AFRESH = 'negotiate again from GET_VERSION'

const TABLE: Readonly<Record<number, Handling>> = {
  [SPDM_ERROR_CODE.InvalidRequest]: refused(),
  [SPDM_ERROR_CODE.Busy]: {action: 'again'},
  [SPDM_ERROR_CODE.UnexpectedRequest]: refused('the responder expects another request in its state'),
  [SPDM_ERROR_CODE.Unspecified]: refused(),
  [SPDM_ERROR_CODE.DecryptError]: end('session-lost', 'open a new session'),
  [SPDM_ERROR_CODE.UnsupportedRequest]: refused('the responder does not know this request'),
  [SPDM_ERROR_CODE.RequestInFlight]: refused('another request is being served; try again'),
  [SPDM_ERROR_CODE.SessionLimitExceeded]: refused('end another session of this device first'),
  [SPDM_ERROR_CODE.SessionRequired]: refused('send it inside a session'),
  [SPDM_ERROR_CODE.ResetRequired]: end('refused', 'reset the device'),
  [SPDM_ERROR_CODE.ResponseTooLarge]: refused('offer a larger MaxSPDMmsgSize'),
  [SPDM_ERROR_CODE.RequestTooLarge]: refused(),
  [SPDM_ERROR_CODE.LargeResponse]: {action: 'fetch'},
  [SPDM_ERROR_CODE.VersionMismatch]: end('version', AFRESH),
  [SPDM_ERROR_CODE.ResponseNotReady]: {action: 'later'},
  [SPDM_ERROR_CODE.RequestResynch]: end('resynch', AFRESH),
  [SPDM_ERROR_CODE.RequestSessionTerminated]: end('session-lost', 'open a new session'),
}

export const handlingOf = (errorCode: number): Handling => TABLE[errorCode] ?? refused()
