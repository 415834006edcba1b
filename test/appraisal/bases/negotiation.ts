/** Negotiations of any version with a responder of ours. */
import {concat} from '../../../src/bits/index.js'
import {negotiation} from '../../../src/sim/responder.js'
import {
  AEAD,
  ALG_TYPE,
  asymNamed,
  type CapabilityFlags,
  DHE_GROUP,
  GET_CAPABILITIES,
  GET_VERSION,
  hashNamed,
  KEY_SCHEDULE,
  maskOf,
  NEGOTIATE_ALGORITHMS,
  Responder,
  rowNamed,
} from '../../../src/spdm/index.js'

/** What the TSM and a device of SPDM 1.2 agree on: the negotiation of most bases. */
export const VCA = negotiation()

const SIZES = {dataTransferSize: 65_536, maxSpdmMsgSize: 65_536}
const SESSION = {certCap: true, encryptCap: true, macCap: true, keyExCap: true}

/** The six messages of a negotiation that ends in `version`, ECDSA P-384 and SHA-384. */
export function negotiated(version: number, flags: Partial<CapabilityFlags> = {}): Uint8Array {
  const responder = new Responder({
    slots: [],
    measurements: [],
    versions: [version],
    ...SIZES,
    ctExponent: 20,
    capabilities: {
      ...SESSION,
      chalCap: true,
      measCap: 2,
      measFreshCap: true,
      keyUpdCap: false,
      hbeatCap: false,
      ...flags,
    },
    algorithms: {
      hash: ['sha384'],
      asym: ['ecdsa-p384'],
      measurementHash: ['sha384'],
      exchange: ['secp384r1'],
      aead: ['aes-256-gcm'],
    },
    random: length => new Uint8Array(length),
  })
  const requests = [
    GET_VERSION.encode({}),
    GET_CAPABILITIES.encode(
      {spdmVersion: version, ctExponent: 20, flags: SESSION, reserved4: 0, extFlags: 0, ...(version >= 0x12 && SIZES)},
      {version},
    ),
    NEGOTIATE_ALGORITHMS.encode(
      {
        spdmVersion: version,
        measurementSpecification: 1,
        ...(version >= 0x12 && {opaqueDataFmtSupport: 2}),
        baseAsymAlgo: maskOf(asymNamed('ecdsa-p384')!),
        baseHashAlgo: maskOf(hashNamed('sha384')!),
        algStructures: [
          {algType: ALG_TYPE.DHE, algSupported: maskOf(rowNamed(DHE_GROUP, 'secp384r1'))},
          {algType: ALG_TYPE.AEAD, algSupported: maskOf(rowNamed(AEAD, 'aes-256-gcm'))},
          {algType: ALG_TYPE.KeySchedule, algSupported: maskOf(rowNamed(KEY_SCHEDULE, 'spdm'))},
        ],
      },
      {version},
    ),
  ]
  return concat(
    ...requests.flatMap(payload => [
      payload,
      responder.respond({secured: false, payload})?.payload ?? new Uint8Array(),
    ]),
  )
}
