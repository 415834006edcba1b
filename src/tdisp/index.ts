import type {AnyLayout} from '../bits/index.js'
import {FUNCTION_ID, INTERFACE_ID, TDISP_HEADER} from './header.js'
import {TDISP_MESSAGES} from './messages.js'
import {INTERFACE_REPORT, MMIO_RANGE} from './report.js'

export {
  LOCK_FLAG_KEYS,
  LOCK_FLAGS,
  type LockFlag,
  type LockWish,
  type TdiReport,
  type TdispCapabilities,
  TdispClient,
  type TdispClientOptions,
  type TdispVendorMessage,
} from './client.js'
export {
  interfaceIdOf,
  type SendPayload,
  TDISP_VERSION_1_0,
  type TdiAddress,
  tdiName,
  type TdispQuestion,
  tdispQuestion,
} from './exchange.js'
export {BODY, FUNCTION_ID, INTERFACE_ID, TDISP_HEADER} from './header.js'
export * from './messages.js'
export * from './names.js'
export {decodeTdispPayload, TDISP_PROTOCOL, tdispMessage, tdispPayload} from './payload.js'
export * from './placement.js'
export * from './report-facts.js'
export * from './state-machine.js'
export {INTERFACE_REPORT, type InterfaceReport, MMIO_RANGE, msixControl} from './report.js'

/** Every layout of this room, for `tsmctl decode`, the generated reference and the property tests. */
export const LAYOUTS: readonly AnyLayout[] = [
  TDISP_HEADER,
  FUNCTION_ID,
  INTERFACE_ID,
  ...Object.values(TDISP_MESSAGES),
  INTERFACE_REPORT,
  MMIO_RANGE,
]
