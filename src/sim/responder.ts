/** The SPDM responder of a simulated device: negotiation, certificate chain, measurements. SPDM 1.2 (DSP0274). */
import {createHash, createPrivateKey, type KeyObject} from 'node:crypto'
import {concat} from '../bits/index.js'
import {
  AEAD,
  ALG_TYPE,
  ALGORITHMS,
  asymNamed,
  CAPABILITIES,
  DHE_GROUP,
  encodeCertificateChain,
  GET_CAPABILITIES,
  GET_MEASUREMENTS,
  GET_VERSION,
  hashNamed,
  KEY_SCHEDULE,
  maskOf,
  MEASUREMENT_HASH,
  MEASUREMENT_INDEX,
  MEASUREMENT_SPECIFICATION,
  MEASUREMENTS,
  MEASUREMENT_BLOCK,
  NEGOTIATE_ALGORITHMS,
  NONCE_SIZE,
  OPAQUE_FORMAT,
  signQuestion,
  SPDM_VERSION,
  VERSION,
} from '../spdm/index.js'
import {type Dsm, fromBase64} from './machine.js'

const VERSION_1_2 = SPDM_VERSION['1.2']
const HASH = hashNamed('sha384')!
const ASYM = asymNamed('ecdsa-p384')!
const SIGNED = 2
const UNCHANGED = 2

export const sha384 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha384').update(bytes).digest())

const named = <T extends {readonly name: string}>(table: readonly T[], name: string): T =>
  table.find(row => row.name === name)!

const sizes = {dataTransferSize: 4096, maxSpdmMsgSize: 65_536}

/** What both sides of a session for TDISP need (DSP0277, PCIe r7.0 §11.3). */
const session = {certCap: true, encryptCap: true, macCap: true, keyExCap: true, chunkCap: true}

/** The six messages of the connection a TSM made to the device. */
export function negotiation(): Uint8Array {
  const spdmVersion = VERSION_1_2
  const structures = [
    {algType: ALG_TYPE.DHE, algSupported: maskOf(named(DHE_GROUP, 'secp384r1'))},
    {algType: ALG_TYPE.AEAD, algSupported: maskOf(named(AEAD, 'aes-256-gcm'))},
    {algType: ALG_TYPE.KeySchedule, algSupported: maskOf(named(KEY_SCHEDULE, 'spdm'))},
  ]
  const dmtf = maskOf(named(MEASUREMENT_SPECIFICATION, 'dmtf'))
  const format = maskOf(named(OPAQUE_FORMAT, 'OpaqueDataFmt1'))
  return concat(
    GET_VERSION.encode({}),
    VERSION.encode({versionNumberEntries: [{majorVersion: 1, minorVersion: 2}]}),
    GET_CAPABILITIES.encode({spdmVersion, ctExponent: 20, flags: session, ...sizes, reserved4: 0, extFlags: 0}),
    CAPABILITIES.encode({
      spdmVersion,
      ctExponent: 20,
      flags: {...session, chalCap: true, measCap: SIGNED, measFreshCap: true},
      ...sizes,
    }),
    NEGOTIATE_ALGORITHMS.encode({
      spdmVersion,
      measurementSpecification: dmtf,
      opaqueDataFmtSupport: format,
      baseAsymAlgo: maskOf(ASYM),
      baseHashAlgo: maskOf(HASH),
      algStructures: structures,
    }),
    ALGORITHMS.encode({
      spdmVersion,
      measurementSpecificationSel: dmtf,
      opaqueDataFmtSel: format,
      measurementHashAlgo: maskOf(named(MEASUREMENT_HASH, 'sha384')),
      baseAsymSel: maskOf(ASYM),
      baseHashSel: maskOf(HASH),
      algStructures: structures,
    }),
  )
}

/** The chain object of a slot. `certificates` run from root to leaf. */
export const certificateChain = (certificates: readonly Uint8Array[]): Uint8Array =>
  encodeCertificateChain(sha384(certificates[0]!), certificates)

/** Keys are parsed once per process: parsing costs more than signing. */
const keys = new Map<string, KeyObject>()
function keyOf({key}: Dsm): KeyObject {
  const known = keys.get(key)
  if (known !== undefined) return known
  const made = createPrivateKey({key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8'})
  keys.set(key, made)
  return made
}

function recordBlocks(record: Uint8Array) {
  const data = new DataView(record.buffer, record.byteOffset, record.byteLength)
  const blocks = []
  for (let at = 0; at < record.length;) {
    const {value, end} = MEASUREMENT_BLOCK.read(data, at, record.length)
    blocks.push(value)
    at = end
  }
  return blocks
}

/** Bytes of a nonce as SPDM wants them: cut or filled up with zeros. */
function spdmNonce(nonce: Uint8Array): Uint8Array {
  const out = new Uint8Array(NONCE_SIZE)
  out.set(nonce.subarray(0, NONCE_SIZE))
  return out
}

/** GET_MEASUREMENTS for everything with `nonce`, and the signed MEASUREMENTS. */
export function takeMeasurements(dsm: Dsm, nonce: Uint8Array, random: (length: number) => Uint8Array): Uint8Array {
  const spdmVersion = VERSION_1_2
  const request = GET_MEASUREMENTS.encode({
    spdmVersion,
    signatureRequested: true,
    measurementOperation: MEASUREMENT_INDEX.all,
    nonce: spdmNonce(nonce),
    slotIdParam: 0,
  })
  const unsigned = MEASUREMENTS.encode({
    spdmVersion,
    contentChanged: UNCHANGED,
    measurementRecord: recordBlocks(fromBase64(dsm.measurements)),
    nonce: random(NONCE_SIZE),
    opaqueData: new Uint8Array(),
  })
  const signature = signQuestion(
    {
      version: spdmVersion,
      context: 'responder-measurements signing',
      hash: HASH,
      asym: ASYM,
      transcript: concat(fromBase64(dsm.vca), request, unsigned),
    },
    keyOf(dsm),
  )
  return concat(request, unsigned, signature)
}
