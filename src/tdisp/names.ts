/** Codes of the TEE Device Interface Security Protocol, PCIe r7.0 chapter 11. */

/** MessageType of requests (§11.3.1). */
export const TDISP_REQUEST = {
  GET_TDISP_VERSION: 0x81,
  GET_TDISP_CAPABILITIES: 0x82,
  LOCK_INTERFACE_REQUEST: 0x83,
  GET_DEVICE_INTERFACE_REPORT: 0x84,
  GET_DEVICE_INTERFACE_STATE: 0x85,
  START_INTERFACE_REQUEST: 0x86,
  STOP_INTERFACE_REQUEST: 0x87,
  BIND_P2P_STREAM_REQUEST: 0x88,
  UNBIND_P2P_STREAM_REQUEST: 0x89,
  SET_MMIO_ATTRIBUTE_REQUEST: 0x8a,
  VDM_REQUEST: 0x8b,
} as const

/** MessageType of responses (§11.3.2): the request's without bit 7. */
const TDISP_RESPONSE = {
  TDISP_VERSION: 0x01,
  TDISP_CAPABILITIES: 0x02,
  LOCK_INTERFACE_RESPONSE: 0x03,
  DEVICE_INTERFACE_REPORT: 0x04,
  DEVICE_INTERFACE_STATE: 0x05,
  START_INTERFACE_RESPONSE: 0x06,
  STOP_INTERFACE_RESPONSE: 0x07,
  BIND_P2P_STREAM_RESPONSE: 0x08,
  UNBIND_P2P_STREAM_RESPONSE: 0x09,
  SET_MMIO_ATTRIBUTE_RESPONSE: 0x0a,
  VDM_RESPONSE: 0x0b,
  TDISP_ERROR: 0x7f,
} as const

export const TDISP_MESSAGE = {...TDISP_REQUEST, ...TDISP_RESPONSE} as const

export type TdispRequestName = keyof typeof TDISP_REQUEST
export type TdispMessageName = keyof typeof TDISP_MESSAGE

/** ERROR_CODE of TDISP_ERROR (§11.3.24). */
export const TDISP_ERROR_CODE = {
  INVALID_REQUEST: 0x0001,
  BUSY: 0x0003,
  INVALID_INTERFACE_STATE: 0x0004,
  UNSPECIFIED: 0x0005,
  UNSUPPORTED_REQUEST: 0x0007,
  VERSION_MISMATCH: 0x0041,
  VENDOR_SPECIFIC_ERROR: 0x00ff,
  INVALID_INTERFACE: 0x0101,
  INVALID_NONCE: 0x0102,
  INSUFFICIENT_ENTROPY: 0x0103,
  INVALID_DEVICE_CONFIGURATION: 0x0104,
} as const

export type TdispErrorName = keyof typeof TDISP_ERROR_CODE

/** TDI_STATE (§11.3.13). */
export const TDI_STATE = {CONFIG_UNLOCKED: 0, CONFIG_LOCKED: 1, RUN: 2, ERROR: 3} as const

export type TdiState = keyof typeof TDI_STATE

const byCode = <N extends string>(codes: Readonly<Record<N, number>>): Readonly<Record<number, N>> =>
  Object.fromEntries(Object.entries(codes).map(([name, code]) => [code, name]))

export const TDISP_MESSAGE_NAMES = byCode(TDISP_MESSAGE)
export const TDISP_ERROR_NAMES = byCode(TDISP_ERROR_CODE)
export const TDI_STATE_NAMES = byCode(TDI_STATE)
