/** Large messages in chunks, both ways, as a responder transfers them (DSP0274 1.3 §10.26, §10.27). */
import {join} from '../../bits/index.js'
import {
  CHUNK_GET,
  chunkNumbered,
  chunkNumberOf,
  CHUNK_RESPONSE,
  CHUNK_SEND,
  CHUNK_SEND_ACK,
  ERROR,
  MIN_CHUNK_MESSAGE,
  SPDM_ERROR_CODE,
} from '../messages/index.js'
import {DEFAULTS} from './defaults.js'
import {read} from './read.js'
import {refuse, require} from './refusal.js'
import {type Answer, type Call, type LargeRequest, scopeOf} from './state.js'
import {hasChunks, responseLimit, transferLimit} from './transfer-sizes.js'

const CHUNK_HEADER = 12
const SIZE_FIELD = 4
/** A record's length field has 16 bits, of which lengths and MAC of the record take some. */
const MAX_RECORD = 0xffff - 18
const HANDLES = 256

/**
 * `answer` as it goes out: as it is, if it fits into one transfer, or as ERROR LargeResponse with the handle to fetch it
 * by; `around` bytes of another message go with it. Throws Refusal when the requester cannot take it at all.
 */
export function fitted(
  call: Pick<Call, 'state' | 'options' | 'session'>,
  {response, afterwards}: Answer,
  around = 0,
): Answer {
  const {state, session} = call
  const most = session === undefined ? transferLimit(state) : Math.min(transferLimit(state), MAX_RECORD)
  const isUnlimited = session === undefined && state.version < 0x12
  if (isUnlimited || response.length + around <= most) return {response, afterwards}
  if (!hasChunks(state) || response.length > responseLimit(call)) {
    const size = new Uint8Array(4)
    new DataView(size.buffer).setUint32(0, response.length, true)
    return refuse(state.version >= 0x12 ? 'ResponseTooLarge' : 'Unspecified', {extended: size})
  }
  const handle = state.nextHandle
  state.nextHandle = (handle + 1) % HANDLES
  state.transfer(scopeOf(call)).response = {handle, message: response, next: 0, sent: 0, afterwards}
  return {
    response: ERROR.encode({spdmVersion: state.version, errorCode: SPDM_ERROR_CODE.LargeResponse, handle}),
  }
}

/** The next chunk. A wrong handle or number ends the transfer. */
export function chunkGet(call: Call): Answer {
  const {state} = call
  const {version} = state
  const {value: request} = read(call, CHUNK_GET, {version})
  const transfer = state.transfer(scopeOf(call))
  const pending = transfer.response ?? refuse('UnexpectedRequest')
  transfer.response = undefined
  require(request.handle === pending.handle && chunkNumberOf(request) === pending.next)
  const isFirst = pending.next === 0
  const room = transferLimit(state) - CHUNK_HEADER - (isFirst ? SIZE_FIELD : 0)
  const chunk = pending.message.subarray(pending.sent, pending.sent + room)
  const lastChunk = pending.sent + chunk.length === pending.message.length
  const response = CHUNK_RESPONSE.encode({
    spdmVersion: version,
    lastChunk,
    handle: pending.handle,
    ...chunkNumbered(version, pending.next),
    ...(isFirst && {largeMessageSize: pending.message.length}),
    chunk,
  })
  if (lastChunk) return {response, afterwards: pending.afterwards}
  pending.next += 1
  pending.sent += chunk.length
  transfer.response = pending
  return {response}
}

type Chunk = ReturnType<typeof CHUNK_SEND.decode>

/** The transfer `request` begins or continues. Throws Refusal when it does neither. */
function transferOf(call: Call, request: Chunk, pending: LargeRequest | undefined): LargeRequest {
  const n = chunkNumberOf(request)
  if (n !== 0) {
    const known = pending ?? refuse('UnexpectedRequest')
    require(request.handle === known.handle && n === known.next)
    return known
  }
  const size = request.largeMessageSize!
  const most = call.options.maxSpdmMsgSize ?? DEFAULTS.maxSpdmMsgSize
  if (size > most) refuse('RequestTooLarge')
  require(size > MIN_CHUNK_MESSAGE)
  return {handle: request.handle, size, chunks: [], next: 0, received: 0}
}

const acknowledge = (call: Call, request: Chunk, more: {response?: Uint8Array}) =>
  CHUNK_SEND_ACK.encode({
    spdmVersion: call.state.version,
    handle: request.handle,
    ...chunkNumbered(call.state.version, chunkNumberOf(request)),
    ...more,
  })

/**
 * Takes one chunk; with the last, `deliver` answers the whole request, and its response goes into the acknowledgement.
 * A chunk that breaks a rule ends the transfer.
 */
export function chunkSend(call: Call, deliver: (message: Uint8Array) => Answer | undefined): Answer | undefined {
  const {state, options} = call
  const {value: request, bytes} = read(call, CHUNK_SEND, {version: state.version})
  const transfer = state.transfer(scopeOf(call))
  const pending = transfer.request
  transfer.request = undefined
  require(bytes.length <= (options.dataTransferSize ?? DEFAULTS.dataTransferSize))
  const large = transferOf(call, request, pending)
  const received = large.received + request.chunk.length
  require(request.lastChunk ? received === large.size : received < large.size && bytes.length >= MIN_CHUNK_MESSAGE)
  large.chunks.push(request.chunk.slice())
  large.received = received
  large.next += 1
  if (!request.lastChunk) {
    transfer.request = large
    return {response: acknowledge(call, request, {})}
  }
  const answer = deliver(join(large.chunks))
  if (answer === undefined) return undefined
  const around = acknowledge(call, request, {}).length
  const {response, afterwards} = fitted(call, answer, around)
  return {response: acknowledge(call, request, {response}), afterwards}
}
