/** Messages of certificates, sessions, chunks, events, logs and keys, byte by byte (DSP0274 1.1 to 1.4). */
import {describe, expect, it} from 'vitest'
import {type AnyLayout, DecodeError, fromHex, toHex} from '../../src/bits/index.js'
import {
  CSR,
  DEVICE_CLASS_IDENTIFIER,
  DMTF_MEL,
  ERROR,
  errorDetail,
  type MessageContext,
  SPDM_CODE,
  SPDM_MESSAGES,
  STANDARDS_HEADER,
  STRUCTURED_MANIFEST,
} from '../../src/spdm/index.js'

const H = 'ab'.repeat(32)
const NONCE = 'cd'.repeat(32)
const POINT = 'ef'.repeat(64)
const SIGNATURE = '5a'.repeat(64)
const OPAQUE = '01000000 00000400 01000012'

const M = SPDM_MESSAGES
const SHA256 = {hashSize: 32}

it.each<[string, AnyLayout, string, Readonly<Record<string, unknown>>, MessageContext?]>([
  ['GET_DIGESTS', M.GET_DIGESTS, '12 81 00 00', {}],
  ['DIGESTS', M.DIGESTS, `12 01 00 03 ${H} ${H}`, {provisionedSlotMask: 3, digests: [{}, {}]}, SHA256],
  [
    'DIGESTS of a multi-key connection',
    M.DIGESTS,
    `13 01 13 13 ${H} ${H} ${H} 04 04 10 01 01 01 0f00 0f00 0f00`,
    {
      supportedSlotMask: 0x13,
      keyPairIds: fromHex('040410'),
      certificateInfo: fromHex('010101'),
      keyUsageMasks: [{mask: 15}, {mask: 15}, {mask: 15}],
    },
    {...SHA256, multiKey: 1},
  ],
  ['GET_CERTIFICATE', M.GET_CERTIFICATE, '12 82 00 00 0000 ffff', {length: 0xffff, largeLength: undefined}],
  ['GET_CERTIFICATE large', M.GET_CERTIFICATE, '14 82 80 00 0000 0000 00000000 f07f0200', {largeLength: 0x27ff0}],
  ['GET_CERTIFICATE 1.2, reserved bit set', M.GET_CERTIFICATE, '12 82 80 00 0000 ffff', {largeLength: undefined}],
  ['GET_CERTIFICATE, size of the slot', M.GET_CERTIFICATE, '13 82 01 01 0000 0000', {slotSizeRequested: true}],
  ['CERTIFICATE', M.CERTIFICATE, '12 02 00 00 0200 0300 abcd', {remainderLength: 3, certChain: fromHex('abcd')}],
  [
    'CERTIFICATE large',
    M.CERTIFICATE,
    '14 02 80 01 0000 0000 02000000 00000000 abcd',
    {largeCertChain: true, certificateInfo: 1, largePortionLength: 2},
  ],
  ['CHALLENGE', M.CHALLENGE, `12 83 00 ff ${NONCE}`, {measurementSummaryHashType: 0xff, requesterContext: undefined}],
  [
    'CHALLENGE 1.3',
    M.CHALLENGE,
    `13 83 00 00 ${NONCE} 1122334455667788`,
    {requesterContext: fromHex('1122334455667788')},
  ],
  [
    'CHALLENGE_AUTH',
    M.CHALLENGE_AUTH,
    `12 03 00 01 ${H} ${NONCE} ${H} 0000 ${SIGNATURE}`,
    {slotMask: 1, opaqueDataLength: 0},
    {...SHA256, summary: 1, signatureSize: 64},
  ],
  [
    'KEY_EXCHANGE',
    M.KEY_EXCHANGE,
    `12 e4 ff 00 ffff 01 00 ${NONCE} ${POINT} 1400 01000000 00000900 01010300 10001100 12000000`,
    {reqSessionId: 0xffff, terminationPolicy: true, opaqueDataLength: 20},
    {exchangeSize: 64},
  ],
  [
    'KEY_EXCHANGE_RSP, handshake in the clear',
    M.KEY_EXCHANGE_RSP,
    `12 64 f0 00 ffff 00 00 ${NONCE} ${POINT} ${H} 0c00 ${OPAQUE} ${SIGNATURE}`,
    {heartbeatPeriod: 240, rspSessionId: 0xffff, responderVerifyData: new Uint8Array()},
    {...SHA256, responseExchangeSize: 64, signatureSize: 64, summary: 1, clearHandshake: 1},
  ],
  ['FINISH', M.FINISH, `12 e5 00 00 ${H}`, {signatureIncluded: false}, SHA256],
  ['FINISH 1.4', M.FINISH, `14 e5 00 00 0000 ${H}`, {opaqueDataLength: 0}, SHA256],
  ['FINISH_RSP in the clear', M.FINISH_RSP, `12 65 00 00 ${H}`, {}, {...SHA256, clearHandshake: 1}],
  ['FINISH_RSP in the session', M.FINISH_RSP, '13 65 00 00', {}, SHA256],
  [
    'PSK_EXCHANGE',
    M.PSK_EXCHANGE,
    '12 e6 00 01 ffff 0200 0100 0300 abcd ee 010203',
    {pskHint: fromHex('abcd'), requesterContext: fromHex('ee'), opaqueData: fromHex('010203')},
  ],
  [
    'PSK_EXCHANGE_RSP',
    M.PSK_EXCHANGE_RSP,
    `12 66 00 00 feff 0000 0100 0000 ee ${H}`,
    {rspSessionId: 0xfffe, responderContext: fromHex('ee')},
    SHA256,
  ],
  ['KEY_UPDATE', M.KEY_UPDATE, '12 e9 02 67', {keyOperation: 2, tag: 0x67}],
  ['END_SESSION', M.END_SESSION, '12 ec 01 00', {clearNegotiatedState: true}],
  [
    'CHUNK_RESPONSE, first of 1.4',
    M.CHUNK_RESPONSE,
    '14 06 00 01 0000 0000 02000000 e5410000 abcd',
    {handle: 1, lastChunk: false, chunkSize: 2, largeMessageSize: 0x41e5},
  ],
  ['CHUNK_RESPONSE, last', M.CHUNK_RESPONSE, '14 06 01 01 0300 0000 01000000 ab', {chunkSeqNo: 3, lastChunk: true}],
  ['CHUNK_GET 1.2', M.CHUNK_GET, '12 86 00 01 0200', {chunkSeqNo: 2, chunkSeqNoHigh: undefined}],
  ['CHUNK_GET 1.4', M.CHUNK_GET, '14 86 00 01 0200 0100', {chunkSeqNo: 2, chunkSeqNoHigh: 1}],
  ['CHUNK_SEND_ACK 1.2', M.CHUNK_SEND_ACK, '12 05 00 01 0000 127f0100', {response: fromHex('127f0100')}],
  ['CHUNK_SEND_ACK 1.4', M.CHUNK_SEND_ACK, '14 05 00 01 0000 0000 147f0100', {response: fromHex('147f0100')}],
  ['RESPOND_IF_READY', M.RESPOND_IF_READY, '12 ff e0 07', {requestCode: SPDM_CODE.GET_MEASUREMENTS, token: 7}],
  [
    'VENDOR_DEFINED_REQUEST to PCI-SIG',
    M.VENDOR_DEFINED_REQUEST,
    '12 fe 00 00 0300 02 0100 0400 00000000',
    {standardId: 3, vendorId: fromHex('0100'), payloadLength: 4},
  ],
  [
    'VENDOR_DEFINED_RESPONSE, large, garbage in the short length',
    M.VENDOR_DEFINED_RESPONSE,
    '14 7e 80 00 0300 02 0100 beef 02000000 0001',
    {largePayloadLength: 2, payload: fromHex('0001')},
  ],
  ['GET_SUPPORTED_EVENT_TYPES', M.GET_SUPPORTED_EVENT_TYPES, '13 e2 00 00', {}],
  ['SUPPORTED_EVENT_TYPES', M.SUPPORTED_EVENT_TYPES, '13 62 01 00 02000000 abcd', {eventGroupCount: 1}],
  ['SUBSCRIBE_EVENT_TYPES, to none', M.SUBSCRIBE_EVENT_TYPES, '13 f0 00 00', {subscribeList: undefined}],
  ['SUBSCRIBE_EVENT_TYPES', M.SUBSCRIBE_EVENT_TYPES, '13 f0 01 00 02000000 abcd', {subscribeListLength: 2}],
  ['SUBSCRIBE_EVENT_TYPES_ACK', M.SUBSCRIBE_EVENT_TYPES_ACK, '13 70 00 00', {}],
  [
    'SEND_EVENT',
    M.SEND_EVENT,
    '13 f1 00 00 01000000 05000000 00000000 00 00 0400 0100 03',
    {events: [{eventInstanceId: 5, eventGroup: {registryId: 0}, eventTypeId: 4, eventDetail: fromHex('03')}]},
  ],
  ['EVENT_ACK', M.EVENT_ACK, '13 71 00 00', {}],
  [
    'GET_MEASUREMENT_EXTENSION_LOG',
    M.GET_MEASUREMENT_EXTENSION_LOG,
    '13 ef 00 00 00000000 f4110000',
    {offset: 0, length: 0x11f4},
  ],
  ['MEASUREMENT_EXTENSION_LOG', M.MEASUREMENT_EXTENSION_LOG, '13 6f 00 00 01000000 02000000 ab', {remainderLength: 2}],
  [
    'measurement extension log',
    DMTF_MEL,
    `03000000 2f000000 ${'00'.repeat(8)} 01000000 11 000000 89 0300 524f4d
     02000000 11 000000 89 0700 426f6f74204657 03000000 11 000000 86 0400 0a030001`,
    {
      entries: [
        {melIndex: 1, measurementIndex: 0x11, valueType: 9, rawBitStream: true},
        {melIndex: 2, valueSize: 7},
        {melIndex: 3, valueType: 6},
      ],
    },
  ],
  ['GET_ENDPOINT_INFO', M.GET_ENDPOINT_INFO, '13 87 01 00 00 000000', {subCode: 1, nonce: undefined}],
  [
    'GET_ENDPOINT_INFO signed',
    M.GET_ENDPOINT_INFO,
    `13 87 01 0f 01 000000 ${NONCE}`,
    {slotId: 15, nonce: fromHex(NONCE)},
  ],
  ['ENDPOINT_INFO', M.ENDPOINT_INFO, '13 07 00 00 00000000 02000000 abcd', {nonce: undefined, endpointInfoLength: 2}],
  [
    'ENDPOINT_INFO signed',
    M.ENDPOINT_INFO,
    `13 07 00 02 00000000 ${NONCE} 02000000 abcd ${SIGNATURE}`,
    {slotId: 2, signature: fromHex(SIGNATURE)},
    {signatureSize: 64},
  ],
  [
    'device class identifier',
    DEVICE_CLASS_IDENTIFIER,
    '01 000000 07 03 02 0100 01 01 aa',
    {
      identifiers: [
        {
          length: 7,
          identifiers: [
            {authority: {registryId: 3, vendorId: fromHex('0100')}, subordinates: [{identifier: fromHex('aa')}]},
          ],
        },
      ],
    },
  ],
  ['GET_KEY_PAIR_INFO', M.GET_KEY_PAIR_INFO, '13 fc 00 00 01', {keyPairId: 1}],
  [
    'KEY_PAIR_INFO 1.3',
    M.KEY_PAIR_INFO,
    '13 7c 00 00 02 01 0c00 0f00 0100 08000000 08000000 0200 01 0500',
    {totalKeyPairs: 2, certAssocCap: true, keyUsageCap: true, currentAsymAlgo: 8, pqcAsymAlgoCapabilities: undefined},
  ],
  [
    'KEY_PAIR_INFO 1.4',
    M.KEY_PAIR_INFO,
    '14 7c 00 00 02 01 0c00 0f00 0100 00000000 00000000 0000 01 04 07000000 04 02000000',
    {pqcAsymAlgoCapabilities: fromHex('07000000'), currentPqcAsymAlgo: fromHex('02000000')},
  ],
  ['SET_KEY_PAIR_INFO, erase', M.SET_KEY_PAIR_INFO, '13 fd 01 00 02', {operation: 1, desiredKeyUsage: undefined}],
  [
    'SET_KEY_PAIR_INFO, change',
    M.SET_KEY_PAIR_INFO,
    '13 fd 00 00 02 00 0f00 08000000 01',
    {desiredAsymAlgo: 8, desiredAssocCertSlotMask: 1, desiredPqcAsymAlgo: undefined},
  ],
  [
    'SET_KEY_PAIR_INFO 1.4',
    M.SET_KEY_PAIR_INFO,
    '14 fd 02 00 02 00 0f00 00000000 01 04 02000000',
    {desiredPqcAsymAlgo: fromHex('02000000')},
  ],
  ['SET_KEY_PAIR_INFO_ACK', M.SET_KEY_PAIR_INFO_ACK, '13 7d 00 00', {}],
  [
    'GET_CSR',
    M.GET_CSR,
    '13 ed 01 91 0100 0200 aa bbcc',
    {keyPairId: 1, certificateModel: 1, csrTrackingTag: 2, overwrite: true, opaqueData: fromHex('bbcc')},
  ],
  ['CSR', CSR, '12 6d 00 00 0200 0000 3000', {csrLength: 2}],
  ['SET_CERTIFICATE', M.SET_CERTIFICATE, '13 ee 21 03 abcd', {slotId: 1, certificateModel: 2, keyPairId: 3}],
  ['SET_CERTIFICATE, erase', M.SET_CERTIFICATE, '13 ee 81 00', {erase: true, certChain: undefined}],
  ['SET_CERTIFICATE_RSP', M.SET_CERTIFICATE_RSP, '13 6e 01 00', {slotId: 1}],
  ['SLOT_MANAGEMENT', M.SLOT_MANAGEMENT, '14 88 20 00 abcd', {subCode: 0x20, body: fromHex('abcd')}],
  ['GET_ENCAPSULATED_REQUEST', M.GET_ENCAPSULATED_REQUEST, '12 ea 00 00', {}],
  ['ENCAPSULATED_REQUEST', M.ENCAPSULATED_REQUEST, '12 6a 01 00 12810000', {encapsulatedRequest: fromHex('12810000')}],
  [
    'DELIVER_ENCAPSULATED_RESPONSE',
    M.DELIVER_ENCAPSULATED_RESPONSE,
    '12 eb 01 00 127f0100',
    {encapsulatedResponse: fromHex('127f0100')},
  ],
  [
    'ENCAPSULATED_RESPONSE_ACK 1.1',
    M.ENCAPSULATED_RESPONSE_ACK,
    '11 6b 02 01 11820000 0000ffff',
    {ackRequestId: undefined, encapsulatedRequest: fromHex('118200000000ffff')},
  ],
  [
    'ENCAPSULATED_RESPONSE_ACK 1.2, slot number',
    M.ENCAPSULATED_RESPONSE_ACK,
    '12 6b 00 02 01000000 03',
    {ackRequestId: 1, slotNumber: 3, encapsulatedRequest: undefined},
  ],
  ['ENCAPSULATED_RESPONSE_ACK, done', M.ENCAPSULATED_RESPONSE_ACK, '12 6b 00 00 01000000', {slotNumber: undefined}],
  ['standards body header', STANDARDS_HEADER, '03 02 0100', {registryId: 3, vendorId: fromHex('0100')}],
  ['structured manifest', STRUCTURED_MANIFEST, '00 00 abcd', {format: {registryId: 0}, manifest: fromHex('abcd')}],
])('%s', (_, layout, hexText, fields, context = {}) => {
  const bytes = fromHex(hexText)
  const value = layout.decode(bytes, context as Record<string, number>)
  expect(value).toMatchObject(fields)
  expect(toHex(layout.encode(value, context as Record<string, number>))).toBe(toHex(bytes))
})

