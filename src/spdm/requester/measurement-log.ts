/** GET_MEASUREMENT_EXTENSION_LOG, portion by portion (DSP0274 1.3, "Measurement extension log"). */
import {DecodeError, join} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {DMTF_MEL, GET_MEASUREMENT_EXTENSION_LOG, MEASUREMENT_EXTENSION_LOG} from '../messages/index.js'
import type {SecureSession} from '../session/index.js'
import type {Budget} from './budget.js'
import {exchange} from './exchange.js'
import type {Link} from './link.js'

export type MeasurementLog = ReturnType<typeof DMTF_MEL.decode>

const WHAT = 'read the measurement extension log'
/** Bytes of a log that are read at most. */
const MAX_LOG_SIZE = 0x100000

/** The whole log. Nothing signs it: hash-extend measurements are what its entries have to add up to. */
export async function measurementLog(link: Link, budget: Budget, session?: SecureSession): Promise<MeasurementLog> {
  const {version, requester, responder} = link.agreed
  if (version < 0x13 || !responder.flags.melCap)
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: WHAT,
      subject: link.peer,
      got: 'the responder has no MEL_CAP',
    })
  const {dataTransferSize, maxSpdmMsgSize} = link.settings.offer
  const most = requester?.flags.chunkCap === true && responder.flags.chunkCap ? maxSpdmMsgSize : dataTransferSize
  const refuse = (got: string, cause?: unknown): never => {
    throw link.failure(WHAT, 'measurements', got, {cause})
  }
  const parts: Uint8Array[] = []
  let size = 0
  let total: number | undefined
  for (;;) {
    const message = GET_MEASUREMENT_EXTENSION_LOG.encode(
      {spdmVersion: version, offset: size, length: most - MEASUREMENT_EXTENSION_LOG.headSize},
      {version},
    )
    const {value} = await exchange(link, budget, {
      request: 'GET_MEASUREMENT_EXTENSION_LOG',
      message,
      response: MEASUREMENT_EXTENSION_LOG,
      attempted: WHAT,
      session,
    })
    if (value.portion.length === 0) refuse('an empty portion')
    size += value.portion.length
    total ??= size + value.remainderLength
    if (total > MAX_LOG_SIZE) refuse(`a log of ${total} bytes, at most ${MAX_LOG_SIZE} are read`)
    if (size + value.remainderLength !== total)
      refuse(`a log of ${total} bytes has become one of ${size + value.remainderLength}`)
    parts.push(value.portion)
    if (value.remainderLength === 0) break
  }
  try {
    return DMTF_MEL.decode(join(parts))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return refuse(error.message, error)
  }
}
