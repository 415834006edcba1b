/** The measurement transcript: is it whole, signed for us, and unambiguous? Values are judged in measured-values.ts. */
import {equal, fromHex, isZero} from '../../bits/index.js'
import {type BlockFacts, type MeasurementFacts, verifySignature} from '../../spdm/index.js'
import {known} from '../facts.js'
import {type Check, type Context, withoutAlgorithms} from './context.js'
import {type Answer, blocked, fail, failIfAny, malformed, pass, skip} from './verdict.js'

const OBJECT = 'measurements'

const framing: Check = ({facts}) => {
  const {measurements} = facts
  if (measurements.kind === 'undecodable') return withoutAlgorithms(facts)
  if (measurements.kind === 'absent') return fail('absent', 'there is none')
  if (measurements.kind === 'malformed') return malformed(OBJECT, measurements.error)
  const {trailing} = measurements.value
  if (trailing === undefined) return pass()
  return fail('trailing', `${trailing.length} bytes behind the signed response`, {
    expected: 'none',
    place: {object: OBJECT, ...trailing},
  })
}

/** Answers from the transcript; `spdm.meas.framing` has passed. */
export const fromTranscript =
  (answer: (measurements: MeasurementFacts, context: Context) => Answer): Check =>
  context => {
    const measurements = known(context.facts.measurements)
    return measurements === undefined ? blocked('spdm.meas.framing') : answer(measurements, context)
  }

const problemsOf = ({problems}: MeasurementFacts, ...kinds: readonly string[]) =>
  problems
    .filter(({kind}) => kinds.includes(kind))
    .map(({kind, offset, message}) => ({code: kind, message, place: {object: OBJECT, offset}}))

const request = fromTranscript(measurements => {
  if (measurements.signed === undefined) return fail('unsigned', 'no signature was asked for')
  if (!measurements.complete) return fail('incomplete', 'not every measurement was asked for')
  return failIfAny(problemsOf(measurements, 'blocks'))
})

const nonce = fromTranscript(({signed}, {facts}) => {
  const ours = facts.bundle.manifest.nonce
  const theirs = signed?.request.nonce
  if (theirs === undefined) return fail('absent', 'there is none')
  const place = {object: OBJECT, offset: signed!.request.offset + 4, length: theirs.length}
  if (isZero(theirs)) return fail('zero', 'all zero', {place})
  if (ours === null) return fail('unknown', 'the evidence was collected without one', {place})
  return equal(theirs, fromHex(ours.value)) ? pass() : fail('foreign', 'another one', {place})
})

const responderNonce = fromTranscript(({signed, exchanges}) => {
  const theirs = signed?.response.nonce
  if (theirs === undefined || isZero(theirs)) return fail('zero', 'all zero')
  const ours = signed?.request.nonce
  if (ours !== undefined && equal(theirs, ours)) return fail('reflected', 'ours, sent back')
  const before = exchanges.slice(0, -1).findIndex(({response}) => equal(response.nonce, theirs))
  return before < 0 ? pass() : fail('repeated', `that of its response ${before + 1}`)
})

const SPDM_1_2 = 0x12
const SPDM_1_3 = 0x13

const context = fromTranscript(measurements =>
  measurements.version < SPDM_1_3
    ? skip('na', 'SPDM before 1.3 has no requester context')
    : failIfAny(problemsOf(measurements, 'context')),
)

const signature = fromTranscript((measurements, {facts}) => {
  const leaf = known(facts.certificates)?.at(-1)
  const {negotiated} = facts
  if (leaf === undefined || negotiated === undefined) return blocked('spdm.chain.format')
  const {signature: bytes, transcript, version} = measurements
  if (bytes === undefined) return fail('absent', 'there is none')
  if (transcript === undefined) return blocked('spdm.vca.framing')
  const verdict = verifySignature(
    {version, context: 'responder-measurements signing', hash: negotiated.hash, asym: negotiated.asym, transcript},
    leaf.spki,
    bytes,
  )
  return verdict.status === 'valid'
    ? pass()
    : fail(verdict.status, verdict.why, {
        place: {object: OBJECT, offset: measurements.bytes.length - bytes.length, length: bytes.length},
      })
})

/** Every block that is compared must lie, byte for byte, in what the signature covers. */
const signedOnly = fromTranscript(({blocks, bytes, signature: mark, embeddedVca, exchanges}) => {
  const start = embeddedVca?.bytes.length ?? 0
  const last = exchanges.at(-1)?.response
  const end = last === undefined ? start : last.offset + last.length - (mark?.length ?? 0)
  const outside = blocks.filter(({offset, length, valueOffset, value}) => {
    const inside = offset >= start && offset + length <= end && valueOffset >= offset
    return !inside || !equal(bytes.subarray(valueOffset, valueOffset + value.length), value)
  })
  const problems = outside.map(({index}) => ({code: 'unsigned', message: `block ${index}`}))
  return problems.length > 0 ? failIfAny(problems) : pass(`${blocks.length} blocks, all from the signed transcript`)
})

const contentChanged = fromTranscript(measurements => {
  if (measurements.version < SPDM_1_2) return skip('na', 'SPDM before 1.2 does not report changes')
  const changed = measurements.exchanges.find(({response}) => ['changed', 'reserved'].includes(response.contentChanged))
  if (changed !== undefined)
    return fail(changed.response.contentChanged, changed.response.contentChanged, {
      place: {object: OBJECT, offset: changed.response.offset + 3, length: 1},
    })
  const problems = problemsOf(measurements, 'content-changed')
  return problems.length > 0 ? failIfAny(problems) : pass(measurements.signed?.response.contentChanged)
})

export const placeOf = ({offset, length}: BlockFacts) => ({object: OBJECT, offset, length})

const blocks = fromTranscript(measurements =>
  failIfAny([
    ...problemsOf(measurements, 'duplicate-index', 'conflicting-index'),
    ...measurements.blocks.flatMap(block =>
      block.problems.map(message => ({
        code: 'form',
        message: `block ${block.index}: ${message}`,
        place: placeOf(block),
      })),
    ),
  ]),
)

const opaque = fromTranscript((_, {facts}) => {
  const {opaque: data} = facts
  if (data.kind === 'absent') return skip('abs', 'the device sends no opaque data')
  if (data.kind === 'undecodable') return skip('abs', 'there is opaque data, of a vendor this version cannot read')
  if (data.kind === 'malformed') return malformed(OBJECT, data.error)
  const {facts: found, unknown, vendor} = data.value
  const more = unknown.length === 0 ? '' : `, ${unknown.length} not known`
  return pass(`${found.size} facts of ${vendor}${more}`)
})

export const MEASUREMENT_CHECKS = {
  'spdm.meas.framing': framing,
  'spdm.meas.request': request,
  'spdm.meas.nonce': nonce,
  'spdm.meas.responder-nonce': responderNonce,
  'spdm.meas.context': context,
  'spdm.meas.signature': signature,
  'spdm.meas.signed-only': signedOnly,
  'spdm.meas.content-changed': contentChanged,
  'spdm.meas.blocks': blocks,
  'spdm.meas.opaque': opaque,
} satisfies Record<string, Check>
