/** KEY_EXCHANGE and PSK_EXCHANGE as a responder answers them (DSP0274 1.3 §10.15, §10.17). */
import {concat} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import type {ExchangeAlgorithm} from '../algorithms.js'
import {answerKeyShare, digestOf} from '../crypto/index.js'
import {
  KEY_EXCHANGE,
  KEY_EXCHANGE_RSP,
  KEY_USAGE,
  PSK_EXCHANGE,
  PSK_EXCHANGE_RSP,
  RANDOM_SIZE,
  SPDM_CODE,
} from '../messages/index.js'
import {joinSessionId, rspSessionIdOf, SecureSession} from '../session/index.js'
import type {Transcript} from '../transcript/index.js'
import {summaryHash} from './measurements.js'
import {read} from './read.js'
import {refuse} from './refusal.js'
import {selectSecuredVersion} from './secured-version.js'
import {signWith, slotFor} from './signing.js'
import {type Answer, type Call, contextFor, endSession, type Handler, negotiatedOf, type Session} from './state.js'

const MAX_SESSIONS = 4
const MAX_RSP_SESSION_ID = 0xffff

/** An RspSessionID whose session ID is free. Throws Refusal when there are as many sessions as we keep. */
function freeHalf({options, state}: Call, reqSessionId: number): number {
  if (state.sessions.size >= (options.maxSessions ?? MAX_SESSIONS)) refuse('SessionLimitExceeded')
  const taken = [...state.sessions.keys()].map(rspSessionIdOf)
  let half = MAX_RSP_SESSION_ID
  while (taken.includes(half)) half--
  // 0 in both halves is no session at all
  return half === 0 && reqSessionId === 0 ? refuse('SessionLimitExceeded') : half
}

/** Seconds of HeartbeatPeriod; 0 unless both sides keep heartbeats. */
function heartbeatPeriod({options, state}: Call): number {
  const isCommon = state.flags?.hbeatCap === true && state.requester?.flags?.hbeatCap === true
  return isCommon ? (options.heartbeatPeriod ?? 0) : 0
}

/** Our share and the secret. Throws Refusal for a public value that no honest peer sends. */
function agree(algorithm: ExchangeAlgorithm, data: Uint8Array): ReturnType<typeof answerKeyShare> {
  try {
    return answerKeyShare(algorithm, data)
  } catch (error) {
    if (error instanceof TsmctlError && error.kind === 'malformed') return refuse('InvalidRequest')
    throw error
  }
}

interface Opening {
  readonly reqSessionId: number
  readonly rspSessionId: number
  readonly secret: Uint8Array
  readonly kind: Session['kind']
  readonly isClearHandshake: boolean
  readonly th: Transcript
}

/** The session, in its handshake phase, `th` being TH1. The secret is forgotten. */
function openSession(call: Call, {reqSessionId, rspSessionId, secret, kind, isClearHandshake, th}: Opening): Session {
  const {connection} = negotiatedOf(call)
  const id = joinSessionId(reqSessionId, rspSessionId)
  const secure = new SecureSession({connection, id, role: 'responder', secret, kind, form: call.options.records})
  secret.fill(0)
  secure.enterHandshake(th.digest())
  return {
    id,
    secure,
    kind,
    isClearHandshake,
    heartbeatPeriod: heartbeatPeriod(call),
    th,
    isUpdating: false,
    lastSeen: call.options.monotonic?.() ?? 0,
  }
}

/** A session that never left its clear handshake makes room for the next one. */
function dropUnfinished(call: Call): void {
  const {clearHandshake, sessions} = call.state
  const session = clearHandshake === undefined ? undefined : sessions.get(clearHandshake)
  if (session !== undefined) endSession(call, session)
}

export const keyExchange: Handler = (call): Answer => {
  const {connection, transcripts, chains} = negotiatedOf(call)
  const {version, hash, exchange, aead, clearHandshake} = connection
  if (exchange === undefined || aead === undefined) refuse('UnsupportedRequest', {data: SPDM_CODE.KEY_EXCHANGE})
  const {value: request, bytes} = read(call, KEY_EXCHANGE, contextFor(call))
  const slot = slotFor(call, request.slotId, KEY_USAGE.keyExchange)
  const measurementSummaryHash = summaryHash(call, request.measurementSummaryHashType)
  const opaqueData = selectSecuredVersion(request.opaqueData, connection)
  const {reqSessionId} = request
  const {exchangeData, secret} = agree(exchange!, request.exchangeData)
  dropUnfinished(call)
  const rspSessionId = freeHalf(call, reqSessionId)
  const unsigned = KEY_EXCHANGE_RSP.encode(
    {
      spdmVersion: version,
      heartbeatPeriod: heartbeatPeriod(call),
      rspSessionId,
      randomData: call.options.random(RANDOM_SIZE),
      exchangeData,
      measurementSummaryHash,
      opaqueData,
    },
    // verify data follows the signature, which follows what is encoded here
    contextFor(call, {
      signatureSize: 0,
      clearHandshake: 1,
      summary: Number(measurementSummaryHash !== undefined),
    }),
  )
  const th = transcripts.handshake(digestOf(hash!, chains.get(request.slotId)!)).append(bytes, unsigned)
  const signature = signWith(slot, connection, 'responder-key_exchange_rsp signing', th)
  th.append(signature)
  const session = openSession(call, {
    reqSessionId,
    rspSessionId,
    secret,
    kind: 'exchange',
    isClearHandshake: clearHandshake,
    th,
  })
  const verifyData = clearHandshake ? new Uint8Array() : session.secure.verifyData('responder', th.digest())
  th.append(verifyData)
  call.state.sessions.set(session.id, session)
  if (clearHandshake) call.state.clearHandshake = session.id
  return {response: concat(unsigned, signature, verifyData)}
}

const WITH_CONTEXT = 2

export const pskExchange: Handler = (call): Answer => {
  const {connection, transcripts} = negotiatedOf(call)
  const {version, hash} = connection
  const {value: request, bytes} = read(call, PSK_EXCHANGE, contextFor(call))
  const secret = call.options.psk?.(request.pskHint)?.slice() ?? refuse('InvalidRequest')
  const measurementSummaryHash = summaryHash(call, request.measurementSummaryHashType)
  const opaqueData = selectSecuredVersion(request.opaqueData, connection)
  const hasContext = call.state.flags?.pskCap === WITH_CONTEXT
  const rspSessionId = freeHalf(call, request.reqSessionId)
  const body = PSK_EXCHANGE_RSP.encode(
    {
      spdmVersion: version,
      heartbeatPeriod: heartbeatPeriod(call),
      rspSessionId,
      measurementSummaryHash,
      responderContext: hasContext ? call.options.random(hash!.size) : new Uint8Array(),
      opaqueData,
    },
    contextFor(call, {summary: Number(measurementSummaryHash !== undefined)}),
  )
  const unverified = body.subarray(0, body.length - hash!.size)
  const th = transcripts.handshake().append(bytes, unverified)
  const session = openSession(call, {
    reqSessionId: request.reqSessionId,
    rspSessionId,
    secret,
    kind: 'psk',
    isClearHandshake: false,
    th,
  })
  const verifyData = session.secure.verifyData('responder', th.digest())
  th.append(verifyData)
  // without a context of ours there is nothing left to confirm
  if (!hasContext) session.secure.enterApplication(th.digest())
  call.state.sessions.set(session.id, session)
  return {response: concat(unverified, verifyData)}
}
