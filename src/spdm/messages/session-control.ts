/** HEARTBEAT, KEY_UPDATE, END_SESSION and their acknowledgements (DSP0274 1.3 §10.18 to §10.20). */
import {bit, layout, reserved, u8} from '../../bits/index.js'
import {header} from './header.js'

const empty = {param1: reserved(2, 1), param2: reserved(3, 1)}

export const HEARTBEAT = layout(
  {id: 'spdm-heartbeat', name: 'HEARTBEAT', spec: 'DSP0274 1.3 §10.18'},
  {...header('HEARTBEAT'), ...empty},
)
export const HEARTBEAT_ACK = layout(
  {id: 'spdm-heartbeat-ack', name: 'HEARTBEAT_ACK', spec: 'DSP0274 1.3 §10.18'},
  {...header('HEARTBEAT_ACK'), ...empty},
)

export const KEY_OPERATION = {updateKey: 1, updateAllKeys: 2, verifyNewKey: 3} as const

const update = {
  keyOperation: u8(2, 'Param1: KeyOperation', {names: {1: 'UpdateKey', 2: 'UpdateAllKeys', 3: 'VerifyNewKey'}}),
  tag: u8(3, 'Param2: Tag, echoed'),
}
export const KEY_UPDATE = layout(
  {id: 'spdm-key-update', name: 'KEY_UPDATE', spec: 'DSP0274 1.3 §10.19'},
  {...header('KEY_UPDATE'), ...update},
)
export const KEY_UPDATE_ACK = layout(
  {id: 'spdm-key-update-ack', name: 'KEY_UPDATE_ACK', spec: 'DSP0274 1.3 §10.19'},
  {...header('KEY_UPDATE_ACK'), ...update},
)

export const END_SESSION = layout(
  {id: 'spdm-end-session', name: 'END_SESSION', spec: 'DSP0274 1.3 §10.20'},
  {
    ...header('END_SESSION'),
    clearNegotiatedState: bit(2, 1, 0, 'Param1: the responder need not preserve the negotiated state'),
    param1: reserved(2, 1, 7, 1),
    param2: reserved(3, 1),
  },
)
export const END_SESSION_ACK = layout(
  {id: 'spdm-end-session-ack', name: 'END_SESSION_ACK', spec: 'DSP0274 1.3 §10.20'},
  {...header('END_SESSION_ACK'), ...empty},
)
