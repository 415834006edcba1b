import type {AnyLayout} from '../bits/index.js'
import {MESSAGE_PARTS, SPDM_MESSAGES} from './messages/index.js'
import {APPLICATION_DATA, MCTP_SECURED_MESSAGE, SECURED_MESSAGE} from './session/index.js'

export * from './algorithms.js'
export * from './certificates/index.js'
export * from './crypto/index.js'
export * from './measurements/index.js'
export * from './messages/index.js'
export * from './negotiation/index.js'
export * from './observer/index.js'
export * from './requester/index.js'
export * from './responder/index.js'
export * from './session/index.js'
export type * from './side.js'
export * from './transcript/index.js'
export * from './transport/index.js'
export {versionText} from './version.js'

/** Every layout of this room, for `tsmctl decode`, the generated reference and the property tests. */
export const LAYOUTS: readonly AnyLayout[] = [
  ...Object.values(SPDM_MESSAGES),
  ...MESSAGE_PARTS,
  SECURED_MESSAGE,
  MCTP_SECURED_MESSAGE,
  APPLICATION_DATA,
]
