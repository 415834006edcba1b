/** GET_MEASUREMENT_EXTENSION_LOG as a responder answers it (DSP0274 1.3, "Measurement extension log"). */
import {GET_MEASUREMENT_EXTENSION_LOG, MEASUREMENT_EXTENSION_LOG} from '../messages/index.js'
import {read} from './read.js'
import {require} from './refusal.js'
import {type Handler, negotiatedOf} from './state.js'
import {responseLimit} from './transfer-sizes.js'

const HEADER_SIZE = 12

export const getMeasurementLog: Handler = call => {
  const {version} = negotiatedOf(call).connection
  const {offset, length} = read(call, GET_MEASUREMENT_EXTENSION_LOG, {version}).value
  const log = call.options.measurementLog ?? new Uint8Array()
  require(length > 0 && offset < log.length)
  const portion = log.subarray(offset, offset + Math.min(length, responseLimit(call) - HEADER_SIZE))
  return MEASUREMENT_EXTENSION_LOG.encode({
    spdmVersion: version,
    remainderLength: log.length - offset - portion.length,
    portion,
  })
}
