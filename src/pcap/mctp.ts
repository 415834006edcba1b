/** MCTP packets (DSP0236 1.3 §8.1) put together to the messages they carry. */
import {type AnyLayout, bit, bits, join, layout, reserved, u8} from '../bits/index.js'

export const MCTP_HEADER = layout(
  {id: 'mctp-header', name: 'MCTP transport header', spec: 'DSP0236 1.3 §8.1'},
  {
    headerVersion: bits(0, 1, 3, 0, 'Hdr version'),
    reserved: reserved(0, 1, 7, 4),
    destination: u8(1, 'Destination endpoint ID'),
    source: u8(2, 'Source endpoint ID'),
    startOfMessage: bit(3, 1, 7, 'SOM'),
    endOfMessage: bit(3, 1, 6, 'EOM'),
    sequence: bits(3, 1, 5, 4, 'Pkt Seq #'),
    tagOwner: bit(3, 1, 3, 'TO'),
    messageTag: bits(3, 1, 2, 0, 'Msg Tag'),
  },
)

/** What the first byte of a message says. */
export const MCTP_TYPE = layout(
  {id: 'mctp-type', name: 'MCTP message type', spec: 'DSP0236 1.3 §8.1'},
  {
    messageType: bits(0, 1, 6, 0, 'Message type', {names: {5: 'SPDM', 6: 'secured messages'}}),
    integrityCheck: bit(0, 1, 7, 'IC: an integrity check follows the message'),
  },
)

export const MCTP_MESSAGE_TYPE = {spdm: 5, secured: 6} as const

export const MCTP_LAYOUTS: readonly AnyLayout[] = [MCTP_HEADER, MCTP_TYPE]

export interface MctpMessage {
  /** Message type [6:0]. */
  readonly type: number
  /** Behind the message type. */
  readonly body: Uint8Array
}

/** A packet: the message it completes, nothing yet while more must follow, or why it fits nowhere. */
export type MctpResult =
  | {readonly kind: 'message'; readonly message: MctpMessage}
  | {readonly kind: 'more'}
  | {readonly kind: 'lost'; readonly why: string}

/** Largest message anybody would put together. */
const MAX_MESSAGE = 0x40000
const SEQUENCES = 4

interface Partial {
  readonly parts: Uint8Array[]
  length: number
  sequence: number
}

const lost = (why: string): MctpResult => ({kind: 'lost', why})

function complete(bytes: Uint8Array): MctpResult {
  if (bytes.length === 0) return lost('the message is empty')
  const {messageType, integrityCheck} = MCTP_TYPE.decode(bytes.subarray(0, 1))
  if (integrityCheck) return lost('messages with an integrity check are not read')
  return {kind: 'message', message: {type: messageType, body: bytes.subarray(1)}}
}

/** Puts packets together, per pair of endpoints and tag. Feed it in the order of the capture. */
export function reassembler(): (packet: Uint8Array) => MctpResult {
  const open = new Map<string, Partial>()
  return packet => {
    if (packet.length < MCTP_HEADER.headSize) return lost(`${packet.length} bytes are no MCTP packet`)
    const head = MCTP_HEADER.decode(packet.subarray(0, MCTP_HEADER.headSize))
    const body = packet.subarray(MCTP_HEADER.headSize)
    const key = [head.source, head.destination, head.tagOwner, head.messageTag].join()
    if (head.startOfMessage) {
      open.delete(key)
      if (head.endOfMessage) return complete(body)
      open.set(key, {parts: [body], length: body.length, sequence: head.sequence})
      return {kind: 'more'}
    }
    const partial = open.get(key)
    if (partial === undefined) return lost('the packet continues a message whose start is not in the capture')
    const expected = (partial.sequence + 1) % SEQUENCES
    if (head.sequence !== expected) {
      open.delete(key)
      return lost(`packet ${head.sequence} of a message where ${expected} must follow`)
    }
    partial.sequence = head.sequence
    partial.parts.push(body)
    partial.length += body.length
    if (partial.length > MAX_MESSAGE) {
      open.delete(key)
      return lost(`a message of more than ${MAX_MESSAGE} bytes`)
    }
    if (!head.endOfMessage) return {kind: 'more'}
    open.delete(key)
    return complete(join(partial.parts))
  }
}
