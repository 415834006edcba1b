export type {
  BridgeAccount,
  IdeAccount,
  IdeFinding,
  LinkStreamAccount,
  LinkStreamEnd,
  Numbers,
  PortAccount,
  Role,
  Severity,
  StreamAccount,
  StreamEnd,
  StreamState,
} from './account.js'
export {accountOf} from './accounting/account-of.js'
export {isIdTaken, nextSlot} from './accounting/bridges.js'
export {type FindingCode, FINDINGS} from './accounting/codes.js'
export {subjectOf} from './accounting/stream-findings.js'
export {
  addressRange,
  type AddressRange,
  decodeIde,
  decodeIdeRegisters,
  type Ide,
  type Idle,
  IDLE_STREAM_ID,
  type LinkStream,
  readIde,
  type SelectiveStream,
} from './decode.js'
export {addressAssociation, type EncodableAssociation, type EncodableIde, encodeIde} from './encode.js'
export {
  type Fabric,
  FABRIC_PORT_TYPE,
  type FabricBridge,
  type FabricFunction,
  type FabricLink,
  type FabricWindow,
} from './fabric.js'
export {KmClient, type KmClientOptions, type KmPort} from './km-client.js'
export {
  ifvToWire,
  KEY_DIRECTIONS,
  KEY_SIZE,
  keyFromWire,
  type KeyDirection,
  type KeySlot,
  keyToWire,
  SUB_STREAMS,
  type SubStream,
} from './km-keys.js'
export {kmStreamEnd, programStream, type KeyedEnd, stopStream, type StreamKeys} from './km-stream.js'
export {
  decodeKmObject,
  IDE_KM_PROTOCOL,
  KEY_PROG_STATUS,
  KM_KEY_PROG,
  KM_KEY_PROG_ACK,
  KM_KEY_SET_GO,
  KM_KEY_SET_GOSTOP_ACK,
  KM_KEY_SET_STOP,
  KM_OBJECT,
  KM_QUERY,
  KM_QUERY_RESPONSE,
  SUB_STREAM,
  SUB_STREAM_NAMES,
} from './km.js'
export {LAYOUTS} from './layouts.js'
export {planInput, type PlanWish} from './plan-input.js'
export {planStreams} from './plan.js'
export type {
  Allocation,
  Conflict,
  Disconnect,
  PlanBridge,
  PlanDevice,
  PlanInput,
  PlanRootPort,
  PlanStream,
  Refusal,
  Resource,
  Room,
  Standing,
  StreamIdRule,
  StreamPlan,
} from './plan-types.js'
export {
  ADDRESS_ASSOCIATION,
  ALGORITHM_NAMES,
  IDE_CAPABILITY,
  IDE_CAPABILITY_ID,
  IDE_REGISTERS,
  LINK_STREAM,
  SELECTIVE_STREAM,
  STREAM_STATE,
  STREAM_STATE_NAMES,
} from './registers.js'
