/** What the measured values are compared with: the reference values, the deny list, and what the modes must be. */
import {toHex} from '../../bits/index.js'
import {quoted} from '../../errors.js'
import type {BlockFacts} from '../../spdm/index.js'
import {known} from '../facts.js'
import {compare, type Comparison, isPlaceholder, type Reference, type SignedFacts} from '../references/index.js'
import type {Check, Context} from './context.js'
import {fromTranscript, placeOf} from './measurements.js'
import {fail, failIfAny, pass, relaxed, skip} from './verdict.js'

/** Blocks by index; of a block that several responses repeat, the last one. */
const byIndex = (blocks: readonly BlockFacts[]): ReadonlyMap<number, BlockFacts> =>
  new Map(blocks.map(block => [block.index, block]))

/** Reference values, where there are any to compare with. */
const valuesOf = ({references}: Context): readonly Reference[] =>
  references.status === 'usable' ? references.values : []

const NO_FACTS: SignedFacts = new Map()

/** What the references say about a block. */
export const comparisonOf = (block: BlockFacts, context: Pick<Context, 'facts' | 'references'>): Comparison =>
  compare(
    block,
    context.references.status === 'usable' ? context.references.values : [],
    known(context.facts.opaque)?.facts ?? NO_FACTS,
    context.facts.negotiated?.measurementHash?.name,
  )

const nothingToCompare = ({references}: Context) =>
  references.status === 'none' ? skip('na', references.why, references.key) : undefined

const reference: Check = context => {
  const {references} = context
  if (references.status === 'unusable') return fail(references.code, references.why)
  if (references.status === 'none') return skip('na', references.why, references.key)
  const sources = new Set(references.values.map(({provenance: {label, signer}}) => nameOf(label, signer)))
  const {length} = references.values
  return pass(`${length} reference values of ${[...sources].join(', ') || 'firmware'}`)
}

/** `"rim/gpu.corim", signer gpu-rim`. */
const nameOf = (label: string, signer: string | null): string =>
  signer === null ? quoted(label) : `${quoted(label)}, signer ${quoted(signer)}`

const coverage = fromTranscript(({blocks}, context) => {
  const nothing = nothingToCompare(context)
  if (nothing !== undefined) return nothing
  const present = byIndex(blocks)
  const values = valuesOf(context)
  const indices = new Set(values.map(({index}) => index))
  const needed = new Set(values.flatMap(({index, optional}) => (optional ? [] : [index])))
  const missing = [...needed].filter(index => !present.has(index))
  const unknown = [...present.values()].filter(({index}) => !indices.has(index))
  const problems = missing.map(index => ({code: 'missing', message: `block ${index} is missing`}))
  const surplus = unknown.map(block => ({
    code: 'unknown',
    message: `block ${block.index} has no approved value`,
    place: placeOf(block),
  }))
  if (context.rule.measurements.coverage === 'exhaustive') return failIfAny([...problems, ...surplus])
  if (problems.length > 0 || surplus.length === 0) return failIfAny(problems)
  return relaxed('measurements.coverage: listed', `${surplus.length} blocks have no approved value`)
})

const short = (block: BlockFacts): string => {
  const text = toHex(block.value)
  return text.length > 24 ? `${text.slice(0, 24)}...` : text
}

/** Whether a security version is in its range is for `spdm.meas.svn`. */
const isVersion = ({applying}: Comparison): boolean => applying.some(({svn}) => svn !== undefined)

const values = fromTranscript(
  ({blocks}, context) =>
    nothingToCompare(context) ??
    failIfAny(
      [...byIndex(blocks).values()].flatMap(block => {
        const comparison = comparisonOf(block, context)
        const {status, unknownFact} = comparison
        if (unknownFact !== undefined)
          return [{code: 'condition', message: `block ${block.index}: ${quoted(unknownFact)} is not known`}]
        return status === 'not approved' && !isVersion(comparison)
          ? [{code: 'value', message: `block ${block.index} value ${short(block)}`, place: placeOf(block)}]
          : []
      }),
      'an approved value',
    ),
)

/** Why a block is not of the form a reference expects, or undefined. */
function mismatch(block: BlockFacts, {type, digests, raw, svn}: Reference): string | undefined {
  if (type !== null && block.typeName !== type) return `type ${block.typeName ?? 'unknown'}, reference is ${type}`
  if (digests !== undefined && block.raw) return 'raw value, reference is a digest'
  if (raw !== undefined && !block.raw) return 'digest, reference is a raw value'
  return svn !== undefined && block.svn === undefined ? 'not a security version number' : undefined
}

const typeRep = fromTranscript(({blocks}, context) =>
  failIfAny(
    blocks.flatMap(block => {
      const problem = (code: string, message: string) => ({
        code,
        message: `block ${block.index}: ${message}`,
        place: placeOf(block),
      })
      const own = block.representationProblems.map(message => problem('size', message))
      const compared = comparisonOf(block, context).applying.filter(({informational}) => informational === undefined)
      const mismatches = compared.flatMap(entry => mismatch(block, entry) ?? [])
      // references are alternatives: one that fits is enough
      const all = mismatches.length === compared.length ? mismatches : []
      return [...own, ...all.map(message => problem('reference', message))]
    }),
    'what type and reference say',
  ),
)

const zeroDigest = fromTranscript(({blocks}, context) =>
  failIfAny(
    blocks.filter(isPlaceholder).flatMap(block => {
      const {status, applying} = comparisonOf(block, context)
      const compared = applying.some(({digests}) => digests !== undefined)
      return !compared || status === 'approved'
        ? []
        : [
            {
              code: block.allZero ? 'zero' : 'ones',
              message: `block ${block.index} is all ${block.allZero ? 'zero' : 'ones'}`,
              place: placeOf(block),
            },
          ]
    }),
  ),
)

