/** Session IDs: ReqSessionID in the low half, RspSessionID in the high half (DSP0274 1.3 §10.15). */
import {get, mask, prep} from '../../bits/index.js'

const REQUESTER_HALF = mask(15, 0)
const RESPONDER_HALF = mask(31, 16)

export const joinSessionId = (reqSessionId: number, rspSessionId: number): number =>
  prep(REQUESTER_HALF, reqSessionId) + prep(RESPONDER_HALF, rspSessionId)

export const reqSessionIdOf = (sessionId: number): number => get(REQUESTER_HALF, sessionId)

export const rspSessionIdOf = (sessionId: number): number => get(RESPONDER_HALF, sessionId)
