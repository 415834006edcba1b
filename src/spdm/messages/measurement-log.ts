/** The measurement extension log and the messages that fetch it (DSP0274 1.3, "Measurement extension log"). */
import {array, bit, bits, bytes, layout, NEXT, reserved, u16, u32, u8} from '../../bits/index.js'
import {header} from './header.js'
import {MEASUREMENT_TYPE_NAMES} from './measurements.js'

const SPEC = 'DSP0274 1.3, "Measurement extension log"'
const empty = {param1: reserved(2, 1), param2: reserved(3, 1)}

export const GET_MEASUREMENT_EXTENSION_LOG = layout(
  {id: 'spdm-get-measurement-extension-log', name: 'GET_MEASUREMENT_EXTENSION_LOG', spec: SPEC},
  {
    ...header('GET_MEASUREMENT_EXTENSION_LOG'),
    ...empty,
    offset: u32(4, 'Offset in the log'),
    length: u32(8, 'Length wanted'),
  },
)

export const MEASUREMENT_EXTENSION_LOG = layout(
  {id: 'spdm-measurement-extension-log', name: 'MEASUREMENT_EXTENSION_LOG', spec: SPEC},
  {
    ...header('MEASUREMENT_EXTENSION_LOG'),
    ...empty,
    portionLength: u32(4, 'PortionLength'),
    remainderLength: u32(8, 'RemainderLength'),
    portion: bytes(NEXT, 'portionLength', 'MEL: the portion'),
  },
)

const MEL_ENTRY = layout(
  {id: 'spdm-mel-entry', name: 'DMTF measurement extension log entry', spec: SPEC},
  {
    melIndex: u32(0, 'MELIndex'),
    measurementIndex: u8(4, 'MeasIndex: the measurement that was extended'),
    reserved5: reserved(5, 3),
    valueType: bits(8, 1, 6, 0, 'DMTFSpecMeasurementValueType', {names: MEASUREMENT_TYPE_NAMES}),
    rawBitStream: bit(8, 1, 7, 'DMTFSpecMeasurementValueType: raw bit stream instead of digest'),
    valueSize: u16(9, 'DMTFSpecMeasurementValueSize'),
    value: bytes(NEXT, 'valueSize', 'DMTFSpecMeasurementValue'),
  },
)

/** The whole log, put together from its portions. */
export const DMTF_MEL = layout(
  {id: 'spdm-dmtf-mel', name: 'DMTF measurement extension log', spec: SPEC},
  {
    numberOfEntries: u32(0, 'NumberOfEntries'),
    entriesLength: u32(4, 'MELEntriesLen'),
    reserved8: bytes(8, 8, 'reserved'),
    entries: array(MEL_ENTRY, 'numberOfEntries', 'MELEntries', {span: 'entriesLength'}),
  },
)

export const MEL_PARTS = [MEL_ENTRY, DMTF_MEL]
