/** KEY_EXCHANGE, FINISH and their responses (DSP0274 1.3 §10.15, §10.16). */
import {bit, bits, bytes, type Context, layout, NEXT, reserved, type Seen, u16, u8} from '../../bits/index.js'
import {SUMMARY_TYPE_NAMES, summarySize} from './challenge.js'
import {sizeOf} from './context.js'
import {header, since} from './header.js'

const KEY_EXCHANGE_SPEC = 'DSP0274 1.3 §10.15'
const FINISH_SPEC = 'DSP0274 1.3 §10.16'

/** Bytes of RandomData of either side. */
export const RANDOM_SIZE = 32

const opaque = {
  opaqueDataLength: u16(NEXT, 'OpaqueDataLength'),
  opaqueData: bytes(NEXT, 'opaqueDataLength', 'OpaqueData'),
}
/** Opaque data of messages that have it only since 1.4. */
const lateOpaque = {
  opaqueDataLength: u16(NEXT, 'OpaqueDataLength (1.4)', {when: since(0x14)}),
  opaqueData: bytes(NEXT, 'opaqueDataLength', 'OpaqueData (1.4)', {when: since(0x14)}),
}

export const sessionPolicy = (at: number) => ({
  terminationPolicy: bit(at, 1, 0, 'SessionPolicy: terminate on a runtime update (1.2)'),
  eventAllPolicy: bit(at, 1, 1, 'SessionPolicy: subscribe to all events (1.3)'),
  sessionPolicyReserved: reserved(at, 1, 7, 2),
})

export const KEY_EXCHANGE = layout(
  {
    id: 'spdm-key-exchange',
    name: 'KEY_EXCHANGE',
    spec: KEY_EXCHANGE_SPEC,
    contexts: [{exchangeSize: 96}, {version: 0x11, exchangeSize: 64}, {version: 0x14, exchangeSize: 1184}],
  },
  {
    ...header('KEY_EXCHANGE'),
    measurementSummaryHashType: u8(2, 'Param1: MeasurementSummaryHashType', {names: SUMMARY_TYPE_NAMES}),
    slotId: u8(3, 'Param2: SlotID; 0xFF is the provisioned public key'),
    reqSessionId: u16(4, 'ReqSessionID: low half of the session ID'),
    ...sessionPolicy(6),
    reserved7: reserved(7, 1),
    randomData: bytes(8, RANDOM_SIZE, 'RandomData'),
    exchangeData: bytes(NEXT, sizeOf('exchangeSize'), 'ExchangeData: public value, or encapsulation key of a KEM'),
    ...opaque,
  },
)

const verifyDataSize =
  (whenClear: 0 | 1) =>
  (_: Seen, context: Context): number =>
    (context.clearHandshake ?? 0) === whenClear ? (context.hashSize ?? 0) : 0

export const KEY_EXCHANGE_RSP = layout(
  {
    id: 'spdm-key-exchange-rsp',
    name: 'KEY_EXCHANGE_RSP',
    spec: KEY_EXCHANGE_SPEC,
    contexts: [
      {responseExchangeSize: 96, hashSize: 48, signatureSize: 96, summary: 1},
      {version: 0x11, responseExchangeSize: 64, hashSize: 32, signatureSize: 64, clearHandshake: 1},
    ],
  },
  {
    ...header('KEY_EXCHANGE_RSP'),
    heartbeatPeriod: u8(2, 'Param1: HeartbeatPeriod in seconds, 0 for none'),
    param2: reserved(3, 1),
    rspSessionId: u16(4, 'RspSessionID: high half of the session ID'),
    mutAuthRequested: bits(6, 1, 2, 0, 'MutAuthRequested: none or one of three forms', {
      names: {0: 'no', 1: 'without encapsulation', 2: 'encapsulated', 4: 'encapsulated, GET_DIGESTS implied'},
    }),
    mutAuthReserved: reserved(6, 1, 7, 3),
    reqSlotIdParam: bits(7, 1, 3, 0, 'ReqSlotIDParam: slot the requester must use'),
    slotIdReserved: reserved(7, 1, 7, 4),
    randomData: bytes(8, RANDOM_SIZE, 'RandomData'),
    exchangeData: bytes(NEXT, sizeOf('responseExchangeSize'), 'ExchangeData: public value, or ciphertext of a KEM'),
    measurementSummaryHash: bytes(NEXT, summarySize, 'MeasurementSummaryHash, if asked for'),
    ...opaque,
    signature: bytes(NEXT, sizeOf('signatureSize'), 'Signature over TH'),
    responderVerifyData: bytes(NEXT, verifyDataSize(0), 'ResponderVerifyData, unless the handshake is in the clear'),
  },
)

export const FINISH = layout(
  {
    id: 'spdm-finish',
    name: 'FINISH',
    spec: FINISH_SPEC,
    contexts: [
      {hashSize: 48},
      {version: 0x12, hashSize: 48, requesterSignatureSize: 96},
      {version: 0x14, hashSize: 32},
    ],
  },
  {
    ...header('FINISH'),
    signatureIncluded: bit(2, 1, 0, 'Param1: Signature included'),
    param1: reserved(2, 1, 7, 1),
    reqSlotId: u8(3, 'Param2: slot of the requester; 0xFF is its provisioned public key'),
    ...lateOpaque,
    signature: bytes(
      NEXT,
      (seen: Seen, context: Context) => (seen.signatureIncluded ? (context.requesterSignatureSize ?? 0) : 0),
      'Signature of the requester, with mutual authentication',
    ),
    requesterVerifyData: bytes(NEXT, sizeOf('hashSize'), 'RequesterVerifyData'),
  },
)

export const FINISH_RSP = layout(
  {
    id: 'spdm-finish-rsp',
    name: 'FINISH_RSP',
    spec: FINISH_SPEC,
    contexts: [{}, {version: 0x12, hashSize: 48, clearHandshake: 1}, {version: 0x14, hashSize: 32}],
  },
  {
    ...header('FINISH_RSP'),
    param1: reserved(2, 1),
    param2: reserved(3, 1),
    ...lateOpaque,
    responderVerifyData: bytes(NEXT, verifyDataSize(1), 'ResponderVerifyData, if the handshake is in the clear'),
  },
)
