/** Our choice among the algorithms a requester offers (DSP0274 1.3 §10.5). */
import {
  AEAD,
  type AsymAlgorithm,
  BASE_ASYM,
  BASE_HASH,
  bitsOf,
  definedIn,
  DHE_GROUP,
  type ExchangeAlgorithm,
  KEM,
  KEY_SCHEDULE,
  maskOf,
  MEASUREMENT_HASH,
  MEASUREMENT_SPECIFICATION,
  type NamedBit,
  OPAQUE_FORMAT,
  PQC_ASYM,
  rowNamed,
} from '../algorithms.js'
import {ALG_TYPE, type NegotiateAlgorithms} from '../messages/index.js'
import type {AlgorithmPreferences} from './options.js'

type Structures = NegotiateAlgorithms['algStructures']

const DMTF = maskOf(rowNamed(MEASUREMENT_SPECIFICATION, 'dmtf'))
const FORMATS = ['OpaqueDataFmt1', 'OpaqueDataFmt0'] as const

const isOffered = (row: NamedBit, offer: number): boolean => bitsOf(offer).includes(row.bit)

/** The row that is preferred among those of `offer`. */
const prefer = <T extends NamedBit>(table: readonly T[], names: readonly string[], offer: number): T | undefined =>
  names.flatMap(name => table.filter(row => row.name === name)).find(row => isOffered(row, offer))

const supported = (structures: Structures, type: number): number =>
  structures.find(({algType}) => algType === type)?.algSupported ?? 0

/** The preferred one of two families, of which a connection uses one. */
function preferEither<T extends NamedBit>(
  names: readonly string[],
  [table, offer]: readonly [readonly T[], number],
  [later, laterOffer]: readonly [readonly T[], number],
): {readonly first: T | undefined; readonly second: T | undefined} {
  for (const name of names) {
    const first = prefer(table, [name], offer)
    const second = prefer(later, [name], laterOffer)
    if (first !== undefined || second !== undefined) return first ? {first, second: undefined} : {first, second}
  }
  return {first: undefined, second: undefined}
}

/** Masks of ALGORITHMS; 0 where nothing is common. */
export interface Choice {
  readonly measurementSpecification: number
  readonly melSpecification: number
  readonly opaqueFormat: number
  readonly measurementHash: number
  readonly baseAsym: number
  readonly pqcAsym: number
  readonly baseHash: number
  /** Selection of each algorithm structure that was offered. */
  readonly structures: readonly {readonly algType: number; readonly algSupported: number}[]
}

const one = (row: NamedBit | undefined): number => (row === undefined ? 0 : maskOf(row))

/** What we choose from `offer` in `version`. */
export function choose(
  offer: NegotiateAlgorithms,
  version: number,
  preferences: AlgorithmPreferences,
  {isMeasured, isLogged}: {readonly isMeasured: boolean; readonly isLogged: boolean},
): Choice {
  const {algStructures} = offer
  const pqcOffer = version >= 0x14 ? offer.pqcAsymAlgo : 0
  const asym = preferEither<AsymAlgorithm>(
    preferences.asym,
    [definedIn(BASE_ASYM, version), offer.baseAsymAlgo],
    [PQC_ASYM, pqcOffer],
  )
  const exchange = preferEither<ExchangeAlgorithm>(
    preferences.exchange,
    [DHE_GROUP, supported(algStructures, ALG_TYPE.DHE)],
    [KEM, version >= 0x14 ? supported(algStructures, ALG_TYPE.KEMAlg) : 0],
  )
  const selections: Readonly<Record<number, number>> = {
    [ALG_TYPE.DHE]: one(exchange.first),
    [ALG_TYPE.KEMAlg]: one(exchange.second),
    [ALG_TYPE.AEAD]: one(prefer(AEAD, preferences.aead, supported(algStructures, ALG_TYPE.AEAD))),
    [ALG_TYPE.KeySchedule]: one(prefer(KEY_SCHEDULE, ['spdm'], supported(algStructures, ALG_TYPE.KeySchedule))),
  }
  const speaksDmtf = isMeasured && bitsOf(offer.measurementSpecification).includes(0)
  return {
    measurementSpecification: speaksDmtf ? DMTF : 0,
    melSpecification: isLogged && version >= 0x13 && bitsOf(offer.melSpecification).includes(0) ? DMTF : 0,
    opaqueFormat: version >= 0x12 ? one(prefer(OPAQUE_FORMAT, FORMATS, offer.opaqueDataFmtSupport)) : 0,
    measurementHash: speaksDmtf ? maskOf(rowNamed(MEASUREMENT_HASH, preferences.measurementHash[0]!)) : 0,
    baseAsym: one(asym.first),
    pqcAsym: one(asym.second),
    baseHash: one(prefer(BASE_HASH, preferences.hash, offer.baseHashAlgo)),
    structures: algStructures.map(({algType}) => ({algType, algSupported: selections[algType] ?? 0})),
  }
}

const all = <T extends NamedBit>(table: readonly T[], names: readonly string[]): number =>
  maskOf(...table.filter(({name}) => names.includes(name)))

/** The SupportedAlgorithms block of CAPABILITIES, since 1.3. */
export function supportedAlgorithms(version: number, {hash, asym, exchange, aead}: AlgorithmPreferences) {
  const isPostQuantum = version >= 0x14
  return {
    measurementSpecification: DMTF,
    opaqueDataFmtSupport: maskOf(...OPAQUE_FORMAT),
    baseAsymAlgo: all(BASE_ASYM, asym),
    baseHashAlgo: all(BASE_HASH, hash),
    pqcAsymAlgo: isPostQuantum ? all(PQC_ASYM, asym) : 0,
    algStructures: [
      {algType: ALG_TYPE.DHE, algSupported: all(DHE_GROUP, exchange)},
      {algType: ALG_TYPE.AEAD, algSupported: all(AEAD, aead)},
      {algType: ALG_TYPE.KeySchedule, algSupported: maskOf(...KEY_SCHEDULE)},
      ...(isPostQuantum ? [{algType: ALG_TYPE.KEMAlg, algSupported: all(KEM, exchange)}] : []),
    ],
  }
}