const denied = fromTranscript(({blocks}, {policy, facts}) => {
  const hash = facts.negotiated?.measurementHash?.name
  return failIfAny(
    blocks
      .filter(({raw}) => !raw)
      .flatMap(block => {
        const entry = policy?.document.deny?.find(({measurement}) => measurement === `${hash}:${toHex(block.value)}`)
        return entry === undefined
          ? []
          : [{code: 'denied', message: `block ${block.index}: ${quoted(entry.reason)}`, place: placeOf(block)}]
      }),
  )
})

const rangeText = ({min = 0, max}: NonNullable<Reference['svn']>): string =>
  max === undefined ? `${min} or more` : min === max ? `${min}` : `${min} to ${max}`

const svn = fromTranscript(({blocks}, context) => {
  const stated = blocks.filter(block => block.typeName === 'svn')
  if (stated.length === 0) return skip('abs', 'the device states no security version')
  const compared = stated.flatMap(block => {
    const {status, applying} = comparisonOf(block, context)
    const ranges = applying.flatMap(entry => entry.svn ?? [])
    return ranges.length === 0 ? [] : [{block, status, ranges}]
  })
  if (compared.length === 0) return skip('abs', 'the rule names no minimum')
  return failIfAny(
    compared
      .filter(({status}) => status !== 'approved')
      .map(({block}) => ({code: 'range', message: String(block.svn ?? 'none'), place: placeOf(block)})),
    compared.flatMap(({ranges}) => ranges.map(rangeText)).join(', '),
  )
})

/** Against the greatest versions ever accepted for the pin, block by block: one block must not hide behind another. */
const rollback = fromTranscript(({blocks}, {pin, rule}) => {
  if (pin === undefined) return skip('na', 'no device with this certificate was accepted here before')
  const present = byIndex(blocks)
  const fallen = pin.floor.measurements.flatMap(({index, svn: floor}) => {
    const block = present.get(index)
    const now = block?.svn
    if (now !== undefined && now >= BigInt(floor)) return []
    return [
      {
        code: now === undefined ? 'gone' : 'below',
        message: `${now ?? 'none'} in block ${index}`,
        floor,
        ...(block !== undefined && {place: placeOf(block)}),
      },
    ]
  })
  if (fallen.length === 0) return pass()
  if (rule.measurements.rollback === 'warn')
    return relaxed('measurements.rollback: warn', `${fallen[0]!.message} after ${fallen[0]!.floor}`)
  return failIfAny(fallen, fallen[0]!.floor)
})

const modes = (blocks: readonly BlockFacts[]) =>
  blocks.flatMap(block => (block.deviceMode === undefined ? [] : [{block, mode: block.deviceMode}]))

const NO_MODE = skip('abs', 'the device does not say in which mode it is')

const deviceMode = fromTranscript(({blocks}) => {
  const found = modes(blocks)
  if (found.length === 0) return NO_MODE
  return failIfAny(
    found.flatMap(({block, mode}) => {
      const others = [
        ['manufacturing', mode.manufacturingMode],
        ['validation', mode.validationMode],
        ['recovery', mode.recoveryMode],
        ['RMA', mode.rmaMode],
        ['decommissioned', mode.decommissionedMode],
        ['undefined', mode.operationalReserved !== 0],
      ] as const
      const set = others.filter(([, on]) => on).map(([name]) => name)
      if (mode.normalMode && set.length === 0) return []
      const got = [...(mode.normalMode ? ['normal'] : []), ...set].join(' and ')
      return [{code: 'mode', message: got === '' ? 'none' : got, place: placeOf(block)}]
    }),
    'normal',
  )
})

const debug = fromTranscript(({blocks}) => {
  const found = modes(blocks)
  if (found.length === 0) return NO_DEBUG_STATE
  const answer = failIfAny(
    found.flatMap(({block, mode}) => {
      const states = [
        ['non-invasive debug is active', mode.nonInvasiveDebug],
        ['invasive debug is active', mode.invasiveDebug],
        ['non-invasive debug has been active since reset', mode.nonInvasiveDebugSinceReset],
        ['invasive debug has been active since reset', mode.invasiveDebugSinceReset],
        ['invasive debug has been active since manufacturing', mode.invasiveDebugSinceManufacturing],
        ['undefined bits are set', mode.deviceReserved !== 0],
      ] as const
      return states
        .filter(([, on]) => on)
        .map(([message]) => ({code: message.replaceAll(' ', '-'), message, place: placeOf(block)}))
    }),
    'no debug access',
  )
  // a state bit is 0 as well on a device that cannot report the state (DSP0274 §10.11, DeviceModeCapabilities)
  const reports = found.every(({mode}) => mode.nonInvasiveDebugCap && mode.invasiveDebugCap)
  return answer.result === 'pass' && !reports ? NO_DEBUG_STATE : answer
})
const NO_DEBUG_STATE = skip('abs', 'the device does not say whether debug access is active')

export const MEASURED_VALUE_CHECKS = {
  'spdm.meas.type-rep': typeRep,
  'spdm.meas.reference': reference,
  'spdm.meas.coverage': coverage,
  'spdm.meas.values': values,
  'spdm.meas.zero-digest': zeroDigest,
  'spdm.meas.denied': denied,
  'spdm.meas.svn': svn,
  'spdm.meas.rollback': rollback,
  'spdm.meas.device-mode': deviceMode,
  'spdm.meas.debug': debug,
} satisfies Record<string, Check>
