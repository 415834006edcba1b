/** Requests and responses of TDISP, one table each (PCIe r7.0 §11.3.4 to §11.3.25). */
import {
  type AnyLayout,
  bit,
  bytes,
  DecodeError,
  type Fields,
  hex,
  layout,
  nested,
  NEXT,
  reserved,
  REST,
  type Seen,
  u16,
  u32,
  u64,
  u8,
} from '../bits/index.js'
import {BODY, header} from './header.js'
import {TDI_STATE_NAMES, TDISP_ERROR_NAMES, TDISP_MESSAGE, TDISP_MESSAGE_NAMES, type TdispMessageName} from './names.js'
import {MMIO_RANGE} from './report.js'

/** Layout of message `name`, described in §11.3.`section`, with `body` behind the header. */
const message = <const T extends Fields>(name: TdispMessageName, section: number, body: T) =>
  layout(
    {
      id: `tdisp-${name.replace('TDISP_', '').toLowerCase().replaceAll('_', '-')}`,
      name,
      spec: `PCIe r7.0 §11.3.${section}`,
    },
    {...header(TDISP_MESSAGE[name]), ...body},
  )

const NONCE = {startInterfaceNonce: bytes(BODY, 32, 'START_INTERFACE_NONCE')}
const STREAM = {p2pStreamId: u8(BODY, 'stream ID of the peer-to-peer IDE stream')}
const VDM = {
  registryId: u8(BODY, 'REGISTRY_ID', {names: {0: 'PCI-SIG', 1: 'CXL'}}),
  vendorIdLength: u8(BODY + 1, 'VENDOR_ID_LEN'),
  vendorId: bytes(NEXT, 'vendorIdLength', 'VENDOR_ID'),
  vendorData: bytes(NEXT, REST, 'vendor-defined data'),
}

export const GET_TDISP_VERSION = message('GET_TDISP_VERSION', 4, {})
export const TDISP_VERSION = message('TDISP_VERSION', 5, {
  versionNumCount: u8(BODY, 'VERSION_NUM_COUNT'),
  versionNumEntries: bytes(NEXT, 'versionNumCount', 'VERSION_NUM_ENTRY: major [7:4], minor [3:0]'),
})

export const GET_TDISP_CAPABILITIES = message('GET_TDISP_CAPABILITIES', 6, {
  tsmCaps: u32(BODY, 'TSM_CAPS, none defined'),
})
export const TDISP_CAPABILITIES = message('TDISP_CAPABILITIES', 7, {
  dsmCaps: u32(16, 'DSM_CAPS, none defined'),
  reqMsgsSupported: bytes(20, 16, 'REQ_MSGS_SUPPORTED: bit n is request 80h + n'),
  lockNoFwUpdate: bit(36, 2, 0, 'LOCK_INTERFACE_FLAGS_SUPPORTED: NO_FW_UPDATE'),
  lockSystemCacheLineSize: bit(36, 2, 1, 'LOCK_INTERFACE_FLAGS_SUPPORTED: SYSTEM_CACHE_LINE_SIZE'),
  lockMsix: bit(36, 2, 2, 'LOCK_INTERFACE_FLAGS_SUPPORTED: LOCK_MSIX'),
  lockBindP2p: bit(36, 2, 3, 'LOCK_INTERFACE_FLAGS_SUPPORTED: BIND_P2P'),
  lockAllRequestRedirect: bit(36, 2, 4, 'LOCK_INTERFACE_FLAGS_SUPPORTED: ALL_REQUEST_REDIRECT'),
  lockReserved: reserved(36, 2, 15, 5),
  reserved38: reserved(38, 3),
  devAddrWidth: u8(41, 'DEV_ADDR_WIDTH: address bits the device supports'),
  numReqThis: u8(42, 'NUM_REQ_THIS: outstanding requests for this TDI'),
  numReqAll: u8(43, 'NUM_REQ_ALL: outstanding requests for all TDIs'),
})

export const LOCK_INTERFACE_REQUEST = message('LOCK_INTERFACE_REQUEST', 8, {
  noFwUpdate: bit(16, 2, 0, 'NO_FW_UPDATE'),
  systemCacheLineSize: bit(16, 2, 1, 'SYSTEM_CACHE_LINE_SIZE: 0 is 64 bytes, 1 is 128 bytes'),
  lockMsix: bit(16, 2, 2, 'LOCK_MSIX'),
  bindP2p: bit(16, 2, 3, 'BIND_P2P'),
  allRequestRedirect: bit(16, 2, 4, 'ALL_REQUEST_REDIRECT'),
  flagsReserved: reserved(16, 2, 15, 5),
  defaultStreamId: u8(18, 'default stream ID'),
  reserved19: reserved(19, 1),
  mmioReportingOffset: u64(20, 'MMIO_REPORTING_OFFSET, signed, added to every reported address'),
  bindP2pAddressMask: u64(28, 'BIND_P2P_ADDRESS_MASK'),
})
export const LOCK_INTERFACE_RESPONSE = message('LOCK_INTERFACE_RESPONSE', 9, NONCE)

