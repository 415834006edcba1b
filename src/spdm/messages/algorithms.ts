/** NEGOTIATE_ALGORITHMS and ALGORITHMS (DSP0274 1.3 §10.5). What the bits stand for is in `algorithms.ts`. */
import {array, bit, bits, layout, reserved, type Seen, u16, u32, u8} from '../../bits/index.js'
import {header} from './header.js'

const SPEC = 'DSP0274 1.3 §10.5'
const CONTEXTS = [{}, {version: 0x10}, {version: 0x11}, {version: 0x12}, {version: 0x13}]

export const EXTENDED_ALGORITHM = layout(
  {id: 'spdm-extended-algorithm', name: 'Extended algorithm', spec: SPEC},
  {registryId: u8(0, 'RegistryID'), reserved: reserved(1, 1), algorithmId: u16(2, 'AlgorithmID')},
)

/** AlgType of an algorithm structure. */
export const ALG_TYPE = {DHE: 2, AEAD: 3, ReqBaseAsymAlg: 4, KeySchedule: 5, ReqPqcAsymAlg: 6, KEMAlg: 7} as const

export const ALGORITHM_STRUCTURE = layout(
  {id: 'spdm-algorithm-structure', name: 'Algorithm structure', spec: SPEC},
  {
    algType: u8(0, 'AlgType', {
      names: Object.fromEntries(Object.entries(ALG_TYPE).map(([name, type]) => [type, name])),
    }),
    fixedAlgCount: bits(1, 1, 7, 4, 'AlgCount: bytes of AlgSupported', {is: 2}),
    extAlgCount: bits(1, 1, 3, 0, 'AlgCount: number of extended algorithms'),
    algSupported: u16(2, 'AlgSupported: bit mask'),
    algExternal: array(EXTENDED_ALGORITHM, 'extAlgCount', 'AlgExternal'),
  },
)

const count = (items: unknown): number => (items as readonly unknown[] | undefined)?.length ?? 0

/** Bytes of a message whose fixed part has `fixed` bytes; its Length field must say the same. */
const totalLength =
  (fixed: number) =>
  (all: Seen): number => {
    const structures = (all.algStructures as readonly Seen[] | undefined) ?? []
    return (
      fixed +
      (count(all.extAsym) + count(all.extHash)) * EXTENDED_ALGORITHM.headSize +
      structures.reduce(
        (sum, item) => sum + ALGORITHM_STRUCTURE.headSize + count(item.algExternal) * EXTENDED_ALGORITHM.headSize,
        0,
      )
    )
  }

/** The offer, `from` bytes into its message: the same block is part of a CAPABILITIES response since 1.3. */
const offer = (from: number) => ({
  algStructureCount: u8(from, 'Param1: number of algorithm structures (1.1)'),
  param2: reserved(from + 1, 1),
  length: u16(from + 2, 'Length of the whole structure in bytes', {is: totalLength(from + 30)}),
  measurementSpecification: u8(from + 4, 'MeasurementSpecification: bit 0 DMTF'),
  opaqueDataFmtSupport: bits(from + 5, 1, 3, 0, 'OtherParamsSupport: OpaqueDataFmt0, OpaqueDataFmt1 (1.2)'),
  responderMultiKeyConn: bit(from + 5, 1, 4, 'OtherParamsSupport: ResponderMultiKeyConn (1.3)'),
  otherParamsReserved: reserved(from + 5, 1, 7, 5),
  baseAsymAlgo: u32(from + 6, 'BaseAsymAlgo'),
  baseHashAlgo: u32(from + 10, 'BaseHashAlgo'),
  pqcAsymAlgo: u32(from + 14, 'PqcAsymAlgo (1.4), reserved before'),
  reserved20: reserved(from + 18, 4),
  reserved24: reserved(from + 22, 4),
  extAsymCount: u8(from + 26, 'ExtAsymCount'),
  extHashCount: u8(from + 27, 'ExtHashCount'),
  reserved30: reserved(from + 28, 1),
  melSpecification: u8(from + 29, 'MELspecification: bit 0 DMTF (1.3)'),
  extAsym: array(EXTENDED_ALGORITHM, 'extAsymCount', 'ExtAsym'),
  extHash: array(EXTENDED_ALGORITHM, 'extHashCount', 'ExtHash'),
  algStructures: array(ALGORITHM_STRUCTURE, 'algStructureCount', 'algorithm structures, ascending by AlgType'),
})

export const SUPPORTED_ALGORITHMS = layout(
  {id: 'spdm-supported-algorithms', name: 'SupportedAlgorithms', spec: 'DSP0274 1.3 §10.4'},
  offer(0),
)

export const NEGOTIATE_ALGORITHMS = layout(
  {id: 'spdm-negotiate-algorithms', name: 'NEGOTIATE_ALGORITHMS', spec: SPEC, contexts: CONTEXTS},
  {...header('NEGOTIATE_ALGORITHMS'), ...offer(2)},
)

export const ALGORITHMS = layout(
  {id: 'spdm-algorithms', name: 'ALGORITHMS', spec: SPEC, contexts: CONTEXTS},
  {
    ...header('ALGORITHMS'),
    algStructureCount: u8(2, 'Param1: number of algorithm structures (1.1)'),
    param2: reserved(3, 1),
    length: u16(4, 'Length of the whole message in bytes', {is: totalLength(36)}),
    measurementSpecificationSel: u8(6, 'MeasurementSpecificationSel: bit 0 DMTF'),
    opaqueDataFmtSel: bits(7, 1, 3, 0, 'OtherParamsSelection: OpaqueDataFmt0, OpaqueDataFmt1 (1.2)'),
    requesterMultiKeyConnSel: bit(7, 1, 4, 'OtherParamsSelection: RequesterMultiKeyConnSel (1.3)'),
    otherParamsReserved: reserved(7, 1, 7, 5),
    measurementHashAlgo: u32(8, 'MeasurementHashAlgo'),
    baseAsymSel: u32(12, 'BaseAsymSel'),
    baseHashSel: u32(16, 'BaseHashSel'),
    pqcAsymSel: u32(20, 'PqcAsymSel (1.4), reserved before'),
    reserved24: reserved(24, 4),
    reserved28: reserved(28, 3),
    melSpecificationSel: u8(31, 'MELspecificationSel (1.3)'),
    extAsymSelCount: u8(32, 'ExtAsymSelCount'),
    extHashSelCount: u8(33, 'ExtHashSelCount'),
    reserved34: reserved(34, 2),
    extAsym: array(EXTENDED_ALGORITHM, 'extAsymSelCount', 'ExtAsymSel'),
    extHash: array(EXTENDED_ALGORITHM, 'extHashSelCount', 'ExtHashSel'),
    algStructures: array(ALGORITHM_STRUCTURE, 'algStructureCount', 'algorithm structures, ascending by AlgType'),
  },
)

export type Algorithms = ReturnType<typeof ALGORITHMS.decode>
export type NegotiateAlgorithms = ReturnType<typeof NEGOTIATE_ALGORITHMS.decode>
