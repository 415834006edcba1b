/** Requests that go the other way, inside responses (DSP0274 1.3, "Encapsulated requests"). */
import {bytes, layout, NEXT, reserved, REST, type Seen, u24, u8} from '../../bits/index.js'
import {header, since} from './header.js'

const SPEC = 'DSP0274 1.3, "Encapsulated requests"'

export const GET_ENCAPSULATED_REQUEST = layout(
  {id: 'spdm-get-encapsulated-request', name: 'GET_ENCAPSULATED_REQUEST', spec: SPEC},
  {...header('GET_ENCAPSULATED_REQUEST'), param1: reserved(2, 1), param2: reserved(3, 1)},
)

export const ENCAPSULATED_REQUEST = layout(
  {id: 'spdm-encapsulated-request', name: 'ENCAPSULATED_REQUEST', spec: SPEC},
  {
    ...header('ENCAPSULATED_REQUEST'),
    requestId: u8(2, 'Param1: RequestID'),
    param2: reserved(3, 1),
    encapsulatedRequest: bytes(NEXT, REST, 'a whole request, the responder being its requester'),
  },
)

export const DELIVER_ENCAPSULATED_RESPONSE = layout(
  {id: 'spdm-deliver-encapsulated-response', name: 'DELIVER_ENCAPSULATED_RESPONSE', spec: SPEC},
  {
    ...header('DELIVER_ENCAPSULATED_RESPONSE'),
    requestId: u8(2, 'Param1: RequestID, echoed'),
    param2: reserved(3, 1),
    encapsulatedResponse: bytes(NEXT, REST, 'the whole response'),
  },
)

/** What an ENCAPSULATED_RESPONSE_ACK carries: nothing more, the next request, or the slot the requester shall use. */
const ENCAPSULATED_PAYLOAD = {absent: 0, present: 1, slotNumber: 2} as const

const carries =
  (type: number) =>
  (seen: Seen): boolean =>
    seen.payloadType === type

/** Since 1.2 four bytes more come before the payload. */
export const ENCAPSULATED_RESPONSE_ACK = layout(
  {
    id: 'spdm-encapsulated-response-ack',
    name: 'ENCAPSULATED_RESPONSE_ACK',
    spec: SPEC,
    contexts: [{}, {version: 0x11}, {version: 0x12}],
  },
  {
    ...header('ENCAPSULATED_RESPONSE_ACK'),
    requestId: u8(2, 'Param1: RequestID of the next request'),
    payloadType: u8(3, 'Param2: PayloadType', {names: {0: 'absent', 1: 'present', 2: 'slot number'}}),
    ackRequestId: u8(NEXT, 'AckRequestID: the request whose response arrived (1.2)', {when: since(0x12)}),
    reserved5: u24(NEXT, 'reserved (1.2)', {when: since(0x12)}),
    slotNumber: u8(NEXT, 'slot the requester shall use', {when: carries(ENCAPSULATED_PAYLOAD.slotNumber)}),
    encapsulatedRequest: bytes(NEXT, REST, 'the next request', {when: carries(ENCAPSULATED_PAYLOAD.present)}),
  },
)
