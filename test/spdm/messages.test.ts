/** Recorded messages, byte by byte (DSP0274 1.3 §10; SPDM 1.2, SHA-256, ECDSA P-256). */
import {expect, it} from 'vitest'
import {type AnyLayout, DecodeError, fromHex, toHex} from '../../src/bits/index.js'
import {
  ALGORITHMS,
  CAPABILITIES,
  DEVICE_MODE,
  DMTF_MEASUREMENT,
  ERROR,
  GET_CAPABILITIES,
  GET_MEASUREMENTS,
  GET_VERSION,
  MEASUREMENT_BLOCK,
  MEASUREMENTS,
  NEGOTIATE_ALGORITHMS,
  VERSION,
} from '../../src/spdm/index.js'

const NONCE = 'aa'.repeat(32)
const CONTEXT = '1122334455667788'

it.each<[string, AnyLayout, string, Readonly<Record<string, unknown>>]>([
  ['GET_VERSION', GET_VERSION, '10 84 00 00', {spdmVersion: 0x10}],
  [
    'VERSION',
    VERSION,
    '10 04 00 00 00 01 00 12',
    {versionNumberEntries: [{majorVersion: 1, minorVersion: 2, updateVersionNumber: 0, alpha: 0}]},
  ],
  ['GET_CAPABILITIES 1.0', GET_CAPABILITIES, '10 e1 00 00', {flags: undefined, dataTransferSize: undefined}],
  [
    'GET_CAPABILITIES 1.1',
    GET_CAPABILITIES,
    '11 e1 00 00 00 0a 0000 c6f70000',
    {ctExponent: 10, flags: {certCap: true, keyExCap: true}, dataTransferSize: undefined},
  ],
  [
    'GET_CAPABILITIES 1.2',
    GET_CAPABILITIES,
    '12 e1 00 00 00 00 0000 c6f70200 00120000 00800200',
    {
      ctExponent: 0,
      dataTransferSize: 0x1200,
      maxSpdmMsgSize: 0x28000,
      flags: {certCap: true, chalCap: true, encryptCap: true, macCap: true, mutAuthCap: true, keyExCap: true},
    },
  ],
  [
    'CAPABILITIES 1.2',
    CAPABILITIES,
    '12 61 00 00 00 00 0000 f7fb1a00 00120000 00800200',
    {
      flags: {
        cacheCap: true,
        measCap: 2,
        measFreshCap: true,
        pskCap: 2,
        handshakeInTheClearCap: true,
        pubKeyIdCap: false,
        chunkCap: true,
        aliasCertCap: false,
        setCertCap: true,
        csrCap: true,
        multiKeyCap: 0,
      },
    },
  ],
  ['CAPABILITIES 1.0', CAPABILITIES, '10 61 00 00 00 00 0000 1e000000', {dataTransferSize: undefined}],
  [
    'NEGOTIATE_ALGORITHMS',
    NEGOTIATE_ALGORITHMS,
    `12 e3 04 00 3000 01 02 10000000 01000000 ${'00'.repeat(12)} 00000000
     02200800 03200200 04200f00 05200100`,
    {
      length: 48,
      measurementSpecification: 1,
      opaqueDataFmtSupport: 2,
      baseAsymAlgo: 0x10,
      baseHashAlgo: 1,
      algStructures: [
        {algType: 2, algSupported: 8},
        {algType: 3, algSupported: 2},
        {algType: 4, algSupported: 0xf},
        {algType: 5, algSupported: 1},
      ],
    },
  ],
  [
    'ALGORITHMS',
    ALGORITHMS,
    `12 63 04 00 3400 01 02 02000000 10000000 01000000 ${'00'.repeat(12)} 00000000
     02200800 03200200 04200800 05200100`,
    {length: 52, measurementHashAlgo: 2, baseAsymSel: 0x10, baseHashSel: 1, opaqueDataFmtSel: 2},
  ],
  ['GET_MEASUREMENTS unsigned', GET_MEASUREMENTS, '12 e0 02 ff', {rawBitStreamRequested: true, nonce: undefined}],
  [
    'GET_MEASUREMENTS signed 1.0',
    GET_MEASUREMENTS,
    `10 e0 01 ff ${NONCE}`,
    {signatureRequested: true, slotIdParam: undefined},
  ],
  ['GET_MEASUREMENTS signed 1.2', GET_MEASUREMENTS, `12 e0 01 ff ${NONCE} 03`, {slotIdParam: 3}],
  [
    'GET_MEASUREMENTS signed 1.3',
    GET_MEASUREMENTS,
    `13 e0 01 ff ${NONCE} 00 ${CONTEXT}`,
    {requesterContext: fromHex(CONTEXT)},
  ],
  [
    'GET_MEASUREMENTS unsigned 1.3',
    GET_MEASUREMENTS,
    `13 e0 00 00 ${CONTEXT}`,
    {nonce: undefined, requesterContext: fromHex(CONTEXT)},
  ],
  [
    'MEASUREMENTS',
    MEASUREMENTS,
    `12 60 00 20 01 0f0000 10010b00 870800 0700000000000000 ${NONCE} 0200 abcd`,
    {
      contentChanged: 2,
      slotId: 0,
      measurementRecordLength: 15,
      measurementRecord: [{index: 0x10, measurementSpecification: 1, measurementSize: 11}],
      opaqueData: fromHex('abcd'),
    },
  ],
  ['measurement block', MEASUREMENT_BLOCK, `01 01 0300 00 0000`, {index: 1, measurementSize: 3}],
  ['SVN', DMTF_MEASUREMENT, '87 0800 0700000000000000', {valueType: 7, rawBitStream: true, valueSize: 8}],
  [
    'device mode',
    DEVICE_MODE,
    '3f000000 04000000 1f000000 11000000',
    {normalMode: true, manufacturingMode: false, nonInvasiveDebug: true, invasiveDebugSinceManufacturing: true},
  ],
  ['ERROR', ERROR, '12 7f 01 00', {errorCode: 1, errorData: 0}],
  ['ERROR LargeResponse', ERROR, '14 7f 0f 00 01', {errorCode: 0x0f, handle: 1}],
])('%s', (_, layout, hexText, fields) => {
  const bytes = fromHex(hexText)
  const value = layout.decode(bytes)
  expect(value).toMatchObject(fields)
  expect(toHex(layout.encode(value))).toBe(toHex(bytes))
})

