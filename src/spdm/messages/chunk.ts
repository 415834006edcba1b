/** Transfer of large messages in chunks (DSP0274 1.3 §10.26, §10.27), and RESPOND_IF_READY. */
import {bit, bytes, get, layout, mask, NEXT, prep, reserved, REST, type Seen, u16, u32, u8} from '../../bits/index.js'
import {SPDM_CODE_NAMES} from './codes.js'
import {header, since} from './header.js'

const SEND_SPEC = 'DSP0274 1.3 §10.26'
const GET_SPEC = 'DSP0274 1.3 §10.27'
const CONTEXTS = [{}, {version: 0x14}]
const HIGH = 'ChunkSeqNo [31:16] (1.4), reserved before'

const chunk = <const N extends 'CHUNK_SEND' | 'CHUNK_RESPONSE'>(name: N) => ({
  ...header(name),
  lastChunk: bit(2, 1, 0, 'Param1: LastChunk'),
  param1: reserved(2, 1, 7, 1),
  handle: u8(3, 'Param2: Handle of the large message'),
  chunkSeqNo: u16(4, 'ChunkSeqNo [15:0]'),
  chunkSeqNoHigh: u16(6, HIGH),
  chunkSize: u32(8, 'ChunkSize'),
  largeMessageSize: u32(NEXT, 'LargeMessageSize, in the first chunk', {
    when: (seen: Seen) => seen.chunkSeqNo === 0 && (seen.chunkSeqNoHigh === 0 || !since(0x14)(seen)),
  }),
  chunk: bytes(NEXT, 'chunkSize', 'the bytes'),
})

export const CHUNK_SEND = layout(
  {id: 'spdm-chunk-send', name: 'CHUNK_SEND', spec: SEND_SPEC, contexts: CONTEXTS},
  chunk('CHUNK_SEND'),
)

/** ChunkSeqNo has 16 bits up to 1.3, where the response to the large request starts at byte 6; since 1.4 at byte 8. */
export const CHUNK_SEND_ACK = layout(
  {id: 'spdm-chunk-send-ack', name: 'CHUNK_SEND_ACK', spec: SEND_SPEC, contexts: CONTEXTS},
  {
    ...header('CHUNK_SEND_ACK'),
    earlyErrorDetected: bit(2, 1, 0, 'Param1: EarlyErrorDetected'),
    param1: reserved(2, 1, 7, 1),
    handle: u8(3, 'Param2: Handle of the large message'),
    chunkSeqNo: u16(4, 'ChunkSeqNo [15:0]'),
    chunkSeqNoHigh: u16(NEXT, HIGH, {when: since(0x14)}),
    response: bytes(NEXT, REST, 'response to the large request, behind its last chunk'),
  },
)

export const CHUNK_GET = layout(
  {id: 'spdm-chunk-get', name: 'CHUNK_GET', spec: GET_SPEC, contexts: CONTEXTS},
  {
    ...header('CHUNK_GET'),
    param1: reserved(2, 1),
    handle: u8(3, 'Param2: Handle of the large message'),
    chunkSeqNo: u16(4, 'ChunkSeqNo [15:0]'),
    chunkSeqNoHigh: u16(NEXT, HIGH, {when: since(0x14)}),
  },
)

export const CHUNK_RESPONSE = layout(
  {id: 'spdm-chunk-response', name: 'CHUNK_RESPONSE', spec: GET_SPEC, contexts: CONTEXTS},
  chunk('CHUNK_RESPONSE'),
)

/** Version from which ChunkSeqNo has 32 bits. */
const WIDE = 0x14
const LOW_HALF = mask(15, 0)
const HIGH_HALF = mask(31, 16)

interface Numbered {
  readonly spdmVersion: number
  readonly chunkSeqNo: number
  readonly chunkSeqNoHigh?: number | undefined
}

/** ChunkSeqNo of a chunk or its acknowledgement, from 0. */
export const chunkNumberOf = ({spdmVersion, chunkSeqNo, chunkSeqNoHigh = 0}: Numbered): number =>
  spdmVersion >= WIDE ? chunkSeqNo + prep(HIGH_HALF, chunkSeqNoHigh) : chunkSeqNo

/** Largest ChunkSeqNo of `version`: a message that needs more chunks cannot be transferred. */
export const maxChunkNumber = (version: number): number => (version >= WIDE ? 0xffffffff : 0xffff)

/** Fields for the chunk with that number in `version`. */
export const chunkNumbered = (version: number, chunkNumber: number) => ({
  chunkSeqNo: get(LOW_HALF, chunkNumber),
  ...(version >= WIDE && {chunkSeqNoHigh: get(HIGH_HALF, chunkNumber)}),
})

/** Least bytes of a message that carries a chunk which is not the last. */
export const MIN_CHUNK_MESSAGE = 42

export const RESPOND_IF_READY = layout(
  {id: 'spdm-respond-if-ready', name: 'RESPOND_IF_READY', spec: 'DSP0274 1.3 §10.13'},
  {
    ...header('RESPOND_IF_READY'),
    requestCode: u8(2, 'Param1: code of the request whose response was not ready', {names: SPDM_CODE_NAMES}),
    token: u8(3, 'Param2: Token of the ResponseNotReady'),
  },
)
