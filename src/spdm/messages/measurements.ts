/** GET_MEASUREMENTS, MEASUREMENTS and what a measurement record consists of (DSP0274 1.3 §10.11). */
import {
  array,
  bit,
  bits,
  bytes,
  type Context,
  layout,
  nested,
  NEXT,
  reserved,
  REST,
  type Seen,
  u16,
  u24,
  u64,
  u8,
} from '../../bits/index.js'
import {header, since} from './header.js'
import {STANDARDS_HEADER} from './standards-header.js'

const SPEC = 'DSP0274 1.3 §10.11'

/** Bytes of a nonce of either side. */
export const NONCE_SIZE = 32
/** Bytes of RequesterContext, since 1.3. */
export const REQUESTER_CONTEXT_SIZE = 8

const signed = (seen: Seen): boolean => seen.signatureRequested as boolean

/** 4 bytes unsigned, 36 signed in 1.0, 37 in 1.1 and 1.2; since 1.3 12 and 45. */
export const GET_MEASUREMENTS = layout(
  {
    id: 'spdm-get-measurements',
    name: 'GET_MEASUREMENTS',
    spec: SPEC,
    contexts: [{}, {version: 0x10}, {version: 0x11}, {version: 0x12}, {version: 0x13}],
  },
  {
    ...header('GET_MEASUREMENTS'),
    signatureRequested: bit(2, 1, 0, 'Attributes: SignatureRequested'),
    rawBitStreamRequested: bit(2, 1, 1, 'Attributes: RawBitStreamRequested (1.2)'),
    newMeasurementRequested: bit(2, 1, 2, 'Attributes: NewMeasurementRequested (1.3)'),
    attributesReserved: reserved(2, 1, 7, 3),
    measurementOperation: u8(3, 'MeasurementOperation: 0 count, 1 to 0xFE one index, 0xFF all'),
    nonce: bytes(NEXT, NONCE_SIZE, 'Nonce of the requester', {when: signed}),
    slotIdParam: u8(NEXT, 'SlotIDParam: slot [3:0]', {when: (seen: Seen) => signed(seen) && since(0x11)(seen)}),
    requesterContext: bytes(NEXT, REQUESTER_CONTEXT_SIZE, 'RequesterContext', {when: since(0x13)}),
  },
)

/** A block of a measurement record. What is inside is the business of the measurement specification. */
export const MEASUREMENT_BLOCK = layout(
  {id: 'spdm-measurement-block', name: 'Measurement block', spec: SPEC},
  {
    index: u8(0, 'Index, 1 to 0xFE'),
    measurementSpecification: u8(1, 'MeasurementSpecification: one bit, bit 0 DMTF'),
    measurementSize: u16(2, 'MeasurementSize: bytes that follow'),
    measurement: bytes(NEXT, 'measurementSize', 'Measurement'),
  },
)

/** DMTFSpecMeasurementValueType [6:0]. */
export const MEASUREMENT_TYPE = {
  rom: 0,
  firmware: 1,
  'hw-config': 2,
  'fw-config': 3,
  manifest: 4,
  'device-mode': 5,
  version: 6,
  svn: 7,
  'hash-extend': 8,
  informational: 9,
  'structured-manifest': 10,
} as const

export type MeasurementTypeName = keyof typeof MEASUREMENT_TYPE

export const MEASUREMENT_TYPE_NAMES = Object.fromEntries(
  Object.entries(MEASUREMENT_TYPE).map(([name, value]) => [value, name]),
) as Readonly<Record<number, MeasurementTypeName>>

export const DMTF_MEASUREMENT = layout(
  {id: 'spdm-dmtf-measurement', name: 'DMTF measurement', spec: SPEC},
  {
    valueType: bits(0, 1, 6, 0, 'DMTFSpecMeasurementValueType', {names: MEASUREMENT_TYPE_NAMES}),
    rawBitStream: bit(0, 1, 7, 'DMTFSpecMeasurementValueType: raw bit stream instead of digest'),
    valueSize: u16(1, 'DMTFSpecMeasurementValueSize'),
    value: bytes(NEXT, 'valueSize', 'DMTFSpecMeasurementValue'),
  },
)

/** The block index of the measurement manifest and of the device mode, since 1.2. */
export const MEASUREMENT_INDEX = {manifest: 0xfd, deviceMode: 0xfe, all: 0xff} as const