it('a version given from outside refuses another one, and is filled in', () => {
  expect(() => GET_MEASUREMENTS.decode(fromHex('12e00000'), {version: 0x11})).toThrow(DecodeError)
  expect(toHex(GET_MEASUREMENTS.encode({signatureRequested: true, measurementOperation: 0xff}, {version: 0x11}))).toBe(
    `11e001ff${'00'.repeat(33)}`,
  )
})

it('the signature is as long as the context says', () => {
  const bytes = MEASUREMENTS.encode({nonce: new Uint8Array(32)}, {version: 0x11, signatureSize: 96})
  expect(bytes).toHaveLength(8 + 32 + 2 + 96)
  expect(() => MEASUREMENTS.decode(bytes, {version: 0x11})).toThrow(DecodeError)
  expect(() => MEASUREMENTS.decode(bytes, {version: 0x11, signatureSize: 64})).toThrow(DecodeError)
})

it('a Length that is not the message’s is refused', () => {
  const bytes = NEGOTIATE_ALGORITHMS.encode({spdmVersion: 0x12, algStructures: [{algType: 2, algSupported: 1}]})
  expect(bytes).toHaveLength(36)
  bytes[4] = 35
  expect(() => NEGOTIATE_ALGORITHMS.decode(bytes)).toThrow('length')
})
