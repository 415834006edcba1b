/** VENDOR_DEFINED_REQUEST with PCI-SIG's protocols (DSP0274 1.3 §10.24; PCIe r6.2 §6.31.3). */
import {equal} from '../../bits/index.js'
import {
  PCI_SIG_VENDOR,
  SPDM_CODE,
  STANDARD_ID,
  VENDOR_DEFINED_REQUEST,
  VENDOR_DEFINED_RESPONSE,
} from '../messages/index.js'
import {read} from './read.js'
import {refuse, require} from './refusal.js'
import {type Handler, negotiatedOf} from './state.js'

/** Largest payload whose length fits the 16-bit form. */
const SHORT = 0xffff

export const vendorDefined: Handler = call => {
  const {connection} = negotiatedOf(call)
  const {version} = connection
  const {vendor} = call.options
  if (vendor === undefined) return refuse('UnsupportedRequest', {data: SPDM_CODE.VENDOR_DEFINED_REQUEST})
  const {value: request} = read(call, VENDOR_DEFINED_REQUEST, {version})
  require(request.standardId === STANDARD_ID['PCI-SIG'] && equal(request.vendorId, PCI_SIG_VENDOR))
  require(request.payload.length > 0)
  const payload = vendor(request.payload, call.session?.id, connection)
  if (payload === undefined) return undefined
  const isTooLong = payload.length > SHORT
  if (isTooLong && version < 0x14) refuse('ResponseTooLarge')
  const large = version >= 0x14 && (request.large || isTooLong)
  return VENDOR_DEFINED_RESPONSE.encode({
    spdmVersion: version,
    large,
    standardId: STANDARD_ID['PCI-SIG'],
    vendorId: PCI_SIG_VENDOR,
    payload,
  })
}
