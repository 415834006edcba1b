/** What a simulated device measures about itself, and what its vendor publishes about that. */
import {createHash} from 'node:crypto'
import {concat, fromHex, toHex} from '../bits/index.js'
import {
  DEVICE_MODE,
  DMTF_MEASUREMENT,
  MEASUREMENT_BLOCK,
  MEASUREMENT_INDEX,
  MEASUREMENT_TYPE,
  type MeasurementTypeName,
  SVN,
} from '../spdm/index.js'
import type {ReferenceValue} from './machine.js'
import type {DeviceSpec, MeasurementSpec} from './scenario-schema.js'

const DMTF = 1
const SVN_INDEX = 0x10
const CURRENT_SVN = 7

interface Measured {
  readonly index: number
  readonly type: MeasurementTypeName
  readonly raw: boolean
  readonly value: Uint8Array
}

const digestOf = (text: string): Uint8Array => new Uint8Array(createHash('sha384').update(text).digest())

const svnValue = (svn: number): Uint8Array => SVN.encode({svn: BigInt(svn)})

const DIGESTED: readonly (readonly [number, MeasurementTypeName, string])[] = [
  [1, 'rom', 'boot ROM 1.0'],
  [2, 'firmware', 'firmware 4.2.1'],
  [3, 'hw-config', 'fuses'],
  [4, 'fw-config', 'default settings'],
]

/** The device mode of a device in normal operation that says everything about debug access. */
export function deviceMode(active: DeviceSpec['mode']): Uint8Array {
  return DEVICE_MODE.encode({
    manufacturingModeCap: true,
    normalModeCap: true,
    recoveryModeCap: true,
    normalMode: true,
    nonInvasiveDebugCap: true,
    invasiveDebugCap: true,
    nonInvasiveDebugSinceResetCap: true,
    invasiveDebugSinceResetCap: true,
    invasiveDebugSinceManufacturingCap: true,
    nonInvasiveDebug: active.includes('non-invasive-debug'),
    invasiveDebug: active.includes('invasive-debug'),
    nonInvasiveDebugSinceReset: active.includes('non-invasive-debug-since-reset'),
    invasiveDebugSinceReset: active.includes('invasive-debug-since-reset'),
    invasiveDebugSinceManufacturing: active.includes('invasive-debug-since-manufacturing'),
  })
}

/** A sound device of `model`. */
const sound = (manufacturer: string, model: string): Measured[] => [
  ...DIGESTED.map(([index, type, what]) => ({
    index,
    type,
    raw: false,
    value: digestOf(`${manufacturer} ${model} ${what}`),
  })),
  {index: SVN_INDEX, type: 'svn', raw: true, value: svnValue(CURRENT_SVN)},
  {index: MEASUREMENT_INDEX.deviceMode, type: 'device-mode', raw: true, value: deviceMode([])},
]

function valueOf({of, digest, raw, svn}: MeasurementSpec): Pick<Measured, 'raw' | 'value'> {
  if (svn !== undefined) return {raw: true, value: svnValue(svn)}
  if (raw !== undefined) return {raw: true, value: fromHex(raw)}
  return {raw: false, value: digest === undefined ? digestOf(of ?? '') : fromHex(digest)}
}

function changed(all: readonly Measured[], specs: DeviceSpec['measurements']): Measured[] {
  const by = new Map(all.map(one => [one.index, one]))
  for (const spec of specs) {
    const {index, absent, type} = spec
    if (absent) by.delete(index)
    else by.set(index, {index, type: type ?? by.get(index)?.type ?? 'firmware', ...valueOf(spec)})
  }
  return [...by.values()].sort((a, b) => a.index - b.index)
}

const block = ({index, type, raw, value}: Measured): Uint8Array =>
  MEASUREMENT_BLOCK.encode({
    index,
    measurementSpecification: DMTF,
    measurement: DMTF_MEASUREMENT.encode({valueType: MEASUREMENT_TYPE[type], rawBitStream: raw, value}),
  })

/** MeasurementRecord of a device as its scenario wants it. */
export function measurementRecord(
  manufacturer: string,
  model: string,
  {mode, measurements}: Pick<DeviceSpec, 'mode' | 'measurements'>,
): Uint8Array {
  const all = sound(manufacturer, model).map(one =>
    one.type === 'device-mode' ? {...one, value: deviceMode(mode)} : one,
  )
  return concat(...changed(all, measurements).map(block))
}

/** What the vendor publishes for `model`, whatever this machine's devices measure. */
export const referenceValues = (manufacturer: string, model: string): ReferenceValue[] =>
  sound(manufacturer, model).map(({index, type, raw, value}) => {
    if (type === 'svn') return {index, type, svn: CURRENT_SVN}
    return {index, type, ...(raw ? {raw: toHex(value)} : {digest: toHex(value)})}
  })
