/**
 * IDE_KM, the key programming protocol of IDE, PCIe r6.2 §6.33.3: payloads of SPDM VENDOR_DEFINED messages behind the
 * protocol identifier, only ever inside a secured session. Offsets count from the ProtocolID byte, which is 0.
 */
import {
  type AnyLayout,
  bits,
  bytes,
  DecodeError,
  hex,
  layout,
  NEXT,
  reserved,
  REST,
  type Seen,
  u8,
} from '../bits/index.js'

/** ProtocolID of IDE_KM within the PCI-SIG vendor-defined messages. */
export const IDE_KM_PROTOCOL = 0

export const KM_OBJECT = {
  query: 0,
  queryResponse: 1,
  keyProg: 2,
  keyProgAck: 3,
  keySetGo: 4,
  keySetStop: 5,
  keySetGoStopAck: 6,
} as const

/** Status of KP_ACK; values from 05h on are to be treated as 04h. */
export const KEY_PROG_STATUS: Readonly<Record<number, string>> = {
  0: 'success',
  1: 'incorrect length',
  2: 'unsupported port index',
  3: 'unsupported value',
  4: 'unspecified failure',
}

export const SUB_STREAM_NAMES: Readonly<Record<number, string>> = {0: 'PR', 1: 'NPR', 2: 'CPL'}
export const SUB_STREAM = {pr: 0, npr: 1, cpl: 2} as const

const object = <const N extends number>(objectId: N) =>
  ({
    protocolId: u8(0, 'Protocol ID', {is: IDE_KM_PROTOCOL}),
    objectId: u8(1, 'Object ID', {is: objectId}),
  }) as const

/** Which key of which stream: the part that all key messages share. */
const KEY_SELECTOR = {
  streamId: u8(4, 'Stream ID'),
  keySet: bits(6, 1, 0, 0, 'Key Set: 0 K0, 1 K1'),
  transmit: bits(6, 1, 1, 1, 'RxTxB: 0 receive key, 1 transmit key'),
  subStreamReserved: reserved(6, 1, 3, 2),
  subStream: bits(6, 1, 7, 4, 'Key Sub-Stream', {names: SUB_STREAM_NAMES}),
  portIndex: u8(7, 'Port Index, 0 is the port of this DOE instance'),
} as const

export const KM_QUERY = layout(
  {id: 'ide-km-query', name: 'IDE_KM QUERY', spec: 'PCIe r6.2 §6.33.3.1'},
  {...object(KM_OBJECT.query), reserved: reserved(2, 1), portIndex: u8(3, 'Port Index')},
)

export const KM_QUERY_RESPONSE = layout(
  {id: 'ide-km-query-resp', name: 'IDE_KM QUERY_RESP', spec: 'PCIe r6.2 §6.33.3.1'},
  {
    ...object(KM_OBJECT.queryResponse),
    reserved: reserved(2, 1),
    portIndex: u8(3, 'Port Index'),
    deviceFunction: u8(4, 'device 7:3, function 2:0'),
    bus: u8(5, 'Bus Number'),
    segment: u8(6, 'Segment'),
    maxPortIndex: u8(7, 'Max Port Index'),
    registers: bytes(NEXT, REST, 'IDE registers from the IDE Capability Register on'),
  },
)

export const KM_KEY_PROG = layout(
  {id: 'ide-km-key-prog', name: 'IDE_KM KEY_PROG', spec: 'PCIe r6.2 §6.33.3.1'},
  {
    ...object(KM_OBJECT.keyProg),
    reserved: reserved(2, 2),
    reserved5: reserved(5, 1),
    ...KEY_SELECTOR,
    key: bytes(8, 32, 'Key, DW7 first, each dword little-endian'),
    ifv: bytes(40, 8, 'Initial Invocation Field Value, DW1 first, each dword little-endian'),
  },
)

export const KM_KEY_PROG_ACK = layout(
  {id: 'ide-km-kp-ack', name: 'IDE_KM KP_ACK', spec: 'PCIe r6.2 §6.33.3.1'},
  {
    ...object(KM_OBJECT.keyProgAck),
    reserved: reserved(2, 2),
    status: u8(5, 'Status', {names: KEY_PROG_STATUS}),
    ...KEY_SELECTOR,
  },
)

const switching = <const N extends number>(objectId: N) =>
  ({...object(objectId), reserved: reserved(2, 2), reserved5: reserved(5, 1), ...KEY_SELECTOR}) as const

export const KM_KEY_SET_GO = layout(
  {id: 'ide-km-k-set-go', name: 'IDE_KM K_SET_GO', spec: 'PCIe r6.2 §6.33.3.1'},
  switching(KM_OBJECT.keySetGo),
)

export const KM_KEY_SET_STOP = layout(
  {id: 'ide-km-k-set-stop', name: 'IDE_KM K_SET_STOP', spec: 'PCIe r6.2 §6.33.3.1'},
  switching(KM_OBJECT.keySetStop),
)

export const KM_KEY_SET_GOSTOP_ACK = layout(
  {id: 'ide-km-k-gostop-ack', name: 'IDE_KM K_GOSTOP_ACK', spec: 'PCIe r6.2 §6.33.3.1'},
  switching(KM_OBJECT.keySetGoStopAck),
)

/** Layout of the object with an ObjectID. */
const KM_OBJECTS: Readonly<Record<number, AnyLayout>> = {
  [KM_OBJECT.query]: KM_QUERY,
  [KM_OBJECT.queryResponse]: KM_QUERY_RESPONSE,
  [KM_OBJECT.keyProg]: KM_KEY_PROG,
  [KM_OBJECT.keyProgAck]: KM_KEY_PROG_ACK,
  [KM_OBJECT.keySetGo]: KM_KEY_SET_GO,
  [KM_OBJECT.keySetStop]: KM_KEY_SET_STOP,
  [KM_OBJECT.keySetGoStopAck]: KM_KEY_SET_GOSTOP_ACK,
}

/**
 * Decodes a whole IDE_KM payload, ProtocolID first, by its ObjectID. Another ProtocolID, an undefined ObjectID and any
 * wrong size are a DecodeError.
 */
export function decodeKmObject(payload: Uint8Array): {
  readonly name: string
  readonly layout: AnyLayout
  readonly value: Seen
} {
  const objectId = payload[1]
  const found = objectId === undefined ? undefined : KM_OBJECTS[objectId]
  if (found === undefined)
    throw new DecodeError({
      structure: 'IDE_KM object',
      path: 'objectId',
      offset: 1,
      expected: 'a defined Object ID',
      got: objectId === undefined ? `${payload.length} bytes` : hex(objectId, 2),
    })
  return {name: found.name, layout: found, value: found.decode(payload)}
}
