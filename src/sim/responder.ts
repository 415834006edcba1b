/** The SPDM responder of a simulated device, and what the TSM says to it: SPDM 1.2 (DSP0274). */
import {createHash, createPrivateKey, type KeyObject} from 'node:crypto'
import {concat} from '../bits/index.js'
import {
  AEAD,
  ALG_TYPE,
  asymNamed,
  type CapabilityFlags,
  DHE_GROUP,
  DMTF_MEASUREMENT,
  encodeCertificateChain,
  GET_CAPABILITIES,
  GET_MEASUREMENTS,
  GET_VERSION,
  hashNamed,
  KEY_SCHEDULE,
  maskOf,
  MEASUREMENT_BLOCK,
  MEASUREMENT_INDEX,
  MEASUREMENT_SPECIFICATION,
  NEGOTIATE_ALGORITHMS,
  NONCE_SIZE,
  OPAQUE_FORMAT,
  parseCertificateChain,
  Responder,
  type ResponderMeasurement,
  type ResponderOptions,
  type ResponderSlot,
  rowNamed,
  signQuestion,
  SPDM_VERSION,
} from '../spdm/index.js'
import {type Dsm, fromBase64, type NegotiatedHash} from './machine.js'

const VERSION_1_2 = SPDM_VERSION['1.2']
const MEASUREMENT_HASH = 'sha384'
const ASYM = asymNamed('ecdsa-p384')!

const SIZES = {dataTransferSize: 4096, maxSpdmMsgSize: 65_536}
const CT_EXPONENT = 20

/** What both sides of a session for TDISP need (DSP0277, PCIe r7.0 §11.3). */
const SESSION = {certCap: true, encryptCap: true, macCap: true, keyExCap: true, chunkCap: true}
const RESPONDER: Partial<CapabilityFlags> = {
  ...SESSION,
  chalCap: true,
  measCap: 2,
  measFreshCap: true,
  hbeatCap: false,
  keyUpdCap: false,
  handshakeInTheClearCap: false,
}

type Identity = Pick<ResponderOptions, 'slots' | 'measurements'> & {readonly hash: NegotiatedHash}

const optionsOf = ({hash, ...identity}: Identity, random: (length: number) => Uint8Array): ResponderOptions => ({
  ...identity,
  ...SIZES,
  random,
  versions: [VERSION_1_2],
  capabilities: RESPONDER,
  ctExponent: CT_EXPONENT,
  algorithms: {
    hash: [hash],
    asym: [ASYM.name],
    measurementHash: [MEASUREMENT_HASH],
    exchange: ['secp384r1'],
    aead: ['aes-256-gcm'],
  },
})

/** Request and response as they went over the wire. */
function exchange(device: Responder, payload: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const answer = device.respond({secured: false, payload})
  return [payload, answer?.payload ?? new Uint8Array()]
}

/** The TSM's half of the negotiation. */
const opening = (hash: NegotiatedHash): readonly Uint8Array[] => [
  GET_VERSION.encode({}),
  GET_CAPABILITIES.encode({
    spdmVersion: VERSION_1_2,
    ctExponent: CT_EXPONENT,
    flags: SESSION,
    ...SIZES,
    reserved4: 0,
    extFlags: 0,
  }),
  NEGOTIATE_ALGORITHMS.encode({
    spdmVersion: VERSION_1_2,
    measurementSpecification: maskOf(rowNamed(MEASUREMENT_SPECIFICATION, 'dmtf')),
    opaqueDataFmtSupport: maskOf(rowNamed(OPAQUE_FORMAT, 'OpaqueDataFmt1')),
    baseAsymAlgo: maskOf(ASYM),
    baseHashAlgo: maskOf(hashNamed(hash)!),
    algStructures: [
      {algType: ALG_TYPE.DHE, algSupported: maskOf(rowNamed(DHE_GROUP, 'secp384r1'))},
      {algType: ALG_TYPE.AEAD, algSupported: maskOf(rowNamed(AEAD, 'aes-256-gcm'))},
      {algType: ALG_TYPE.KeySchedule, algSupported: maskOf(rowNamed(KEY_SCHEDULE, 'spdm'))},
    ],
  }),
]

