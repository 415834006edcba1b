/** GET_ENDPOINT_INFO, ENDPOINT_INFO and the device class identifier (DSP0274 1.3, "GET_ENDPOINT_INFO"). */
import {
  array,
  bit,
  bits,
  bytes,
  type Context,
  layout,
  nested,
  NEXT,
  reserved,
  type Seen,
  u32,
  u8,
} from '../../bits/index.js'
import {sizeOf} from './context.js'
import {header} from './header.js'
import {NONCE_SIZE} from './measurements.js'
import {STANDARDS_HEADER} from './standards-header.js'

const SPEC = 'DSP0274 1.3, "GET_ENDPOINT_INFO"'

export const ENDPOINT_INFO_SUBCODE = {DeviceClassIdentifier: 1} as const

const slot = {
  slotId: bits(3, 1, 3, 0, 'Param2: SlotID; 0xF is the provisioned public key'),
  param2: reserved(3, 1, 7, 4),
}

export const GET_ENDPOINT_INFO = layout(
  {id: 'spdm-get-endpoint-info', name: 'GET_ENDPOINT_INFO', spec: SPEC},
  {
    ...header('GET_ENDPOINT_INFO'),
    subCode: u8(2, 'Param1: SubCode', {names: {1: 'DeviceClassIdentifier'}}),
    ...slot,
    signatureRequested: bit(4, 1, 0, 'RequestAttributes: SignatureRequested'),
    attributesReserved: reserved(4, 1, 7, 1),
    reserved5: reserved(5, 3),
    nonce: bytes(NEXT, NONCE_SIZE, 'Nonce of the requester', {
      when: (seen: Seen) => seen.signatureRequested as boolean,
    }),
  },
)

const isSigned = (_: Seen, context: Context): boolean => (context.signatureSize ?? 0) > 0

/** Whether it is signed follows from the request: context `{signatureSize}`, absent or 0 for no. */
export const ENDPOINT_INFO = layout(
  {id: 'spdm-endpoint-info', name: 'ENDPOINT_INFO', spec: SPEC, contexts: [{}, {version: 0x13, signatureSize: 64}]},
  {
    ...header('ENDPOINT_INFO'),
    param1: reserved(2, 1),
    ...slot,
    reserved4: reserved(4, 4),
    nonce: bytes(NEXT, NONCE_SIZE, 'Nonce of the responder', {when: isSigned}),
    endpointInfoLength: u32(NEXT, 'EPInfoLen'),
    endpointInfo: bytes(NEXT, 'endpointInfoLength', 'EPInfo, by SubCode of the request'),
    signature: bytes(NEXT, sizeOf('signatureSize'), 'Signature over IL1/IL2'),
  },
)

const SUBORDINATE_IDENTIFIER = layout(
  {id: 'spdm-subordinate-identifier', name: 'Subordinate identifier', spec: SPEC},
  {length: u8(0, 'SubIDLen'), identifier: bytes(NEXT, 'length', 'SubIdentifier')},
)

const CLASS_IDENTIFIER = layout(
  {id: 'spdm-class-identifier', name: 'Class identifier', spec: SPEC},
  {
    authority: nested(NEXT, STANDARDS_HEADER, 'who defines the identifier'),
    subordinateCount: u8(NEXT, 'NumSubIDs'),
    subordinates: array(SUBORDINATE_IDENTIFIER, 'subordinateCount', 'subordinate identifiers'),
  },
)

const IDENTIFIER_ELEMENT = layout(
  {id: 'spdm-class-identifier-element', name: 'Class identifier element', spec: SPEC},
  {
    length: u8(0, 'IDElemLength: bytes that follow'),
    identifiers: array(CLASS_IDENTIFIER, 1, 'the identifier', {span: 'length'}),
  },
)

/** EPInfo of SubCode 1. */
export const DEVICE_CLASS_IDENTIFIER = layout(
  {id: 'spdm-device-class-identifier', name: 'Device class identifier', spec: SPEC},
  {
    numIdentifiers: u8(0, 'NumIdentifiers'),
    reserved1: reserved(1, 3),
    identifiers: array(IDENTIFIER_ELEMENT, 'numIdentifiers', 'identifier elements'),
  },
)

export const ENDPOINT_INFO_PARTS = [
  SUBORDINATE_IDENTIFIER,
  CLASS_IDENTIFIER,
  IDENTIFIER_ELEMENT,
  DEVICE_CLASS_IDENTIFIER,
]