export const GET_DEVICE_INTERFACE_REPORT = message('GET_DEVICE_INTERFACE_REPORT', 10, {
  offset: u16(16, 'OFFSET in the report'),
  length: u16(18, 'LENGTH asked for'),
})
export const DEVICE_INTERFACE_REPORT = message('DEVICE_INTERFACE_REPORT', 11, {
  portionLength: u16(16, 'PORTION_LENGTH'),
  remainderLength: u16(18, 'REMAINDER_LENGTH behind this portion'),
  reportBytes: bytes(NEXT, 'portionLength', 'REPORT_BYTES'),
})

export const GET_DEVICE_INTERFACE_STATE = message('GET_DEVICE_INTERFACE_STATE', 12, {})
export const DEVICE_INTERFACE_STATE = message('DEVICE_INTERFACE_STATE', 13, {
  tdiState: u8(BODY, 'TDI_STATE', {names: TDI_STATE_NAMES}),
})

export const START_INTERFACE_REQUEST = message('START_INTERFACE_REQUEST', 14, NONCE)
export const START_INTERFACE_RESPONSE = message('START_INTERFACE_RESPONSE', 15, {})
export const STOP_INTERFACE_REQUEST = message('STOP_INTERFACE_REQUEST', 16, {})
export const STOP_INTERFACE_RESPONSE = message('STOP_INTERFACE_RESPONSE', 17, {})
export const BIND_P2P_STREAM_REQUEST = message('BIND_P2P_STREAM_REQUEST', 18, STREAM)
export const BIND_P2P_STREAM_RESPONSE = message('BIND_P2P_STREAM_RESPONSE', 19, {})
export const UNBIND_P2P_STREAM_REQUEST = message('UNBIND_P2P_STREAM_REQUEST', 20, STREAM)
export const UNBIND_P2P_STREAM_RESPONSE = message('UNBIND_P2P_STREAM_RESPONSE', 21, {})
export const SET_MMIO_ATTRIBUTE_REQUEST = message('SET_MMIO_ATTRIBUTE_REQUEST', 22, {
  mmioRange: nested(BODY, MMIO_RANGE, 'range and its new attributes; only IS_NON_TEE_MEM may change'),
})
export const SET_MMIO_ATTRIBUTE_RESPONSE = message('SET_MMIO_ATTRIBUTE_RESPONSE', 23, {})

export const TDISP_ERROR = message('TDISP_ERROR', 24, {
  errorCode: u32(16, 'ERROR_CODE', {names: TDISP_ERROR_NAMES}),
  errorData: u32(20, 'ERROR_DATA: request code if unsupported, length of extended data if vendor specific'),
  extendedErrorData: bytes(NEXT, REST, 'EXTENDED_ERROR_DATA'),
})
export const VDM_REQUEST = message('VDM_REQUEST', 25, VDM)
export const VDM_RESPONSE = message('VDM_RESPONSE', 25, VDM)

/** Layout of the message with a MessageType, for decoders that meet any of them. */
export const TDISP_MESSAGES: Readonly<Record<TdispMessageName, AnyLayout>> = {
  GET_TDISP_VERSION,
  GET_TDISP_CAPABILITIES,
  LOCK_INTERFACE_REQUEST,
  GET_DEVICE_INTERFACE_REPORT,
  GET_DEVICE_INTERFACE_STATE,
  START_INTERFACE_REQUEST,
  STOP_INTERFACE_REQUEST,
  BIND_P2P_STREAM_REQUEST,
  UNBIND_P2P_STREAM_REQUEST,
  SET_MMIO_ATTRIBUTE_REQUEST,
  VDM_REQUEST,
  TDISP_VERSION,
  TDISP_CAPABILITIES,
  LOCK_INTERFACE_RESPONSE,
  DEVICE_INTERFACE_REPORT,
  DEVICE_INTERFACE_STATE,
  START_INTERFACE_RESPONSE,
  STOP_INTERFACE_RESPONSE,
  BIND_P2P_STREAM_RESPONSE,
  UNBIND_P2P_STREAM_RESPONSE,
  SET_MMIO_ATTRIBUTE_RESPONSE,
  VDM_RESPONSE,
  TDISP_ERROR,
}

/** A message and the layout that shows it. */
export interface DecodedTdisp {
  readonly name: TdispMessageName
  readonly layout: AnyLayout
  readonly value: Seen
}

/**
 * Decodes any TDISP message by its MessageType. An undefined type is a DecodeError, as is every malformed body; a
 * requester treats a response of undefined type like TDISP_ERROR (§11.3.2).
 */
export function decodeTdispMessage(input: Uint8Array): DecodedTdisp {
  const type = input[1]
  const name = type === undefined ? undefined : TDISP_MESSAGE_NAMES[type]
  if (name === undefined)
    throw new DecodeError({
      structure: 'TDISP message',
      path: 'messageType',
      offset: 1,
      expected: 'a defined MessageType',
      got: type === undefined ? `${input.length} bytes` : hex(type, 2),
    })
  const found: AnyLayout = TDISP_MESSAGES[name]
  return {name, layout: found, value: found.decode(input)}
}
