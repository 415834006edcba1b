/** A recorded dialogue with a TDI, message by message; RID 3D08, no segment (PCIe r7.0 §11.3). */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {DecodeError, fromHex, toHex} from '../../src/bits/index.js'
import {
  decodeTdispMessage,
  decodeTdispPayload,
  TDISP_MESSAGE,
  TDISP_MESSAGES,
  type TdispMessageName,
} from '../../src/tdisp/index.js'

const ID = '083d0000 0000000000000000'
const NONCE = 'f226bd36' + '00'.repeat(26) + 'a68a'

/** Body behind the header, as bytes and as fields. */
const VECTORS: readonly (readonly [TdispMessageName, string, Readonly<Record<string, unknown>>])[] = [
  ['GET_TDISP_VERSION', '', {}],
  ['TDISP_VERSION', '01 10', {versionNumCount: 1, versionNumEntries: Uint8Array.of(0x10)}],
  ['GET_TDISP_CAPABILITIES', '00000000', {tsmCaps: 0}],
  [
    'TDISP_CAPABILITIES',
    `00000000 fe${'00'.repeat(15)} 1500 000000 34 01 03`,
    {
      dsmCaps: 0,
      lockNoFwUpdate: true,
      lockSystemCacheLineSize: false,
      lockMsix: true,
      lockBindP2p: false,
      lockAllRequestRedirect: true,
      devAddrWidth: 52,
      numReqThis: 1,
      numReqAll: 3,
    },
  ],
  ['GET_DEVICE_INTERFACE_STATE', '', {}],
  ['DEVICE_INTERFACE_STATE', '00', {tdiState: 0}],
  [
    'LOCK_INTERFACE_REQUEST',
    '1500 07 00 0000000000100000 0000000000000000',
    {
      noFwUpdate: true,
      lockMsix: true,
      bindP2p: false,
      allRequestRedirect: true,
      defaultStreamId: 7,
      mmioReportingOffset: 0x0000_1000_0000_0000n,
      bindP2pAddressMask: 0n,
    },
  ],
  ['LOCK_INTERFACE_RESPONSE', NONCE, {startInterfaceNonce: fromHex(NONCE)}],
  ['TDISP_ERROR', '01010000 00000000', {errorCode: 0x101, errorData: 0}],
  ['TDISP_ERROR', '04000000 00000000', {errorCode: 4}],
  ['START_INTERFACE_REQUEST', NONCE, {startInterfaceNonce: fromHex(NONCE)}],
  ['GET_DEVICE_INTERFACE_REPORT', '0000 4000', {offset: 0, length: 64}],
  ['DEVICE_INTERFACE_REPORT', '0300 2100 0b0000', {portionLength: 3, remainderLength: 33}],
  ['START_INTERFACE_RESPONSE', '', {}],
  ['STOP_INTERFACE_REQUEST', '', {}],
  ['BIND_P2P_STREAM_REQUEST', '05', {p2pStreamId: 5}],
  ['VDM_REQUEST', '01 02 981e aabb', {registryId: 1, vendorIdLength: 2, vendorData: fromHex('aabb')}],
]

const header = (name: TdispMessageName): string => `10${toHex(Uint8Array.of(TDISP_MESSAGE[name]))}0000${ID}`

describe.each(VECTORS)('%s %s', (name, body, fields) => {
  const bytes = fromHex(header(name) + body)

  it('decodes to these fields', () => {
    const {name: decoded, value} = decodeTdispMessage(bytes)
    expect(decoded).toBe(name)
    expect(value).toMatchObject({
      ...fields,
      tdispVersion: 0x10,
      interfaceId: {requesterId: 0x3d08, requesterSegmentValid: false},
    })
  })

  it('encodes from these fields', () => {
    const given = {...fields, tdispVersion: 0x10, interfaceId: {requesterId: 0x3d08}}
    const more =
      name === 'TDISP_CAPABILITIES'
        ? {reqMsgsSupported: bytes.slice(20, 36)}
        : name === 'DEVICE_INTERFACE_REPORT'
          ? {reportBytes: bytes.slice(20)}
          : name === 'VDM_REQUEST'
            ? {vendorId: fromHex('981e')}
            : {}
    expect(toHex(TDISP_MESSAGES[name].encode({...given, ...more}))).toBe(toHex(bytes))
  })
})

const named = (name: string): number => TDISP_MESSAGE[name as TdispMessageName]

it('every response is its request without bit 7', () => {
  expect(named('LOCK_INTERFACE_REQUEST') - named('LOCK_INTERFACE_RESPONSE')).toBe(0x80)
  for (const name of Object.keys(TDISP_MESSAGE).filter(text => text.endsWith('_REQUEST')))
    expect(named(name) - named(name.replace('_REQUEST', '_RESPONSE'))).toBe(0x80)
})

it('any other bytes are refused by name and place', () => {
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 64}), bytes => {
      try {
        const {name} = decodeTdispMessage(bytes)
        expect(TDISP_MESSAGE[name]).toBe(bytes[1])
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
    {numRuns: 500},
  )
  expect(() => decodeTdispMessage(fromHex(`1055 0000 ${ID}`))).toThrow('a defined MessageType')
})

/** Bytes of every message whose size is fixed, header included (§11.3.4 to §11.3.25). */
const SIZES: Readonly<Partial<Record<TdispMessageName, number>>> = {
  GET_TDISP_VERSION: 16,
  GET_TDISP_CAPABILITIES: 20,
  TDISP_CAPABILITIES: 44,
  LOCK_INTERFACE_REQUEST: 36,
  LOCK_INTERFACE_RESPONSE: 48,
  GET_DEVICE_INTERFACE_REPORT: 20,
  GET_DEVICE_INTERFACE_STATE: 16,
  DEVICE_INTERFACE_STATE: 17,
  START_INTERFACE_REQUEST: 48,
  START_INTERFACE_RESPONSE: 16,
  STOP_INTERFACE_REQUEST: 16,
  STOP_INTERFACE_RESPONSE: 16,
  BIND_P2P_STREAM_REQUEST: 17,
  BIND_P2P_STREAM_RESPONSE: 16,
  UNBIND_P2P_STREAM_REQUEST: 17,
  UNBIND_P2P_STREAM_RESPONSE: 16,
  SET_MMIO_ATTRIBUTE_REQUEST: 32,
  SET_MMIO_ATTRIBUTE_RESPONSE: 16,
}

it.each(Object.entries(TDISP_MESSAGES))('%s has its size', (name, {size}) => {
  expect(size).toBe(SIZES[name as TdispMessageName])
})

it('a payload is its ProtocolID and a message', () => {
  expect(decodeTdispPayload(fromHex(`01 10850000 ${ID}`)).name).toBe('GET_DEVICE_INTERFACE_STATE')
  for (const other of ['', `00 10850000 ${ID}`, `10850000 ${ID}`])
    expect(() => decodeTdispPayload(fromHex(other))).toThrow(DecodeError)
})
