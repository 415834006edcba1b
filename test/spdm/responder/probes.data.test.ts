/** Malformed, out-of-order and boundary requests, and what an unmodified DMTF responder answered to them. */
import {randomBytes} from 'node:crypto'
import {describe, expect, it} from 'vitest'
import {fromHex, toHex} from '../../../src/bits/index.js'
import {createLabDevice} from '../../../src/sim/lab-device.js'
import {
  CAPABILITIES,
  GET_CAPABILITIES,
  GET_VERSION,
  NEGOTIATE_ALGORITHMS,
  Responder,
  SPDM_CODE,
} from '../../../src/spdm/index.js'
import {hasData, textOf} from '../support.js'
import {sampleMeasurements} from './sample-device.js'

const NAME = 'spdm/emu/probes-1.2.json'

interface Probe {
  readonly label: string
  readonly state: 'fresh connection' | 'after VERSION' | 'after CAPABILITIES' | 'after ALGORITHMS'
  readonly request: string
  readonly response: string
}

const DOE_HEADER = 8

/** The DMTF sample device: four hashed blocks, SVN, hash-extend, manifest, device mode. */
const {probes}: {readonly probes: readonly Probe[]} = hasData(NAME) ? JSON.parse(textOf(NAME)) : {probes: []}

const device = await createLabDevice({
  random: length => new Uint8Array(randomBytes(length)),
  versions: [0x12],
  measurements: sampleMeasurements(
    48,
    probes.map(({response}) => response),
  ),
  slots: [0, 1],
  psk: () => undefined,
})

const FLAGS = {certCap: true, chalCap: true, encryptCap: true, macCap: true, keyExCap: true, pskCap: 1, hbeatCap: true}
const OPENING = [
  GET_VERSION.encode({}),
  GET_CAPABILITIES.encode({
    spdmVersion: 0x12,
    reserved4: 0,
    ctExponent: 0,
    extFlags: 0,
    flags: {...FLAGS, keyUpdCap: true, chunkCap: true},
    dataTransferSize: 0x1200,
    maxSpdmMsgSize: 0x28000,
  }),
  NEGOTIATE_ALGORITHMS.encode({
    spdmVersion: 0x12,
    measurementSpecification: 1,
    opaqueDataFmtSupport: 2,
    baseAsymAlgo: 0x80,
    baseHashAlgo: 2,
    algStructures: [
      {algType: 2, algSupported: 0x10},
      {algType: 3, algSupported: 2},
      {algType: 5, algSupported: 1},
    ],
  }),
]
const STATES = ['fresh connection', 'after VERSION', 'after CAPABILITIES', 'after ALGORITHMS']

/** Where the reference responder deviates from the specification, and what the specification wants. */
const SPECIFIED: Readonly<Record<string, string | undefined>> = {
  'an undefined request code': '127f07a5',
  'a response code sent as a request': '127f0761',
  // protocols of PCI-SIG are not answered outside a session
  'VENDOR_DEFINED PCI-SIG IDE_KM QUERY outside a session': undefined,
  'VENDOR_DEFINED PCI-SIG TDISP GET_TDISP_VERSION outside a session': undefined,
}
/** Code, parameters, and for measurements the record: what does not depend on keys and nonces. */
const fixedPart = (response: Uint8Array): string => {
  switch (response[1]) {
    case SPDM_CODE.MEASUREMENTS:
      return toHex(response.subarray(0, response.length - 34))
    case SPDM_CODE.CERTIFICATE:
      return toHex(response.subarray(0, 6))
    default:
      return toHex(response.subarray(0, 4))
  }
}

const trimmed = (object: string): Uint8Array => fromHex(object).subarray(DOE_HEADER)

describe.skipIf(!hasData(NAME))('answers of the responder next to the reference responder', () => {
  const spdm = probes.filter(({request}) => request.startsWith('01000100'))

  it('has them', () => expect(spdm.length).toBeGreaterThan(30))

  let responder = new Responder(device.options)
  let label = ''
  it.each(spdm.map((probe, i) => [`${i} ${probe.label}`, probe] as const))('%s', (_, probe) => {
    if (probe.label !== label) {
      label = probe.label
      responder = new Responder({
        ...device.options,
        vendor: (_payload, session) => (session === undefined ? undefined : new Uint8Array(1)),
      })
      for (const payload of OPENING.slice(0, STATES.indexOf(probe.state))) responder.respond({secured: false, payload})
    }
    const payload = responder.respond({secured: false, payload: trimmed(probe.request)})?.payload
    if (label in SPECIFIED) return expect(payload && toHex(payload)).toBe(SPECIFIED[label])
    const theirs = trimmed(probe.response)
    const size = theirs[1] === SPDM_CODE.MEASUREMENTS ? payload!.length : theirs.length
    expect(fixedPart(payload!)).toBe(fixedPart(theirs.subarray(0, size)))
  })

  it('says its capabilities as CAPABILITIES of version 1.2', () => {
    const fresh = new Responder(device.options)
    fresh.respond({secured: false, payload: OPENING[0]!})
    const answer = CAPABILITIES.decode(fresh.respond({secured: false, payload: OPENING[1]!})!.payload)
    expect(answer.flags.measCap).toBe(2)
  })
})
