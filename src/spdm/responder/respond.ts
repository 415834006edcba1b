/** From one message to its answer: is it legal, which handler is it for, does the response fit. */
import {TsmctlError} from '../../errors.js'
import {SPDM_CODE, SPDM_HEADER, type SpdmMessageName} from '../messages/index.js'
import {challenge} from './challenge.js'
import {chunkGet, chunkSend, fitted} from './chunks.js'
import {deferIfSlow, resumed} from './deferred.js'
import {getEndpointInfo} from './endpoint-info.js'
import {finish, pskFinish} from './finish.js'
import {getCertificate, getDigests} from './identity.js'
import {endSessionRequest, heartbeat, keyUpdate} from './in-session.js'
import {legalRequest} from './legality.js'
import {getMeasurementLog} from './measurement-log.js'
import {getMeasurements} from './measurements.js'
import {getCapabilities, getVersion, negotiateAlgorithms, versionsOf} from './negotiate.js'
import {type ErrorName, Refusal, refuse} from './refusal.js'
import {keyExchange, pskExchange} from './session-setup.js'
import {type Answer, type Call, endSession, type Handler, scopeOf} from './state.js'
import {vendorDefined} from './vendor.js'

const HANDLERS: Partial<Record<SpdmMessageName, Handler>> = {
  GET_VERSION: getVersion,
  GET_CAPABILITIES: getCapabilities,
  NEGOTIATE_ALGORITHMS: negotiateAlgorithms,
  GET_DIGESTS: getDigests,
  GET_CERTIFICATE: getCertificate,
  CHALLENGE: challenge,
  GET_MEASUREMENTS: getMeasurements,
  KEY_EXCHANGE: keyExchange,
  FINISH: finish,
  PSK_EXCHANGE: pskExchange,
  PSK_FINISH: pskFinish,
  HEARTBEAT: heartbeat,
  KEY_UPDATE: keyUpdate,
  END_SESSION: endSessionRequest,
  GET_MEASUREMENT_EXTENSION_LOG: getMeasurementLog,
  GET_ENDPOINT_INFO: getEndpointInfo,
  VENDOR_DEFINED_REQUEST: vendorDefined,
  CHUNK_GET: chunkGet,
  CHUNK_SEND: call => chunkSend(call, message => deliver(call, message)),
  RESPOND_IF_READY: call => {
    const {name, request} = resumed(call)
    return carryOut({...call, name, bytes: request})
  },
}

type Message = Omit<Call, 'name'>

/** These are not the end of what they answer. */
const PROVISIONAL: ReadonlySet<ErrorName> = new Set(['Busy', 'ResponseNotReady', 'LargeResponse'])

/** SPDMVersion of an ERROR: the one that was agreed, or that GET_CAPABILITIES is about to select. */
function errorVersion({state, options, bytes}: Message): number {
  const [version, code] = bytes
  const isSelecting = state.phase === 'version' && code === SPDM_CODE.GET_CAPABILITIES
  return isSelecting && versionsOf(options).includes(version!) ? version! : state.version
}

/** A request other than the one that continues a transfer ends it. */
function abandonTransfers(call: Message, code: number): void {
  const transfer = call.state.transfers.get(scopeOf(call))
  if (transfer === undefined) return
  if (code !== SPDM_CODE.CHUNK_GET) transfer.response = undefined
  if (code !== SPDM_CODE.CHUNK_SEND) transfer.request = undefined
  if (code !== SPDM_CODE.RESPOND_IF_READY) transfer.deferred = undefined
}

function carryOut(call: Call): Answer | undefined {
  call.state.negotiated?.transcripts.begin(call.name, scopeOf(call))
  const answer = HANDLERS[call.name]!(call)
  return answer instanceof Uint8Array ? {response: answer} : answer
}

/** Carries out the request, or leaves everything as it was when the response cannot be sent. */
function carryOutWhole(call: Call): Answer | undefined {
  const {state} = call
  const before = {...state}
  const sessions = new Set(state.sessions.keys())
  const answer = carryOut(call)
  if (answer === undefined) return undefined
  try {
    return fitted(call, answer)
  } catch (error) {
    for (const [id, session] of state.sessions) if (!sessions.has(id)) endSession(call, session)
    Object.assign(state, before)
    throw error
  }
}

/** ERROR for what was thrown. Failures of our own are the responder's, not the request's. */
function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof TsmctlError && error.kind !== 'bug') return new Refusal('Unspecified')
  throw error
}

function refused(message: Message, refusal: Refusal): Answer {
  const {state, session} = message
  if (!PROVISIONAL.has(refusal.error)) state.negotiated?.transcripts.failed(scopeOf(message))
  const response = refusal.encode(errorVersion(message))
  const isOver = refusal.error === 'DecryptError' && session !== undefined
  return isOver ? {response, afterwards: () => endSession(message, session)} : {response}
}

/** The answer to `message`; undefined for silence. Throws nothing that a peer can cause. */
export function answerTo(message: Message): Answer | undefined {
  const {bytes, state, session} = message
  const [version, code] = bytes
  try {
    if (bytes.length < SPDM_HEADER.headSize) refuse('InvalidRequest')
    abandonTransfers(message, code!)
    const call = {...message, name: legalRequest(code!, version!, state, session)}
    deferIfSlow(call, code!)
    return carryOutWhole(call)
  } catch (error) {
    return refused(message, refusalOf(error))
  }
}

/** Answers a request that came in chunks; one that is a transfer itself is not carried out. */
function deliver(call: Call, bytes: Uint8Array): Answer | undefined {
  const {options, state, session} = call
  const message = {options, state, session, bytes}
  const isTransfer = bytes[1] === SPDM_CODE.CHUNK_SEND || bytes[1] === SPDM_CODE.CHUNK_GET
  return isTransfer ? refused(message, new Refusal('InvalidRequest')) : answerTo(message)
}
