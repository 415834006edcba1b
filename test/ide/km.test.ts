/** IDE_KM messages, PCIe r6.2 §6.33.3.1, byte for byte. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {DecodeError, fromHex, toHex} from '../../src/bits/index.js'
import {
  decodeKmObject,
  decodeIdeRegisters,
  KEY_PROG_STATUS,
  KM_KEY_PROG,
  KM_KEY_PROG_ACK,
  KM_KEY_SET_GO,
  KM_KEY_SET_GOSTOP_ACK,
  KM_KEY_SET_STOP,
  KM_QUERY,
  KM_QUERY_RESPONSE,
  SUB_STREAM,
} from '../../src/ide/index.js'

describe('messages', () => {
  it.each([
    ['QUERY', KM_QUERY, {portIndex: 2}, '00000002'],
    ['KP_ACK', KM_KEY_PROG_ACK, {streamId: 7, status: 3}, '0003000007030000'],
    ['K_SET_GO', KM_KEY_SET_GO, {streamId: 7, keySet: 1, transmit: 1, subStream: SUB_STREAM.cpl}, '0004000007002300'],
    ['K_SET_STOP', KM_KEY_SET_STOP, {portIndex: 1}, '0005000000000001'],
    ['K_GOSTOP_ACK', KM_KEY_SET_GOSTOP_ACK, {subStream: SUB_STREAM.npr}, '0006000000001000'],
  ])('%s', (_, layout, fields, bytes) => {
    expect(toHex(layout.encode(fields))).toBe(bytes)
    expect(layout.decode(fromHex(bytes))).toMatchObject(fields)
  })

  it('KEY_PROG is 48 bytes: key from 8, IFV from 40', () => {
    const key = Uint8Array.from({length: 32}, (_, i) => i)
    const bytes = KM_KEY_PROG.encode({streamId: 7, key, ifv: fromHex('0000000001000000')})
    expect(toHex(bytes)).toBe(`0002000007000000${toHex(key)}0000000001000000`)
  })
})

it('QUERY_RESP of a device with one selective stream', () => {
  const response = KM_QUERY_RESPONSE.decode(
    fromHex(
      '00 01 00 00 08 3d 00 00  42 00 00 00 00 00 00 00  01 00 00 00 00 00 00 07 00 00 00 00' +
        '00 08 3d 00 01 08 3d 00  00 00 00 00 00 00 00 00 00 00 00 00',
    ),
  )
  expect(response).toMatchObject({portIndex: 0, deviceFunction: 0x08, bus: 0x3d, segment: 0, maxPortIndex: 0})
  expect(decodeIdeRegisters(response.registers)).toMatchObject({
    capability: {ideKm: true, linkSupported: false},
    selectiveStreams: [
      {streamId: 7, enabled: false, rid: {valid: true, base: 0x3d08, limit: 0x3d08}, addresses: [{valid: false}]},
    ],
  })
})

const KEY = '11'.repeat(32)

/** Objects as they were seen between two programs of DMTF. */
describe('objects on the wire', () => {
  it.each<[string, string, object]>([
    ['00 00 00 00', 'IDE_KM QUERY', {portIndex: 0}],
    [
      `00 02 00 00 07 00 22 00 ${KEY} 00 00 00 00 01 00 00 00`,
      'IDE_KM KEY_PROG',
      {streamId: 7, keySet: 0, transmit: 1, subStream: 2, portIndex: 0, ifv: fromHex('0000000001000000')},
    ],
    ['00 03 00 00 07 00 00 00', 'IDE_KM KP_ACK', {status: 0}],
    ['00 04 00 00 07 00 10 00', 'IDE_KM K_SET_GO', {keySet: 0, transmit: 0, subStream: 1}],
    ['00 05 00 00 07 00 02 00', 'IDE_KM K_SET_STOP', {keySet: 0, transmit: 1, subStream: 0}],
    ['00 06 00 00 07 00 10 00', 'IDE_KM K_GOSTOP_ACK', {subStream: 1}],
    ['00 03 00 00 07 02 13 66', 'IDE_KM KP_ACK', {status: 2, keySet: 1, transmit: 1, subStream: 1, portIndex: 0x66}],
    ['00 03 00 00 07 03 71 00', 'IDE_KM KP_ACK', {status: 3, keySet: 1, transmit: 0, subStream: 7}],
  ])('%s is %s', (bytes, name, fields) => {
    const decoded = decodeKmObject(fromHex(bytes))
    expect(decoded.name).toBe(name)
    expect(decoded.value).toMatchObject(fields)
  })

  it.each([
    [KM_QUERY, 4],
    [KM_KEY_PROG, 48],
    [KM_KEY_PROG_ACK, 8],
    [KM_KEY_SET_GO, 8],
    [KM_KEY_SET_STOP, 8],
    [KM_KEY_SET_GOSTOP_ACK, 8],
  ])('$name has %i bytes', ({size}, bytes) => {
    expect(size).toBe(bytes)
  })

  it('every status has its meaning', () => {
    expect(Object.keys(KEY_PROG_STATUS).map(Number)).toEqual([0, 1, 2, 3, 4])
  })

  it('any other bytes are refused by name and place', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 60}), fc.integer({min: 0, max: 8}), (bytes, objectId) => {
        const payload = Uint8Array.of(0, objectId, ...bytes)
        try {
          const {value} = decodeKmObject(payload)
          expect(value.objectId).toBe(objectId)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
    expect(() => decodeKmObject(fromHex('0007'))).toThrow('a defined Object ID')
    expect(() => decodeKmObject(fromHex('01000000'))).toThrow(DecodeError)
  })
})
