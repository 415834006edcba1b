/** What the measured values are compared with: the rule's references, the deny list, and what the modes must be. */
import {toHex} from '../../bits/index.js'
import {quoted} from '../../errors.js'
import type {BlockFacts} from '../../spdm/index.js'
import type {EffectiveRule, MeasurementValue} from '../policy/index.js'
import type {Check} from './context.js'
import {fromTranscript, placeOf} from './measurements.js'
import {fail, failIfAny, pass, relaxed, skip} from './verdict.js'

const SOURCE_NONE = 'measurements.source: none'

/** Blocks by index; of a block that several responses repeat, the last one. */
const byIndex = (blocks: readonly BlockFacts[]): ReadonlyMap<number, BlockFacts> =>
  new Map(blocks.map(block => [block.index, block]))

const references = (rule: EffectiveRule, index: number): readonly MeasurementValue[] =>
  rule.measurements.values.filter(value => value.index === index)

const nothingToCompare = skip('na', 'the rule gives no reference values', SOURCE_NONE)

const reference: Check = ({rule}) => {
  const {source, values} = rule.measurements
  if (source === 'none') return nothingToCompare
  if (source !== 'inline') return fail('unsupported', `source ${source} is not supported by this version`)
  return values.length === 0 ? fail('empty', 'there are none') : pass(`${values.length} inline values`)
}

const coverage = fromTranscript(({blocks}, {rule}) => {
  const {source, values, coverage: kind} = rule.measurements
  if (source === 'none') return nothingToCompare
  const present = byIndex(blocks)
  const missing = values.filter(({index}) => !present.has(index))
  const unknown = [...present.values()].filter(({index}) => references(rule, index).length === 0)
  const problems = missing.map(({index}) => ({code: 'missing', message: `block ${index} is missing`}))
  const surplus = unknown.map(block => ({
    code: 'unknown',
    message: `block ${block.index} has no approved value`,
    place: placeOf(block),
  }))
  if (kind === 'exhaustive') return failIfAny([...problems, ...surplus])
  if (problems.length > 0 || surplus.length === 0) return failIfAny(problems)
  return relaxed('measurements.coverage: listed', `${surplus.length} blocks have no approved value`)
})

const bitString = (hex: string): bigint => BigInt(`0x0${hex}`)

/** Does `value` equal `wanted` (hexadecimal) wherever `mask` has a 1? */
function equalUnder(value: Uint8Array, wanted: string, mask: string | undefined): boolean {
  if (wanted.length !== value.length * 2) return false
  const [a, b] = [bitString(toHex(value)), bitString(wanted)]
  if (mask === undefined) return a === b
  const care = bitString(mask)
  return (a & care) === (b & care)
}

const isPlaceholder = ({raw, allZero, allOnes}: BlockFacts): boolean => !raw && (allZero || allOnes)

/** Is the block one of the approved values? Undefined where the reference has nothing to compare. */
export function isApproved(block: BlockFacts, entry: MeasurementValue, hash: string | undefined): boolean | undefined {
  const {digests, raw, mask, allowZero = false} = entry
  if (digests !== undefined) {
    if (block.raw || (isPlaceholder(block) && !allowZero)) return false
    const value = toHex(block.value)
    return digests.some(digest => {
      const [algorithm, hex] = digest.split(':')
      return hex === value && (hash === undefined || algorithm === hash)
    })
  }
  return raw === undefined ? undefined : block.raw && raw.some(item => equalUnder(block.value, item, mask))
}

/** No adapter reads opaque data in this version, so a conditional entry has no known fact to depend on. */
const isConditional = ({when}: MeasurementValue): boolean => when !== undefined

const short = (block: BlockFacts): string => {
  const text = toHex(block.value)
  return text.length > 24 ? `${text.slice(0, 24)}...` : text
}

const values = fromTranscript(({blocks}, {rule, facts}) => {
  if (rule.measurements.source === 'none') return nothingToCompare
  const hash = facts.negotiated?.measurementHash?.name
  return failIfAny(
    [...byIndex(blocks).values()].flatMap(block =>
      references(rule, block.index).flatMap(entry => {
        if (isConditional(entry))
          return [{code: 'condition', message: `block ${block.index}: ${quoted(entry.when!.fact)} is not known`}]
        return isApproved(block, entry, hash) === false
          ? [{code: 'value', message: `block ${block.index} value ${short(block)}`, place: placeOf(block)}]
          : []
      }),
    ),
    'an approved value',
  )
})

const typeRep = fromTranscript(({blocks}, {rule}) =>
  failIfAny(
    blocks.flatMap(block => {
      const wanted = (message: string) => ({
        code: 'reference',
        message: `block ${block.index}: ${message}`,
        place: placeOf(block),
      })
      const own = block.representationProblems.map(message => ({...wanted(message), code: 'size'}))
      const byReference = references(rule, block.index)
        .filter(({informational}) => informational === undefined)
        .flatMap(({type, digests, raw, svn}) => [
          ...(block.typeName === type ? [] : [wanted(`type ${block.typeName ?? 'unknown'}, reference is ${type}`)]),
          ...(digests !== undefined && block.raw ? [wanted('raw value, reference is a digest')] : []),
          ...(raw !== undefined && !block.raw ? [wanted('digest, reference is a raw value')] : []),
          ...(svn !== undefined && block.svn === undefined ? [wanted('not a security version number')] : []),
        ])
      return [...own, ...byReference]
    }),
    'what type and reference say',
  ),
)

const zeroDigest = fromTranscript(({blocks}, {rule}) =>
  failIfAny(
    blocks.filter(isPlaceholder).flatMap(block => {
      const compared = references(rule, block.index).filter(({digests}) => digests !== undefined)
      const approved = compared.some(entry => isApproved(block, entry, undefined) === true)
      return compared.length === 0 || approved
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

const svn = fromTranscript(({blocks}, {rule}) => {
  const stated = blocks.filter(block => block.typeName === 'svn')
  if (stated.length === 0) return skip('abs', 'the device states no security version')
  const compared = stated.flatMap(block => references(rule, block.index).flatMap(entry => entry.svn ?? []))
  if (compared.length === 0) return skip('abs', 'the rule names no minimum')
  return failIfAny(
    stated.flatMap(block =>
      references(rule, block.index).flatMap(({svn: range}) => {
        const {min = 0, max = Number.MAX_SAFE_INTEGER} = range ?? {}
        const value = block.svn
        return value !== undefined && value >= BigInt(min) && value <= BigInt(max)
          ? []
          : [{code: 'range', message: String(value ?? 'none'), place: placeOf(block)}]
      }),
    ),
    compared.map(({min, max}) => `${min ?? 0}${max === undefined ? ' or more' : ` to ${max}`}`).join(', '),
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
