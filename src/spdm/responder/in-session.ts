/** HEARTBEAT, KEY_UPDATE and END_SESSION as a responder answers them (DSP0274 1.3 §10.18 to §10.20). */
import {
  END_SESSION,
  END_SESSION_ACK,
  HEARTBEAT,
  HEARTBEAT_ACK,
  KEY_OPERATION,
  KEY_UPDATE,
  KEY_UPDATE_ACK,
} from '../messages/index.js'
import {read} from './read.js'
import {refuse, require} from './refusal.js'
import {type Answer, endSession, type Handler, negotiatedOf} from './state.js'

export const heartbeat: Handler = call => {
  const {version} = negotiatedOf(call).connection
  read(call, HEARTBEAT, {version})
  if (call.session!.heartbeatPeriod === 0) refuse('UnexpectedRequest')
  return HEARTBEAT_ACK.encode({spdmVersion: version})
}

/** A second update before VerifyNewKey would leave the sides with different keys: it is refused. */
export const keyUpdate: Handler = (call): Answer => {
  const session = call.session!
  const {version} = negotiatedOf(call).connection
  const {keyOperation, tag} = read(call, KEY_UPDATE, {version}).value
  const isVerification = keyOperation === KEY_OPERATION.verifyNewKey
  require(isVerification || keyOperation === KEY_OPERATION.updateKey || keyOperation === KEY_OPERATION.updateAllKeys)
  require(session.isUpdating === isVerification)
  session.isUpdating = !isVerification
  const response = KEY_UPDATE_ACK.encode({spdmVersion: version, keyOperation, tag})
  // the acknowledgement is the first record under our new key
  if (keyOperation === KEY_OPERATION.updateAllKeys) session.secure.update('responder')
  return isVerification ? {response} : {response, afterwards: () => session.secure.update('requester')}
}

export const endSessionRequest: Handler = (call): Answer => {
  const {version} = negotiatedOf(call).connection
  read(call, END_SESSION, {version})
  return {response: END_SESSION_ACK.encode({spdmVersion: version}), afterwards: () => endSession(call, call.session!)}
}
