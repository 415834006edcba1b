/** One message of unknown extent out of a buffer that a transport may have padded. */
import {DecodeError, isZero} from '../../bits/index.js'
import {
  decodeSpdmMessage,
  EXTENDED_ERROR_DATA,
  type MessageContext,
  SPDM_CODE_NAMES,
  SPDM_HEADER,
  type SpdmMessage,
  type SpdmMessageName,
} from '../messages/index.js'

export interface Header {
  readonly version: number
  readonly code: number
  readonly name: SpdmMessageName | undefined
}

/** Version and code of a message, or undefined when there are not even four bytes. */
export function headerOf(bytes: Uint8Array): Header | undefined {
  if (bytes.length < SPDM_HEADER.headSize) return undefined
  const {spdmVersion, requestResponseCode} = SPDM_HEADER.decode(bytes.subarray(0, SPDM_HEADER.headSize))
  return {version: spdmVersion, code: requestResponseCode, name: SPDM_CODE_NAMES[requestResponseCode]}
}

export interface ReadMessage {
  readonly message: SpdmMessage
  /** The one that fitted. */
  readonly context: MessageContext
}

/** Zeros at the end of an ERROR that no field of it asks for. */
function swallowedPadding({name, value}: SpdmMessage, maxPadding: number): number {
  if (name !== 'ERROR' || value.errorCode in EXTENDED_ERROR_DATA) return 0
  const tail = value.extendedErrorData ?? new Uint8Array()
  return tail.length <= maxPadding && isZero(tail) ? tail.length : 0
}

/**
 * The message that `bytes` starts with under the first of `contexts` that leaves nothing but at most `maxPadding` zeros,
 * the fewest that any of them leaves. Throws the DecodeError of the first context when none fits.
 */
export function readMessage(bytes: Uint8Array, maxPadding: number, contexts: readonly MessageContext[]): ReadMessage {
  let failure: unknown
  let best: ReadMessage | undefined
  for (const context of contexts) {
    try {
      const message = decodeSpdmMessage(bytes, context, {maxPadding})
      if (best === undefined || message.bytes.length > best.message.bytes.length) best = {message, context}
      if (message.bytes.length === bytes.length) break
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      failure ??= error
    }
  }
  if (best === undefined) throw failure
  const swallowed = swallowedPadding(best.message, maxPadding)
  if (swallowed === 0) return best
  const {length} = best.message.bytes
  return {...best, message: decodeSpdmMessage(bytes.subarray(0, length - swallowed), best.context)}
}
