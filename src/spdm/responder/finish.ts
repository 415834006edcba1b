/** FINISH and PSK_FINISH as a responder answers them (DSP0274 1.3 §10.16, §10.17). */
import {concat} from '../../bits/index.js'
import {FINISH, FINISH_RSP, PSK_FINISH, PSK_FINISH_RSP} from '../messages/index.js'
import {read} from './read.js'
import {refuse, require} from './refusal.js'
import {type Answer, type Call, contextFor, endSession, type Handler, negotiatedOf, type Session} from './state.js'

/** The session a FINISH is for: the one it came in, or the one whose handshake is in the clear. */
const finishing = ({session, state}: Call): Session => session ?? state.sessions.get(state.clearHandshake!)!

/** Notes the request in TH and checks its verify data. What does not verify ends the session. */
function confirm(call: Call, session: Session, request: Uint8Array, verifyData: Uint8Array): void {
  const {th, secure} = session
  th.append(request.subarray(0, request.length - verifyData.length))
  const isConfirmed = secure.isVerifyData('requester', th.digest(), verifyData)
  th.append(verifyData)
  if (isConfirmed) return
  if (call.session === undefined) endSession(call, session)
  refuse('DecryptError')
}

/** The rest of the session is under application keys, once the response is under way. */
const begin = (session: Session, response: Uint8Array): Answer => ({
  response,
  afterwards: () => session.secure.enterApplication(session.th.digest()),
})

export const finish: Handler = (call): Answer => {
  const {connection} = negotiatedOf(call)
  const session = finishing(call)
  require(session.kind === 'exchange')
  const {value: request, bytes} = read(call, FINISH, contextFor(call))
  // the requester signs only when it was asked to authenticate itself
  require(!request.signatureIncluded)
  confirm(call, session, bytes, request.requesterVerifyData)
  const head = FINISH_RSP.encode({spdmVersion: connection.version}, {})
  session.th.append(head)
  const verifyData = session.isClearHandshake
    ? session.secure.verifyData('responder', session.th.digest())
    : new Uint8Array()
  session.th.append(verifyData)
  call.state.clearHandshake = undefined
  return begin(session, concat(head, verifyData))
}

export const pskFinish: Handler = (call): Answer => {
  const session = call.session!
  require(session.kind === 'psk')
  const {value: request, bytes} = read(call, PSK_FINISH, contextFor(call))
  confirm(call, session, bytes, request.requesterVerifyData)
  const response = PSK_FINISH_RSP.encode({spdmVersion: negotiatedOf(call).connection.version})
  session.th.append(response)
  return begin(session, response)
}