it('every code has a layout, which states that code', () => {
  for (const [name, layout] of Object.entries(SPDM_MESSAGES)) {
    expect(layout.name).toBe(name)
    expect(layout.encode({})[1]).toBe(SPDM_CODE[name as keyof typeof SPDM_CODE])
  }
  expect(Object.keys(SPDM_MESSAGES).toSorted()).toEqual(Object.keys(SPDM_CODE).toSorted())
})

const detail = (hexText: string) => errorDetail(ERROR.decode(fromHex(hexText)))

describe('extended data of an ERROR', () => {
  it.each([
    ['ResponseTooLarge', '12 7f 0d 00 00800200', {actualSize: 0x28000}],
    ['DataTooLarge', '14 7f 12 00 d5410000', {actualSize: 0x41d5}],
    [
      'VendorDefined',
      '12 7f ff 03 02 0100 abcd',
      {vendor: {registryId: 3, vendorId: fromHex('0100'), data: fromHex('abcd')}},
    ],
    ['absent', '12 7f 0d 00', undefined],
    ['of a code that gives it no meaning', '12 7f 01 00 abcdabcd', undefined],
  ])('%s', (_, hexText, expected) => expect(detail(hexText)).toEqual(expected))

  it.each([
    ['of another size', '12 7f 0d 00 0080'],
    ['with a vendor ID beyond its end', '12 7f ff 03 08 0100'],
    ['of more than 32 bytes', `12 7f 01 00 ${'00'.repeat(33)}`],
  ])('%s is refused', (_, hexText) => expect(() => detail(hexText)).toThrow(DecodeError))
})
