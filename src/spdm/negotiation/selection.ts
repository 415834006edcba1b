/** Every algorithm selection of a negotiation next to its offer (DSP0274 1.3 §10.5). */
import {ALG_TYPE, type Algorithms, type NegotiateAlgorithms} from '../messages/index.js'
import {
  AEAD,
  type AsymAlgorithm,
  BASE_ASYM,
  BASE_HASH,
  bitsOf,
  DHE_GROUP,
  type HashAlgorithm,
  KEM,
  KEY_SCHEDULE,
  MEASUREMENT_HASH,
  MEASUREMENT_SPECIFICATION,
  type NamedBit,
  namesOf,
  onlyOne,
  OPAQUE_FORMAT,
  PQC_ASYM,
} from '../algorithms.js'

export type SelectionName =
  | 'MeasurementSpecification'
  | 'OpaqueDataFmt'
  | 'MeasurementHash'
  | 'BaseAsym'
  | 'BaseHash'
  | 'PqcAsym'
  | 'DHE'
  | 'AEAD'
  | 'ReqBaseAsym'
  | 'KeySchedule'
  | 'ReqPqcAsym'
  | 'KEM'

export interface Selection {
  readonly name: SelectionName
  /** Bit mask of the requester's offer; undefined where the request has no such field. */
  readonly offered: number | undefined
  /** Bit mask of the responder's selection. */
  readonly selected: number
  readonly offeredNames: readonly string[]
  readonly selectedNames: readonly string[]

  readonly problems: readonly ('several' | 'not offered' | 'unknown')[]
}

function selection(
  name: SelectionName,
  table: readonly NamedBit[],
  offered: number | undefined,
  selected: number,
): Selection {
  const bits = bitsOf(selected)
  const offeredBits = offered === undefined ? undefined : bitsOf(offered)
  const problems: ('several' | 'not offered' | 'unknown')[] = []
  if (bits.length > 1) problems.push('several')
  if (offeredBits !== undefined && bits.some(bit => !offeredBits.includes(bit))) problems.push('not offered')
  if (bits.some(bit => !table.some(row => row.bit === bit))) problems.push('unknown')
  return {
    name,
    offered,
    selected,
    offeredNames: offered === undefined ? [] : namesOf(table, offered),
    selectedNames: namesOf(table, selected),
    problems,
  }
}

const STRUCTURES: readonly (readonly [SelectionName, number, readonly NamedBit[]])[] = [
  ['DHE', ALG_TYPE.DHE, DHE_GROUP],
  ['AEAD', ALG_TYPE.AEAD, AEAD],
  ['ReqBaseAsym', ALG_TYPE.ReqBaseAsymAlg, BASE_ASYM],
  ['KeySchedule', ALG_TYPE.KeySchedule, KEY_SCHEDULE],
  ['ReqPqcAsym', ALG_TYPE.ReqPqcAsymAlg, PQC_ASYM],
  ['KEM', ALG_TYPE.KEMAlg, KEM],
]

type Structures = Algorithms['algStructures']

const supported = (structures: Structures, type: number): number | undefined =>
  structures.find(item => item.algType === type)?.algSupported

/** One row per field of the messages, and one per algorithm structure that either side sent. */
export function selectionsOf(offer: NegotiateAlgorithms, answer: Algorithms): Selection[] {
  const fixed = [
    selection(
      'MeasurementSpecification',
      MEASUREMENT_SPECIFICATION,
      offer.measurementSpecification,
      answer.measurementSpecificationSel,
    ),
    selection('OpaqueDataFmt', OPAQUE_FORMAT, offer.opaqueDataFmtSupport, answer.opaqueDataFmtSel),
    selection('MeasurementHash', MEASUREMENT_HASH, undefined, answer.measurementHashAlgo),
    selection('BaseAsym', BASE_ASYM, offer.baseAsymAlgo, answer.baseAsymSel),
    selection('BaseHash', BASE_HASH, offer.baseHashAlgo, answer.baseHashSel),
    selection('PqcAsym', PQC_ASYM, offer.pqcAsymAlgo, answer.pqcAsymSel),
  ]
  const structures = STRUCTURES.flatMap(([name, type, table]) => {
    const offered = supported(offer.algStructures, type)
    const selected = supported(answer.algStructures, type)
    return offered === undefined && selected === undefined ? [] : [selection(name, table, offered ?? 0, selected ?? 0)]
  })
  return [...fixed, ...structures]
}

const PQC_SINCE = 0x14

/** What rules on algorithms ask about most. */
export function chosen(version: number, selections: readonly Selection[], answer: Algorithms) {
  // reserved before, and ignored there
  const pqcAsymSel = version >= PQC_SINCE ? answer.pqcAsymSel : 0
  const base = onlyOne<AsymAlgorithm>(BASE_ASYM, answer.baseAsymSel)
  const pqc = onlyOne<AsymAlgorithm>(PQC_ASYM, pqcAsymSel)
  const aead = selections.find(({name}) => name === 'AEAD')
  return {
    hash: onlyOne<HashAlgorithm>(BASE_HASH, answer.baseHashSel),
    // a connection signs with one family or the other
    asym: pqcAsymSel === 0 ? base : answer.baseAsymSel === 0 ? pqc : undefined,
    measurementHash: onlyOne<HashAlgorithm>(MEASUREMENT_HASH, answer.measurementHashAlgo),
    aead: aead !== undefined && aead.selectedNames.length === 1 ? aead.selectedNames[0] : undefined,
  }
}

/** The algorithm structures of a message are in legal order: ascending by AlgType, each once. */
export const structuresAscend = (structures: Structures): boolean =>
  structures.every(({algType}, i) => i === 0 || algType > structures[i - 1]!.algType)
