/** Every layout of this room, for `tsmctl decode`, the generated reference and the property tests. */
import type {AnyLayout} from '../bits/index.js'
import {
  KM_KEY_PROG,
  KM_KEY_PROG_ACK,
  KM_KEY_SET_GO,
  KM_KEY_SET_GOSTOP_ACK,
  KM_KEY_SET_STOP,
  KM_QUERY,
  KM_QUERY_RESPONSE,
} from './km.js'
import {ADDRESS_ASSOCIATION, IDE_CAPABILITY, IDE_REGISTERS, LINK_STREAM, SELECTIVE_STREAM} from './registers.js'

export const LAYOUTS: readonly AnyLayout[] = [
  IDE_CAPABILITY,
  IDE_REGISTERS,
  LINK_STREAM,
  SELECTIVE_STREAM,
  ADDRESS_ASSOCIATION,
  KM_QUERY,
  KM_QUERY_RESPONSE,
  KM_KEY_PROG,
  KM_KEY_PROG_ACK,
  KM_KEY_SET_GO,
  KM_KEY_SET_STOP,
  KM_KEY_SET_GOSTOP_ACK,
]
