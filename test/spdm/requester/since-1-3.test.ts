/** What SPDM 1.3 and 1.4 added, between our requester and our responder: logs, endpoint information, several keys. */
import {describe, expect, it} from 'vitest'
import {concat} from '../../../src/bits/index.js'
import {
  DEVICE_CLASS_IDENTIFIER,
  DMTF_MEL,
  MEASUREMENT_EXTENSION_LOG,
  MEASUREMENT_TYPE,
  type ResponderOptions,
  SPDM_CODE,
  versionText,
} from '../../../src/spdm/index.js'
import {bench, random, type Tamper} from './bench.js'

const VERSIONS = [0x13, 0x14].map(version => [versionText(version), version] as const)

const entry = (melIndex: number) => ({
  melIndex,
  measurementIndex: 7,
  valueType: MEASUREMENT_TYPE.informational,
  rawBitStream: true,
  value: random(300),
})
const LOG = DMTF_MEL.encode({entries: [1, 2, 3].map(entry)})
const ENDPOINT = DEVICE_CLASS_IDENTIFIER.encode({identifiers: []})
const device = (version: number): Partial<ResponderOptions> => ({
  versions: [version],
  measurementLog: LOG,
  endpointInfo: ENDPOINT,
})

describe.each(VERSIONS)('version %s', (_, version) => {
  it.each([4608, 128])('reads the measurement extension log, %i bytes at once', async dataTransferSize => {
    const {requester} = bench({device: device(version), requester: {offer: {dataTransferSize}}})
    await requester.negotiate()
    expect((await requester.measurementLog()).entries.map(({melIndex}) => melIndex)).toEqual([1, 2, 3])
    const session = await requester.openSession()
    expect((await session.measurementLog()).entries).toHaveLength(3)
  })

  it('reads signed endpoint information', async () => {
    const {requester} = bench({device: device(version)})
    await requester.negotiate()
    const {identifiers, signature} = await requester.endpointInfo()
    expect([identifiers.identifiers, signature]).toEqual([[], {status: 'valid'}])
  })

  it.each(['challenge', 'session'] as const)(
    'proves in a connection of several keys which key signs: %s',
    async what => {
      const {requester} = bench({
        device: {versions: [version], capabilities: {multiKeyCap: 1, getKeyPairInfoCap: true}},
      })
      expect((await requester.negotiate()).multiKey).toBe(true)
      const {slots} = await requester.digests()
      expect(slots.map(({slot}) => slot)).toEqual([0, 1])
      await requester.certificate(0)
      if (what === 'challenge') expect((await requester.challenge()).signature).toEqual({status: 'valid'})
      else {
        const session = await requester.openSession({summary: 'all'})
        expect((await session.measurements()).signature).toEqual({status: 'valid'})
        await session.end()
      }
    },
  )
})

/** MEASUREMENT_EXTENSION_LOG instead of what the device says. */
const logged =
  (fields: object): Tamper =>
  ({code, response}) =>
    code === SPDM_CODE.GET_MEASUREMENT_EXTENSION_LOG
      ? MEASUREMENT_EXTENSION_LOG.encode({spdmVersion: 0x13, portion: new Uint8Array(4), ...fields})
      : response

it.each<[string, Tamper, string]>([
  ['that never ends', logged({portion: new Uint8Array(1), remainderLength: 0xffff_ffff}), 'measurements'],
  ['whose sizes overflow 32 bits', logged({portion: new Uint8Array(8), remainderLength: 0xffff_fff8}), 'measurements'],
  ['that grows while it is read', logged({remainderLength: 900}), 'measurements'],
  ['of nothing', logged({portion: new Uint8Array(), remainderLength: 900}), 'measurements'],
  ['that is none', logged({portion: new Uint8Array(20).fill(0xff)}), 'measurements'],
])('a log %s is refused', async (_, tamper, reason) => {
  const {requester, wire, clock} = bench({device: device(0x13), requester: {offer: {dataTransferSize: 128}}})
  await requester.negotiate()
  wire.tamper = tamper
  await expect(requester.measurementLog()).rejects.toMatchObject({reason, ends: true})
  expect([wire.closed, clock.now < 100]).toEqual([1, true])
})

const at =
  (place: number): Tamper =>
  ({code, response}) =>
    code === SPDM_CODE.GET_ENDPOINT_INFO ? response!.with(place, response!.at(place)! ^ 1) : response

it.each<[string, Tamper, string]>([
  ['of another slot', at(3), 'echo'],
  ['with another nonce', at(10), 'signature'],
  ['with another signature', at(-1), 'signature'],
  ['longer than its message', at(42), 'malformed'],
  [
    'with something behind it',
    ({code, response}) => (code === SPDM_CODE.GET_ENDPOINT_INFO ? concat(response!, Uint8Array.of(1)) : response),
    'malformed',
  ],
])('endpoint information %s is refused', async (_, tamper, reason) => {
  const {requester, wire} = bench({device: device(0x13)})
  await requester.negotiate()
  wire.tamper = tamper
  await expect(requester.endpointInfo()).rejects.toMatchObject({reason, ends: true})
  expect(wire.closed).toBe(1)
})
