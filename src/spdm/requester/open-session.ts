/** KEY_EXCHANGE and FINISH: a session with a responder that signs (DSP0274 1.3 §10.15, §10.16). */
import {concat} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {equalInConstantTime, offerKeyShare} from '../crypto/index.js'
import {FINISH, FINISH_RSP, KEY_EXCHANGE, KEY_EXCHANGE_RSP, RANDOM_SIZE, SUMMARY_TYPE} from '../messages/index.js'
import {supportedVersionsOpaque} from '../negotiation/index.js'
import {SecureSession} from '../session/index.js'
import type {Transcript} from '../transcript/index.js'
import {versionText} from '../version.js'
import type {Budget} from './budget.js'
import {hasSummary, type SummaryType} from './challenge.js'
import {exchange} from './exchange.js'
import type {Link} from './link.js'
import {agreedSecuredVersion, checkOpaque} from './opaque.js'
import {demandSignature, type Signer, slotByte, type ValidSignature} from './signer.js'

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

const WHAT = 'open a session'

/** ReqSessionID: random, not 0, and not that of another session of ours. */
export function freshSessionId(link: Link): number {
  const taken = new Set([...link.sessions.keys()].map(id => id % 2 ** 16))
  for (;;) {
    const [low, high] = link.settings.random(2)
    const id = low! + high! * 256
    if (id !== 0 && !taken.has(id)) return id
  }
}

/** What both ways to open a session take from the response. Throws RequesterError. */
export function acceptSession(
  link: Link,
  request: number,
  response: {readonly rspSessionId: number; readonly heartbeatPeriod: number},
): number {
  const id = request + response.rspSessionId * 2 ** 16
  if (link.sessions.has(id)) throw link.failure(WHAT, 'echo', 'the responder reuses the ID of an open session')
  const {requester, responder} = link.agreed
  const mayBeat = requester?.flags.hbeatCap === true && responder.flags.hbeatCap
  if (response.heartbeatPeriod !== 0 && !mayBeat) throw link.failure(WHAT, 'echo', 'a heartbeat that was not agreed')
  return id
}

/** Throws RequesterError `verify-data` unless the other side has the same keys and transcript. */
export function demandVerifyData(link: Link, keys: SecureSession, th: Transcript, verifyData: Uint8Array): void {
  if (!equalInConstantTime(keys.verifyData('responder', th.digest()), verifyData))
    throw link.failure(WHAT, 'verify-data', 'the responder has not seen the same handshake', {
      hint: 'somebody may have changed messages on the way',
    })
}

/** Why no session can be opened over this connection, for people. */
function checkPossible(link: Link): void {
  const {requester, responder, exchange: algorithm, version, opaqueFormat1} = link.agreed
  const refuse = (got: string): never => {
    throw new TsmctlError({kind: 'unsupported', attempted: WHAT, subject: link.peer, got})
  }
  if (version < 0x11) refuse(`SPDM ${versionText(version)} has no sessions`)
  if (requester?.flags.keyExCap !== true) return refuse('we have not offered KEY_EX_CAP')
  if (!responder.flags.keyExCap) refuse('the responder has no KEY_EX_CAP')
  if (!requester.flags.macCap || !responder.flags.macCap) refuse('MAC_CAP was not agreed')
  if (algorithm === undefined) refuse('no key exchange was agreed')
  if (version >= 0x12 && !opaqueFormat1) refuse('OpaqueDataFmt1 was not agreed')
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

async function finish(link: Link, budget: Budget, keys: SecureSession, th: Transcript): Promise<void> {
  const {version, clearHandshake, hash} = link.agreed
  const context = {version, hashSize: hash!.size}
  const draft = FINISH.encode({spdmVersion: version, requesterVerifyData: new Uint8Array(hash!.size)}, context)
  th.append(draft.subarray(0, draft.length - hash!.size))
  const verifyData = keys.verifyData('requester', th.digest())
  th.append(verifyData)
  const {value, bytes} = await exchange(link, budget, {
    request: 'FINISH',
    message: concat(draft.subarray(0, draft.length - hash!.size), verifyData),
    response: FINISH_RSP,
    attempted: WHAT,
    crypto: true,
    session: clearHandshake ? undefined : keys,
  })
  if (value.opaqueData !== undefined) checkOpaque(link, WHAT, value.opaqueData)
  const {responderVerifyData} = value
  th.append(bytes.subarray(0, bytes.length - responderVerifyData.length))
  if (clearHandshake) {
    demandVerifyData(link, keys, th, responderVerifyData)
    th.append(responderVerifyData)
  }
  keys.enterApplication(th.digest())
}

/** Opens a session with the holder of the signer's key. Throws RequesterError. */
export async function openSession(
  link: Link,
  budget: Budget,
  signer: Signer,
  {summary = 'none', endOnUpdate = false}: SessionQuery,
): Promise<Opened> {
  checkPossible(link)
  const connection = link.agreed
  const {version} = connection
  const {random, keyShare = offerKeyShare} = link.settings
  const reqSessionId = freshSessionId(link)
  const share = keyShare(connection.exchange!)
  const context = {version, exchangeSize: connection.exchange!.requestSize}
  const message = KEY_EXCHANGE.encode(
    {
      spdmVersion: version,
      measurementSummaryHashType: SUMMARY_TYPE[summary],
      slotId: slotByte(signer),
      reqSessionId,
      terminationPolicy: version >= 0x12 && endOnUpdate,
      randomData: random(RANDOM_SIZE),
      exchangeData: share.exchangeData,
      opaqueData: supportedVersionsOpaque(version),
    },
    context,
  )
  const isSummarized = hasSummary(connection, summary)
  const {value, bytes} = await exchange(link, budget, {
    request: 'KEY_EXCHANGE',
    message,
    response: KEY_EXCHANGE_RSP,
    context: {summary: Number(isSummarized)},
    attempted: WHAT,
    crypto: true,
  })
  const id = acceptSession(link, reqSessionId, value)
  const securedVersion = agreedSecuredVersion(link, WHAT, value.opaqueData)
  const verified = value.responderVerifyData.length
  const signed = bytes.length - verified - value.signature.length
  const th = link.notes.handshake(signer.hash).append(message, bytes.subarray(0, signed))
  const signature = demandSignature(link, WHAT, {
    context: 'responder-key_exchange_rsp signing',
    transcript: th,
    signer,
    signature: value.signature,
  })
  th.append(value.signature)
  // only now is it the responder, and nobody else, who asks for it
  if (value.mutAuthRequested !== 0)
    throw link.failure(WHAT, 'mutual-authentication', 'the responder wants to authenticate us, too', {
      hint: 'tsmctl has no identity of its own; configure the responder not to ask for one',
    })
  const secret = share.agree(value.exchangeData)
  const keys = new SecureSession({
    connection,
    id,
    role: 'requester',
    secret,
    kind: 'exchange',
    form: link.settings.transport.records,
  })
  secret.fill(0)
  return guarded(link, keys, async () => {
    keys.enterHandshake(th.digest())
    if (!connection.clearHandshake) {
      demandVerifyData(link, keys, th, value.responderVerifyData)
      th.append(value.responderVerifyData)
    }
    await finish(link, budget, keys, th)
    return {
      keys,
      facts: {
        id,
        heartbeatPeriod: value.heartbeatPeriod,
        securedVersion,
        summaryHash: isSummarized ? value.measurementSummaryHash : undefined,
        signature,
        slot: signer.slot,
      },
    }
  })
}
