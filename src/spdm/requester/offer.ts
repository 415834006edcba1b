/** What the requester says about itself: versions, capabilities and algorithms, cut to what a version defines. */
import type {Encodable} from '../../bits/index.js'
import {
  AEAD,
  BASE_ASYM,
  BASE_HASH,
  bitsOf,
  definedIn,
  DHE_GROUP,
  KEM,
  maskOf,
  type NamedBit,
  PQC_ASYM,
} from '../algorithms.js'
import {definedFlags} from '../negotiation/index.js'
import {ALG_TYPE, type CapabilityFlags, GET_CAPABILITIES, NEGOTIATE_ALGORITHMS} from '../messages/index.js'

export interface Offer {
  /** SPDMVersions, in any order. */
  readonly versions: readonly number[]
  /** 2^n microseconds for a cryptographic response of ours. */
  readonly ctExponent: number
  /** Those a version does not define, or a requester has no use for, are left out. */
  readonly flags: Partial<CapabilityFlags>
  /** Bytes we take at once, and at all; both count since 1.2. */
  readonly dataTransferSize: number
  readonly maxSpdmMsgSize: number
  /** Bit masks over the tables of `algorithms.ts`. */
  readonly measurementSpecification: number
  readonly opaqueFormats: number
  readonly melSpecification: number
  readonly baseAsym: number
  readonly pqcAsym: number
  readonly baseHash: number
  readonly dhe: number
  readonly kem: number
  readonly aead: number
  readonly requesterAsym: number
  readonly requesterPqc: number
  /** Ask for a connection with several keys where the responder leaves it to us. */
  readonly multiKey: boolean
}

/** SM2, SM3 and SM4 cannot be computed here. */
const known = (table: readonly NamedBit[]): number => maskOf(...table.filter(({name}) => !name.startsWith('sm')))

const DMTF = 1
const OPAQUE_FORMAT_1 = 2

export const DEFAULT_OFFER: Offer = {
  versions: [0x10, 0x11, 0x12, 0x13, 0x14],
  ctExponent: 10,
  flags: {
    certCap: true,
    chalCap: true,
    encryptCap: true,
    macCap: true,
    keyExCap: true,
    hbeatCap: true,
    keyUpdCap: true,
    chunkCap: true,
    largeRespCap: true,
  },
  dataTransferSize: 0x1200,
  maxSpdmMsgSize: 0x28000,
  measurementSpecification: DMTF,
  opaqueFormats: OPAQUE_FORMAT_1,
  melSpecification: DMTF,
  baseAsym: known(BASE_ASYM),
  pqcAsym: known(PQC_ASYM),
  baseHash: known(BASE_HASH),
  dhe: known(DHE_GROUP),
  kem: known(KEM),
  aead: known(AEAD),
  requesterAsym: 0,
  requesterPqc: 0,
  multiKey: false,
}

/** GET_CAPABILITIES of `version`. */
export function capabilitiesRequest(offer: Offer, version: number): Uint8Array {
  const {ctExponent, dataTransferSize} = offer
  const flags = definedFlags(offer.flags, 'requester', version)
  // without chunks nothing can be larger than one transfer
  const maxSpdmMsgSize = flags.chunkCap ? offer.maxSpdmMsgSize : dataTransferSize
  return GET_CAPABILITIES.encode(
    {
      spdmVersion: version,
      ...(version >= 0x11 && {ctExponent, flags}),
      ...(version >= 0x12 && {dataTransferSize, maxSpdmMsgSize}),
    },
    {version},
  )
}

/** The part of `offered` that `version` defines. */
const defined = (table: readonly NamedBit[], offered: number, version: number): number =>
  maskOf(...definedIn(table, version).filter(({bit}) => bitsOf(offered).includes(bit)))

/**
 * NEGOTIATE_ALGORITHMS of `version`. `multiKey` asks for several keys on the responder's side. Structures that would
 * offer nothing are left out.
 */
export function algorithmsRequest(offer: Offer, version: number, {multiKey}: {multiKey: boolean}): Uint8Array {
  const isPqc = version >= 0x14
  const structures: readonly (readonly [type: number, offered: number])[] = [
    [ALG_TYPE.DHE, defined(DHE_GROUP, offer.dhe, version)],
    [ALG_TYPE.AEAD, defined(AEAD, offer.aead, version)],
    [ALG_TYPE.ReqBaseAsymAlg, defined(BASE_ASYM, offer.requesterAsym, version)],
    [ALG_TYPE.KeySchedule, offer.aead === 0 ? 0 : 1],
    [ALG_TYPE.ReqPqcAsymAlg, isPqc ? offer.requesterPqc : 0],
    [ALG_TYPE.KEMAlg, isPqc ? offer.kem : 0],
  ]
  const values: Encodable<typeof NEGOTIATE_ALGORITHMS.fields> = {
    spdmVersion: version,
    measurementSpecification: offer.measurementSpecification,
    baseAsymAlgo: defined(BASE_ASYM, offer.baseAsym, version),
    baseHashAlgo: defined(BASE_HASH, offer.baseHash, version),
    ...(version >= 0x12 && {opaqueDataFmtSupport: offer.opaqueFormats}),
    ...(version >= 0x13 && {melSpecification: offer.melSpecification, responderMultiKeyConn: multiKey}),
    ...(isPqc && {pqcAsymAlgo: offer.pqcAsym}),
    algStructures:
      version < 0x11
        ? []
        : structures.flatMap(([algType, algSupported]) => (algSupported === 0 ? [] : [{algType, algSupported}])),
  }
  return NEGOTIATE_ALGORITHMS.encode(values, {version})
}
