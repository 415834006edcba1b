/** What this room can decode, as tables. */
import type {AnyLayout} from '../bits/index.js'
import {MESSAGE_PARTS, SPDM_MESSAGES} from './messages/index.js'
import {APPLICATION_DATA, MCTP_SECURED_MESSAGE, SECURED_MESSAGE} from './session/index.js'

/** Every layout of this room, for `tsmctl decode`, the generated reference and the property tests. */
export const LAYOUTS: readonly AnyLayout[] = [
  ...Object.values(SPDM_MESSAGES),
  ...MESSAGE_PARTS,
  SECURED_MESSAGE,
  MCTP_SECURED_MESSAGE,
  APPLICATION_DATA,
]