/** Value of the device-mode measurement (type 5), since 1.2: what the device can be in, and what it is in. */
export const DEVICE_MODE = layout(
  {id: 'spdm-device-mode', name: 'Device mode', spec: SPEC},
  {
    manufacturingModeCap: bit(0, 4, 0, 'OperationalModeCapabilities: manufacturing'),
    validationModeCap: bit(0, 4, 1, 'OperationalModeCapabilities: validation'),
    normalModeCap: bit(0, 4, 2, 'OperationalModeCapabilities: normal'),
    recoveryModeCap: bit(0, 4, 3, 'OperationalModeCapabilities: recovery'),
    rmaModeCap: bit(0, 4, 4, 'OperationalModeCapabilities: returned merchandise'),
    decommissionedModeCap: bit(0, 4, 5, 'OperationalModeCapabilities: decommissioned'),
    operationalCapReserved: reserved(0, 4, 31, 6),
    manufacturingMode: bit(4, 4, 0, 'OperationalModeState: manufacturing'),
    validationMode: bit(4, 4, 1, 'OperationalModeState: validation'),
    normalMode: bit(4, 4, 2, 'OperationalModeState: normal'),
    recoveryMode: bit(4, 4, 3, 'OperationalModeState: recovery'),
    rmaMode: bit(4, 4, 4, 'OperationalModeState: returned merchandise'),
    decommissionedMode: bit(4, 4, 5, 'OperationalModeState: decommissioned'),
    operationalReserved: reserved(4, 4, 31, 6),
    nonInvasiveDebugCap: bit(8, 4, 0, 'DeviceModeCapabilities: can say that non-invasive debug is active'),
    invasiveDebugCap: bit(8, 4, 1, 'DeviceModeCapabilities: can say that invasive debug is active'),
    nonInvasiveDebugSinceResetCap: bit(8, 4, 2, 'DeviceModeCapabilities: can say that it has been active'),
    invasiveDebugSinceResetCap: bit(8, 4, 3, 'DeviceModeCapabilities: can say that it has been active'),
    invasiveDebugSinceManufacturingCap: bit(8, 4, 4, 'DeviceModeCapabilities: can say so since manufacturing'),
    deviceCapReserved: reserved(8, 4, 31, 5),
    nonInvasiveDebug: bit(12, 4, 0, 'DeviceModeState: non-invasive debug is active'),
    invasiveDebug: bit(12, 4, 1, 'DeviceModeState: invasive debug is active'),
    nonInvasiveDebugSinceReset: bit(
      12,
      4,
      2,
      'DeviceModeState: non-invasive debug has been active in this reset cycle',
    ),
    invasiveDebugSinceReset: bit(12, 4, 3, 'DeviceModeState: invasive debug has been active in this reset cycle'),
    invasiveDebugSinceManufacturing: bit(12, 4, 4, 'DeviceModeState: has been active since manufacturing mode'),
    deviceReserved: reserved(12, 4, 31, 5),
  },
)

export type DeviceMode = ReturnType<typeof DEVICE_MODE.decode>

export const SVN = layout({id: 'spdm-svn', name: 'Secure version number', spec: SPEC}, {svn: u64(0, 'SVN')})

/** Value of a structured measurement manifest (type 10), since 1.3. */
export const STRUCTURED_MANIFEST = layout(
  {id: 'spdm-structured-manifest', name: 'Structured measurement manifest', spec: SPEC},
  {
    format: nested(NEXT, STANDARDS_HEADER, 'who defines the manifest'),
    manifest: bytes(NEXT, REST, 'the manifest'),
  },
)

/**
 * The response. Whether it ends in a signature depends on the request, and its size on the negotiated algorithm:
 * context `{signatureSize}`, absent or 0 for none.
 */
export const MEASUREMENTS = layout(
  {
    id: 'spdm-measurements',
    name: 'MEASUREMENTS',
    spec: SPEC,
    contexts: [
      {},
      {version: 0x10, signatureSize: 64},
      {version: 0x11, signatureSize: 96},
      {version: 0x12},
      {version: 0x12, signatureSize: 96},
      {version: 0x13},
      {version: 0x13, signatureSize: 64},
    ],
  },
  {
    ...header('MEASUREMENTS'),
    totalNumberOfMeasurements: u8(2, 'Param1: TotalNumberOfMeasurements if that was asked, else reserved'),
    slotId: bits(3, 1, 3, 0, 'Param2: SlotID (1.1)'),
    contentChanged: bits(3, 1, 5, 4, 'Param2: content changed (1.2)', {
      names: {0: 'not detected', 1: 'changed', 2: 'unchanged'},
    }),
    param2Reserved: reserved(3, 1, 7, 6),
    numberOfBlocks: u8(4, 'NumberOfBlocks'),
    measurementRecordLength: u24(5, 'MeasurementRecordLength'),
    measurementRecord: array(MEASUREMENT_BLOCK, 'numberOfBlocks', 'MeasurementRecord', {
      span: 'measurementRecordLength',
    }),
    nonce: bytes(NEXT, NONCE_SIZE, 'Nonce of the responder'),
    opaqueDataLength: u16(NEXT, 'OpaqueDataLength'),
    opaqueData: bytes(NEXT, 'opaqueDataLength', 'OpaqueData'),
    requesterContext: bytes(NEXT, REQUESTER_CONTEXT_SIZE, 'RequesterContext, echoed', {when: since(0x13)}),
    signature: bytes(NEXT, (_: Seen, context: Context) => context.signatureSize ?? 0, 'Signature over L1/L2'),
  },
)
