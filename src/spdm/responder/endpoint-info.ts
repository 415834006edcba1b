/** GET_ENDPOINT_INFO as a responder answers it (DSP0274 1.3, "GET_ENDPOINT_INFO"). */
import {concat} from '../../bits/index.js'
import {ENDPOINT_INFO, ENDPOINT_INFO_SUBCODE, GET_ENDPOINT_INFO, KEY_USAGE, NONCE_SIZE} from '../messages/index.js'
import {read} from './read.js'
import {refuse, require} from './refusal.js'
import {signWith, slotFor} from './signing.js'
import {contextFor, type Handler, negotiatedOf} from './state.js'

const SIGNED = 2

export const getEndpointInfo: Handler = call => {
  const {connection, transcripts} = negotiatedOf(call)
  const {version} = connection
  const {value: request, bytes} = read(call, GET_ENDPOINT_INFO, {version})
  const {signatureRequested: isSigned, slotId} = request
  require(request.subCode === ENDPOINT_INFO_SUBCODE.DeviceClassIdentifier)
  if (isSigned && call.state.flags?.epInfoCap !== SIGNED)
    refuse('UnsupportedRequest', {data: request.requestResponseCode})
  const slot = isSigned ? slotFor(call, slotId, KEY_USAGE.endpointInfo) : undefined
  const values = {spdmVersion: version, slotId: isSigned ? slotId : 0, endpointInfo: call.options.endpointInfo}
  if (slot === undefined) return ENDPOINT_INFO.encode(values, contextFor(call, {signatureSize: 0}))
  const size = connection.asym!.signatureSize
  const whole = ENDPOINT_INFO.encode(
    {...values, nonce: call.options.random(NONCE_SIZE), signature: new Uint8Array(size)},
    contextFor(call),
  )
  const unsigned = whole.subarray(0, whole.length - size)
  const transcript = transcripts.endpointInfo(bytes, unsigned)
  return concat(unsigned, signWith(slot, connection, 'responder-endpoint_info signing', transcript))
}
