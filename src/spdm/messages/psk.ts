/** PSK_EXCHANGE, PSK_FINISH and their responses (DSP0274 1.3 §10.17). */
import {bytes, layout, NEXT, reserved, u16, u8} from '../../bits/index.js'
import {SUMMARY_TYPE_NAMES, summarySize} from './challenge.js'
import {sizeOf} from './context.js'
import {header, since} from './header.js'
import {sessionPolicy} from './key-exchange.js'

const SPEC = 'DSP0274 1.3 §10.17'

export const PSK_EXCHANGE = layout(
  {id: 'spdm-psk-exchange', name: 'PSK_EXCHANGE', spec: SPEC},
  {
    ...header('PSK_EXCHANGE'),
    measurementSummaryHashType: u8(2, 'Param1: MeasurementSummaryHashType', {names: SUMMARY_TYPE_NAMES}),
    ...sessionPolicy(3),
    reqSessionId: u16(4, 'ReqSessionID: low half of the session ID'),
    pskHintLength: u16(6, 'PSKHintLength'),
    requesterContextLength: u16(8, 'RequesterContextLength'),
    opaqueDataLength: u16(10, 'OpaqueDataLength'),
    pskHint: bytes(NEXT, 'pskHintLength', 'PSKHint: which key is meant'),
    requesterContext: bytes(NEXT, 'requesterContextLength', 'RequesterContext'),
    opaqueData: bytes(NEXT, 'opaqueDataLength', 'OpaqueData'),
  },
)

export const PSK_EXCHANGE_RSP = layout(
  {
    id: 'spdm-psk-exchange-rsp',
    name: 'PSK_EXCHANGE_RSP',
    spec: SPEC,
    contexts: [{hashSize: 48}, {version: 0x12, hashSize: 32, summary: 1}],
  },
  {
    ...header('PSK_EXCHANGE_RSP'),
    heartbeatPeriod: u8(2, 'Param1: HeartbeatPeriod in seconds, 0 for none'),
    param2: reserved(3, 1),
    rspSessionId: u16(4, 'RspSessionID: high half of the session ID'),
    reserved6: reserved(6, 2),
    responderContextLength: u16(8, 'ResponderContextLength; 0 if the responder takes no context'),
    opaqueDataLength: u16(10, 'OpaqueDataLength'),
    measurementSummaryHash: bytes(NEXT, summarySize, 'MeasurementSummaryHash, if asked for'),
    responderContext: bytes(NEXT, 'responderContextLength', 'ResponderContext'),
    opaqueData: bytes(NEXT, 'opaqueDataLength', 'OpaqueData'),
    responderVerifyData: bytes(NEXT, sizeOf('hashSize'), 'ResponderVerifyData'),
  },
)

const finish = <const N extends 'PSK_FINISH' | 'PSK_FINISH_RSP'>(name: N) => ({
  ...header(name),
  param1: reserved(2, 1),
  param2: reserved(3, 1),
  opaqueDataLength: u16(NEXT, 'OpaqueDataLength (1.4)', {when: since(0x14)}),
  opaqueData: bytes(NEXT, 'opaqueDataLength', 'OpaqueData (1.4)', {when: since(0x14)}),
})

export const PSK_FINISH = layout(
  {id: 'spdm-psk-finish', name: 'PSK_FINISH', spec: SPEC, contexts: [{hashSize: 48}, {version: 0x14, hashSize: 32}]},
  {
    ...finish('PSK_FINISH'),
    requesterVerifyData: bytes(NEXT, sizeOf('hashSize'), 'RequesterVerifyData'),
  },
)

export const PSK_FINISH_RSP = layout(
  {id: 'spdm-psk-finish-rsp', name: 'PSK_FINISH_RSP', spec: SPEC, contexts: [{}, {version: 0x14}]},
  finish('PSK_FINISH_RSP'),
)
