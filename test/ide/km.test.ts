/** IDE_KM messages, PCIe r6.2 §6.33.3.1, byte for byte. */
import {describe, expect, it} from 'vitest'
import {fromHex, toHex} from '../../src/bits/index.js'
import {
  decodeIdeRegisters,
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