const connect = (device: Responder, hash: NegotiatedHash): Uint8Array[] =>
  opening(hash).flatMap(request => exchange(device, request))

/** Of a device that has nothing to show: enough to negotiate, and for sessions that are open already. */
export const sessionOptions = (hash: NegotiatedHash, random: (length: number) => Uint8Array): ResponderOptions =>
  optionsOf({slots: [], measurements: [], hash}, random)

/** The six messages of the connection a TSM makes to a device, in turn: the same for all, whoever they are. */
export const negotiationMessages = (hash: NegotiatedHash): readonly Uint8Array[] =>
  connect(new Responder(sessionOptions(hash, length => new Uint8Array(length))), hash)

/** The six in one. */
export const negotiation = (hash: NegotiatedHash = 'sha384'): Uint8Array => concat(...negotiationMessages(hash))

const digestOf = (hash: NegotiatedHash, bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(hash).update(bytes).digest())

/** The chain object of a slot. `certificates` run from root to leaf. */
export const certificateChain = (certificates: readonly Uint8Array[], hash: NegotiatedHash): Uint8Array =>
  encodeCertificateChain(digestOf(hash, certificates[0]!), certificates)

/** Keys are parsed once per process: parsing costs more than signing. */
const keys = new Map<string, KeyObject>()
function keyOf({key}: Dsm): KeyObject {
  const known = keys.get(key)
  if (known !== undefined) return known
  const made = createPrivateKey({key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8'})
  keys.set(key, made)
  return made
}

/** What a MeasurementRecord says, as facts: digests stay digests. */
function measurementsOf(record: Uint8Array): ResponderMeasurement[] {
  const data = new DataView(record.buffer, record.byteOffset, record.byteLength)
  const measurements: ResponderMeasurement[] = []
  for (let at = 0; at < record.length;) {
    const {value: block, end} = MEASUREMENT_BLOCK.read(data, at, record.length)
    const {valueType, rawBitStream, value} = DMTF_MEASUREMENT.decode(block.measurement)
    measurements.push({index: block.index, type: valueType, form: rawBitStream ? 'raw' : 'digest', value, tcb: true})
    at = end
  }
  return measurements
}

function identityOf(dsm: Dsm): Identity {
  const slot: ResponderSlot = {
    slot: dsm.slot,
    certificates: parseCertificateChain(fromBase64(dsm.chain), hashNamed(dsm.hash)!.size).certificates.map(
      ({der}) => der,
    ),
    sign: question => signQuestion(question, keyOf(dsm)),
  }
  return {slots: [slot], measurements: measurementsOf(fromBase64(dsm.measurements)), hash: dsm.hash}
}

/** The responder of the device whose keys and measurements these are. */
export const deviceOptions = (dsm: Dsm, random: (length: number) => Uint8Array): ResponderOptions =>
  optionsOf(identityOf(dsm), random)

/** Bytes of a nonce as SPDM wants them: cut or filled up with zeros. */
function spdmNonce(nonce: Uint8Array): Uint8Array {
  const out = new Uint8Array(NONCE_SIZE)
  out.set(nonce.subarray(0, NONCE_SIZE))
  return out
}

/** GET_MEASUREMENTS for everything with `nonce`, and the signed MEASUREMENTS, in a connection as of `negotiation`. */
export function takeMeasurements(dsm: Dsm, nonce: Uint8Array, random: (length: number) => Uint8Array): Uint8Array {
  const device = new Responder(deviceOptions(dsm, random))
  connect(device, dsm.hash)
  const request = GET_MEASUREMENTS.encode({
    spdmVersion: VERSION_1_2,
    signatureRequested: true,
    measurementOperation: MEASUREMENT_INDEX.all,
    nonce: spdmNonce(nonce),
    slotIdParam: dsm.slot,
  })
  return concat(...exchange(device, request))
}
