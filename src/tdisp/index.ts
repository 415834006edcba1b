import type {AnyLayout} from '../bits/index.js'
import {FUNCTION_ID, INTERFACE_ID, TDISP_HEADER} from './header.js'
import {TDISP_MESSAGES} from './messages.js'
import {INTERFACE_REPORT, MMIO_RANGE} from './report.js'

export {FUNCTION_ID, INTERFACE_ID, TDISP_HEADER} from './header.js'
export * from './messages.js'
export * from './names.js'
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
