/** What both ways to open a session have in common (DSP0274 1.3 §10.15 to §10.17). */
import {concat} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {type FINISH_RSP, type PSK_FINISH_RSP, SPDM_MESSAGES} from '../messages/index.js'
import {type SessionKind, sessionProblems} from '../negotiation/index.js'
import {joinSessionId, reqSessionIdOf, type SecureSession} from '../session/index.js'
import type {Transcript} from '../transcript/index.js'
import type {Budget} from './budget.js'
import type {SummaryType} from './challenge.js'
import {exchange} from './exchange.js'
import type {Link} from './link.js'
import {agreedSecuredVersion, checkOpaque} from './opaque.js'
import type {Signer, ValidSignature} from './signer.js'

export interface SessionQuery {
  /** Which measurements the responder puts a digest of under its signature. */
  readonly summary?: SummaryType
  /** The session ends when the responder's firmware is updated at run time, since 1.2. */
  readonly endOnUpdate?: boolean
}

/** A session that is open, and what its handshake has established. */
export interface SessionFacts {
  readonly id: number
  /** Seconds between heartbeats at most; 0 for no heartbeat. */
  readonly heartbeatPeriod: number
  /** Version of DSP0277: major [15:12], minor [11:8]. */
  readonly securedVersion: number
  readonly summaryHash: Uint8Array | undefined
  /** Undefined for a pre-shared key, which is the proof itself. */
  readonly signature: ValidSignature | undefined
  readonly slot: Signer['slot'] | undefined
}

export interface Opened {
  readonly keys: SecureSession
  readonly facts: SessionFacts
}

/** Completes "cannot …". */
export const WHAT = 'open a session'

/** ReqSessionID: random, not 0, and not that of another session of ours. */
export function freshSessionId(link: Link): number {
  const taken = new Set([...link.sessions.keys()].map(reqSessionIdOf))
  for (;;) {
    const [low, high] = link.settings.random(2)
    const id = low! + high! * 256
    if (id !== 0 && !taken.has(id)) return id
  }
}

/** Parts of KEY_EXCHANGE_RSP and PSK_EXCHANGE_RSP alike. */
interface SessionOffer {
  readonly rspSessionId: number
  readonly heartbeatPeriod: number
  readonly measurementSummaryHash: Uint8Array
  readonly opaqueData: Uint8Array
}

/** What both ways to open a session take from the response. Throws RequesterError. */
export function acceptSession(
  link: Link,
  attempted: string,
  reqSessionId: number,
  {rspSessionId, heartbeatPeriod, measurementSummaryHash, opaqueData}: SessionOffer,
): Omit<SessionFacts, 'signature' | 'slot'> {
  const id = joinSessionId(reqSessionId, rspSessionId)
  if (link.sessions.has(id)) throw link.failure(WHAT, 'echo', 'the responder reuses the ID of an open session')
  const {requester, responder} = link.agreed
  const mayBeat = requester?.flags.hbeatCap === true && responder.flags.hbeatCap
  if (heartbeatPeriod !== 0 && !mayBeat) throw link.failure(WHAT, 'echo', 'a heartbeat that was not agreed')
  return {
    id,
    heartbeatPeriod,
    securedVersion: agreedSecuredVersion(link, attempted, opaqueData),
    summaryHash: measurementSummaryHash.length > 0 ? measurementSummaryHash : undefined,
  }
}

/** Throws RequesterError `verify-data` unless the other side has the same keys and transcript. */
export function demandVerifyData(link: Link, keys: SecureSession, th: Transcript, verifyData: Uint8Array): void {
  if (!keys.isVerifyData('responder', th.digest(), verifyData))
    throw link.failure(WHAT, 'verify-data', 'the responder has not seen the same handshake', {
      hint: 'somebody may have changed messages on the way',
    })
}

/** Throws TsmctlError `unsupported` when no session of `kind` can be opened over this connection. */
export function demandPossible(link: Link, kind: SessionKind): void {
  const [got] = sessionProblems(link.agreed, kind)
  if (got !== undefined) throw new TsmctlError({kind: 'unsupported', attempted: WHAT, subject: link.peer, got})
}

/** Runs a handshake; whatever fails, its keys are gone. */
export async function guarded<T>(link: Link, keys: SecureSession, handshake: () => Promise<T>): Promise<T> {
  link.sessions.set(keys.id, keys)
  try {
    return await handshake()
  } catch (error) {
    keys.end()
    link.sessions.delete(keys.id)
    throw error
  }
}

/**
 * Sends FINISH or PSK_FINISH with our verify data, inside the session unless the handshake is in the clear. TH has the
 * request then, but not yet the response.
 */
export async function confirm<L extends typeof FINISH_RSP | typeof PSK_FINISH_RSP>(
  link: Link,
  budget: Budget,
  {keys, th, request, response, isClear = false}: Confirmation<L>,
) {
  const {version, hash} = link.agreed
  const {size: hashSize} = hash!
  const requesterVerifyData = new Uint8Array(hashSize)
  const draft = SPDM_MESSAGES[request].encode({spdmVersion: version, requesterVerifyData}, {version, hashSize})
  const head = draft.subarray(0, draft.length - hashSize)
  const verifyData = keys.verifyData('requester', th.append(head).digest())
  th.append(verifyData)
  const answer = await exchange(link, budget, {
    request,
    message: concat(head, verifyData),
    response,
    attempted: WHAT,
    crypto: true,
    session: isClear ? undefined : keys,
  })
  const {opaqueData} = answer.value
  if (opaqueData !== undefined) checkOpaque(link, WHAT, opaqueData)
  return answer
}

interface Confirmation<L> {
  readonly keys: SecureSession
  readonly th: Transcript
  readonly request: 'FINISH' | 'PSK_FINISH'
  readonly response: L
  readonly isClear?: boolean
}
