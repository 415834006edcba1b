/** GET_MEASUREMENTS as a responder answers it, and summary hashes (DSP0274 1.3 §10.11, §10.8.4). */
import {concat} from '../../bits/index.js'
import {rowNamed, BASE_HASH, type HashAlgorithm} from '../algorithms.js'
import {digestOf} from '../crypto/index.js'
import {
  DMTF_MEASUREMENT,
  GET_MEASUREMENTS,
  KEY_USAGE,
  MEASUREMENT_BLOCK,
  MEASUREMENT_INDEX,
  MEASUREMENTS,
  NONCE_SIZE,
  SUMMARY_TYPE,
} from '../messages/index.js'
import type {Connection} from '../negotiation/index.js'
import type {ResponderMeasurement} from './options.js'
import {read} from './read.js'
import {refuse, require} from './refusal.js'
import {signWith, slotFor} from './signing.js'
import {type Call, contextFor, type Handler, negotiatedOf, scopeOf} from './state.js'

const DMTF = 1
const CONTENT_UNCHANGED = 2

/** Value of a measurement as it is sent: bit stream if it is one or if that is asked for and there is one. */
function valueOf({form, value}: ResponderMeasurement, hash: HashAlgorithm | undefined, wantsRaw: boolean) {
  // "raw bit stream only" is a measurement hash of its own, without a digest
  const isRaw = form === 'raw' || (form === 'content' && (wantsRaw || hash === undefined || hash.size === 0))
  const isDigested = form === 'content' && !isRaw
  return {rawBitStream: isRaw, value: isDigested ? digestOf(rowNamed(BASE_HASH, hash!.name), value) : value}
}

const blockOf = (measurement: ResponderMeasurement, {measurementHash}: Connection, wantsRaw: boolean) => ({
  index: measurement.index,
  measurementSpecification: DMTF,
  measurement: DMTF_MEASUREMENT.encode({
    valueType: measurement.type,
    ...valueOf(measurement, measurementHash, wantsRaw),
  }),
})

const ascending = (measurements: readonly ResponderMeasurement[]): readonly ResponderMeasurement[] =>
  measurements.toSorted((a, b) => a.index - b.index)

/**
 * MeasurementSummaryHash that a request of `type` wants, or undefined when it wants none. It is taken with the base
 * hash, over the blocks in digest form. Throws Refusal for an undefined type, or when there are no measurements.
 */
export function summaryHash(call: Call, type: number): Uint8Array | undefined {
  if (type === SUMMARY_TYPE.none) return undefined
  const {connection} = negotiatedOf(call)
  require(type === SUMMARY_TYPE.tcb || type === SUMMARY_TYPE.all)
  require((call.state.flags?.measCap ?? 0) !== 0)
  const covered = ascending(call.options.measurements).filter(({tcb}) => tcb || type === SUMMARY_TYPE.all)
  return digestOf(
    connection.hash!,
    ...covered.map(measurement => MEASUREMENT_BLOCK.encode(blockOf(measurement, connection, false))),
  )
}

/** The measurements `operation` asks for. Throws Refusal when there is no such index. */
function selected({options}: Call, operation: number): readonly ResponderMeasurement[] {
  if (operation === 0) return []
  if (operation === MEASUREMENT_INDEX.all) return ascending(options.measurements)
  const found = options.measurements.filter(({index}) => index === operation)
  require(found.length > 0)
  return found
}

const SIGNED = 2
const SLOT_MASK = 16

export const getMeasurements: Handler = call => {
  const {connection, transcripts} = negotiatedOf(call)
  const {version} = connection
  const {value: request, bytes} = read(call, GET_MEASUREMENTS, {version})
  const isSigned = request.signatureRequested
  if (isSigned && call.state.flags?.measCap !== SIGNED)
    refuse('UnsupportedRequest', {data: request.requestResponseCode})
  const operation = request.measurementOperation
  const slotId = (request.slotIdParam ?? 0) % SLOT_MASK
  const slot = isSigned ? slotFor(call, slotId, KEY_USAGE.measurement) : undefined
  const wantsRaw = version >= 0x12 && request.rawBitStreamRequested
  const blocks = selected(call, operation).map(measurement => blockOf(measurement, connection, wantsRaw))
  const unsigned = MEASUREMENTS.encode(
    {
      spdmVersion: version,
      totalNumberOfMeasurements: operation === 0 ? call.options.measurements.length : 0,
      slotId: version >= 0x11 ? slotId : 0,
      contentChanged: isSigned && version >= 0x12 ? CONTENT_UNCHANGED : 0,
      measurementRecord: blocks,
      nonce: call.options.random(NONCE_SIZE),
      requesterContext: request.requesterContext,
    },
    contextFor(call, {signatureSize: 0}),
  )
  const transcript = transcripts.measurements(bytes, unsigned, isSigned, scopeOf(call))
  if (slot === undefined) return unsigned
  return concat(unsigned, signWith(slot, connection, 'responder-measurements signing', transcript))
}
