/** Facts of one measurement block: what it measures, how, and where its bytes lie (DSP0274 1.3 §10.11.1). */
import {DecodeError, isZero} from '../../bits/index.js'
import {
  DEVICE_MODE,
  type DeviceMode,
  DMTF_MEASUREMENT,
  MEASUREMENT_BLOCK,
  MEASUREMENT_INDEX,
  MEASUREMENT_TYPE,
  MEASUREMENT_TYPE_NAMES,
  type MeasurementTypeName,
  SVN,
} from '../messages/index.js'

/** MeasurementSpecification of DMTF-defined blocks. */
const DMTF = 1

export interface BlockFacts {
  /** Index the device gave the block, 1 to 0xFE if it is legal. */
  readonly index: number
  /** Bytes of the whole block and of its value, from the start of the transcript. */
  readonly offset: number
  readonly length: number
  readonly valueOffset: number
  readonly specification: number
  /** DMTFSpecMeasurementValueType without the representation bit; undefined if the block is not DMTF's. */
  readonly type: number | undefined
  readonly typeName: MeasurementTypeName | undefined
  /** The value is a raw bit stream; otherwise it is a digest. */
  readonly raw: boolean
  readonly value: Uint8Array
  readonly allZero: boolean
  readonly allOnes: boolean
  /** Value of a raw secure version number of the right size. */
  readonly svn: bigint | undefined
  /** Value of a raw device mode of the right size. */
  readonly deviceMode: DeviceMode | undefined
  /** What makes the block malformed (`spdm.meas.blocks`). */
  readonly problems: readonly string[]
  /** What contradicts representation and size of its type (`spdm.meas.type-rep`). */
  readonly representationProblems: readonly string[]
}

type Block = ReturnType<typeof MEASUREMENT_BLOCK.decode>
type Dmtf = ReturnType<typeof DMTF_MEASUREMENT.decode>

function dmtfOf(block: Block, problems: string[]): Dmtf | undefined {
  if (block.measurementSpecification !== DMTF) {
    problems.push(`measurement specification is ${block.measurementSpecification}, not DMTF`)
    return undefined
  }
  try {
    return DMTF_MEASUREMENT.decode(block.measurement)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    problems.push(`value of ${block.measurementSize - DMTF_MEASUREMENT.headSize} bytes: ${error.where.got}`)
    return undefined
  }
}

const isType = (dmtf: Dmtf, name: MeasurementTypeName): boolean => dmtf.valueType === MEASUREMENT_TYPE[name]

function representationProblems(dmtf: Dmtf, digestSize: number | undefined): string[] {
  const found: string[] = []
  const {length} = dmtf.value
  if (!dmtf.rawBitStream && digestSize !== undefined && length !== digestSize)
    found.push(`digest of ${length} bytes, the measurement hash has ${digestSize}`)
  if (isType(dmtf, 'svn') && dmtf.rawBitStream && length !== SVN.size) found.push(`SVN of ${length} bytes`)
  if (isType(dmtf, 'device-mode') && !(dmtf.rawBitStream && length === DEVICE_MODE.size))
    found.push(`device mode as ${dmtf.rawBitStream ? 'raw value' : 'digest'} of ${length} bytes`)
  return found
}

/** Facts of `block`, which starts at `offset`. `digestSize` is the size of the measurement hash, if it is known. */
export function blockFacts(block: Block, offset: number, digestSize: number | undefined): BlockFacts {
  const problems: string[] = []
  if (block.index === 0 || block.index === MEASUREMENT_INDEX.all) problems.push(`index ${block.index} is not legal`)
  const dmtf = dmtfOf(block, problems)
  const typeName = dmtf && MEASUREMENT_TYPE_NAMES[dmtf.valueType]
  if (dmtf && typeName === undefined) problems.push(`value type ${dmtf.valueType} is not defined`)
  const value = dmtf?.value ?? block.measurement
  const rawOf = (name: MeasurementTypeName, size: number | undefined): boolean =>
    dmtf !== undefined && dmtf.rawBitStream && isType(dmtf, name) && value.length === size
  return {
    index: block.index,
    offset,
    length: MEASUREMENT_BLOCK.headSize + block.measurement.length,
    valueOffset: offset + MEASUREMENT_BLOCK.headSize + (dmtf ? DMTF_MEASUREMENT.headSize : 0),
    specification: block.measurementSpecification,
    type: dmtf?.valueType,
    typeName,
    raw: dmtf?.rawBitStream ?? false,
    value,
    allZero: value.length > 0 && isZero(value),
    allOnes: value.length > 0 && value.every(byte => byte === 0xff),
    svn: rawOf('svn', SVN.size) ? SVN.decode(value).svn : undefined,
    deviceMode: rawOf('device-mode', DEVICE_MODE.size) ? DEVICE_MODE.decode(value) : undefined,
    problems,
    representationProblems: dmtf ? representationProblems(dmtf, digestSize) : [],
  }
}
