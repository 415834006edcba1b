/** Messages larger than one transfer (DSP0274 1.3 §10.26, §10.27). */
import {join} from '../../bits/index.js'
import {
  CHUNK_GET,
  chunkNumbered,
  chunkNumberOf,
  CHUNK_RESPONSE,
  CHUNK_SEND,
  CHUNK_SEND_ACK,
  ERROR,
  maxChunkNumber,
  MIN_CHUNK_MESSAGE,
  SPDM_CODE,
} from '../messages/index.js'
import type {Link} from './link.js'
import {decodeResponse, codeOf} from './response.js'

/** Sends one message and returns the response as it came. */
export type Send = (message: Uint8Array) => Promise<Uint8Array>

const WHAT = 'transfer a large message'
/**
 * The response that ERROR LargeResponse announced, fetched chunk by chunk. It never has more than our MaxSPDMmsgSize, and
 * never more than was announced; nothing is reserved for it in advance.
 */
export async function fetchLarge(link: Link, handle: number, padding: number, send: Send): Promise<Uint8Array> {
  const {maxSpdmMsgSize} = link.settings.offer
  const chunks: Uint8Array[] = []
  let total = 0
  let received = 0
  const refuse = (got: string): never => {
    throw link.failure(WHAT, 'chunk', got)
  }
  for (let number = 0; ; number++) {
    if (number > maxChunkNumber(link.version)) refuse('more chunks than there are sequence numbers')
    const context = {version: link.version}
    const raw = await send(CHUNK_GET.encode({handle, ...chunkNumbered(link.version, number)}, context))
    if (codeOf(raw) === SPDM_CODE.ERROR) {
      const {errorCode} = decodeResponse(link, WHAT, ERROR, raw, context, padding).value
      throw link.failure(WHAT, 'chunk', 'the responder has no more of its response', {errorCode})
    }
    const {value: chunk, bytes} = decodeResponse(link, WHAT, CHUNK_RESPONSE, raw, context, padding)
    if (chunk.handle !== handle) refuse(`handle ${handle} was asked for, ${chunk.handle} came`)
    if (chunkNumberOf(chunk) !== number) refuse(`chunk ${number} was asked for, ${chunkNumberOf(chunk)} came`)
    if (number === 0) {
      total = chunk.largeMessageSize ?? 0
      if (total <= MIN_CHUNK_MESSAGE) refuse(`a large message of ${total} bytes`)
      if (total > maxSpdmMsgSize) refuse(`a message of ${total} bytes, we take ${maxSpdmMsgSize}`)
    }
    if (!chunk.lastChunk && bytes.length < MIN_CHUNK_MESSAGE) refuse(`chunk ${number} has ${bytes.length} bytes`)
    received += chunk.chunk.length
    chunks.push(chunk.chunk)
    if (received > total) refuse(`chunks of ${received} bytes for a message of ${total}`)
    if (chunk.chunk.length === 0) refuse(`chunk ${number} is empty`)
    if (!chunk.lastChunk) continue
    if (received !== total) refuse(`chunks of ${received} bytes for a message of ${total}`)
    return join(chunks)
  }
}

/**
 * Sends a request in pieces of at most `size` bytes per message and returns the response to it; after an early error
 * that is an ERROR.
 */
export async function sendLarge(
  link: Link,
  {message, handle, size, padding}: {message: Uint8Array; handle: number; size: number; padding: number},
  send: Send,
): Promise<Uint8Array> {
  const context = {version: link.version}
  for (let number = 0, at = 0; ; number++) {
    const room = size - CHUNK_SEND.headSize - (number === 0 ? 4 : 0)
    const chunk = message.subarray(at, at + room)
    at += chunk.length
    const lastChunk = at === message.length
    const raw = await send(
      CHUNK_SEND.encode(
        {
          lastChunk,
          handle,
          ...chunkNumbered(link.version, number),
          chunk,
          ...(number === 0 && {largeMessageSize: message.length}),
        },
        context,
      ),
    )
    // an ERROR instead of an acknowledgement answers the large request itself
    if (codeOf(raw) === SPDM_CODE.ERROR) return raw
    const {value: ack} = decodeResponse(link, WHAT, CHUNK_SEND_ACK, raw, context, padding)
    if (ack.handle !== handle || chunkNumberOf(ack) !== number)
      throw link.failure(
        WHAT,
        'chunk',
        `chunk ${number} of handle ${handle} was sent, chunk ${chunkNumberOf(ack)} of ${ack.handle} was acknowledged`,
      )
    if (ack.earlyErrorDetected && codeOf(ack.response) !== SPDM_CODE.ERROR)
      throw link.failure(WHAT, 'chunk', 'an early error without ERROR')
    if (lastChunk || ack.earlyErrorDetected) return ack.response
  }
}
