/** CHALLENGE and CHALLENGE_AUTH (DSP0274 1.3 §10.8). */
import {bit, bits, bytes, type Context, layout, NEXT, reserved, type Seen, u16, u8} from '../../bits/index.js'
import {sizeOf} from './context.js'
import {header, since} from './header.js'
import {NONCE_SIZE, REQUESTER_CONTEXT_SIZE} from './measurements.js'

const SPEC = 'DSP0274 1.3 §10.8'

/** SlotID that stands for the public key the requester was provisioned with; 0xF where a field has four bits. */
export const PUBLIC_KEY_SLOT = 0xff

/** Which measurements a MeasurementSummaryHash covers. */
export const SUMMARY_TYPE = {none: 0, tcb: 1, all: 0xff} as const
export const SUMMARY_TYPE_NAMES: Readonly<Record<number, string>> = {0: 'none', 1: 'TCB', 0xff: 'all'}

export const summarySize = (_: Seen, context: Context): number => (context.summary === 1 ? (context.hashSize ?? 0) : 0)

export const CHALLENGE = layout(
  {
    id: 'spdm-challenge',
    name: 'CHALLENGE',
    spec: SPEC,
    contexts: [{}, {version: 0x10}, {version: 0x12}, {version: 0x13}],
  },
  {
    ...header('CHALLENGE'),
    slotId: u8(2, 'Param1: SlotID; 0xFF is the provisioned public key'),
    measurementSummaryHashType: u8(3, 'Param2: MeasurementSummaryHashType', {names: SUMMARY_TYPE_NAMES}),
    nonce: bytes(4, NONCE_SIZE, 'Nonce of the requester'),
    requesterContext: bytes(NEXT, REQUESTER_CONTEXT_SIZE, 'RequesterContext', {when: since(0x13)}),
  },
)

export const CHALLENGE_AUTH = layout(
  {
    id: 'spdm-challenge-auth',
    name: 'CHALLENGE_AUTH',
    spec: SPEC,
    contexts: [
      {hashSize: 48, signatureSize: 96, summary: 1},
      {version: 0x10, hashSize: 32, signatureSize: 64},
      {version: 0x13, hashSize: 48, signatureSize: 96},
    ],
  },
  {
    ...header('CHALLENGE_AUTH'),
    slotId: bits(2, 1, 3, 0, 'Param1: SlotID; 0xF is the provisioned public key'),
    param1: reserved(2, 1, 6, 4),
    basicMutAuthReq: bit(2, 1, 7, 'Param1: BasicMutAuthReq (1.1, deprecated)'),
    slotMask: u8(
      3,
      'Param2: mask of provisioned slots, the one asked for among them; 0 for the provisioned public key',
    ),
    certChainHash: bytes(NEXT, sizeOf('hashSize'), 'CertChainHash'),
    nonce: bytes(NEXT, NONCE_SIZE, 'Nonce of the responder'),
    measurementSummaryHash: bytes(NEXT, summarySize, 'MeasurementSummaryHash, if asked for'),
    opaqueDataLength: u16(NEXT, 'OpaqueDataLength'),
    opaqueData: bytes(NEXT, 'opaqueDataLength', 'OpaqueData'),
    requesterContext: bytes(NEXT, REQUESTER_CONTEXT_SIZE, 'RequesterContext, echoed', {when: since(0x13)}),
    signature: bytes(NEXT, sizeOf('signatureSize'), 'Signature over M1/M2'),
  },
)
