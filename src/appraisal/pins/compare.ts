/**
 * What changed since a device was last accepted: rows of meaning, not of bytes, in the order in which a reviewer needs
 * them. Nonces, signatures, addresses and times are never the same and are not compared.
 */
import {printable} from '../../errors.js'
import type {Sha384} from '../../evidence/index.js'
import {diceChanges, measurementChanges, svnChanges} from './compare-firmware.js'
import {reportChanges} from './compare-report.js'
import {change, list, shortOf} from './rows.js'
import type {Acceptance, Change, Comparison, DeviceProfile, Pin} from './types.js'

/** The present, as far as it is not in the profile. */
export interface Present {
  readonly bdf: string | null
  readonly policy: Sha384 | null
  readonly tool: string
  /** Which reference approves the block's value now; null where none does. */
  approvedBy(index: number): string | null
}

function identityChanges(was: DeviceProfile, is: DeviceProfile): Change[] {
  const rows: Change[] = []
  if (was.certificate !== is.certificate)
    rows.push(
      change('identity', 'device certificate changed', shortOf(was.certificate), shortOf(is.certificate), {
        grave: true,
      }),
    )
  else if (was.leaf !== is.leaf)
    rows.push(
      change('identity', 'firmware identity changed, device identity unchanged', shortOf(was.leaf), shortOf(is.leaf)),
    )
  if (was.san !== is.san) rows.push(change('identity', 'name changed', was.san, is.san, {grave: true}))
  return rows
}

function pathChanges(was: DeviceProfile, is: DeviceProfile): Change[] {
  return [
    ...(was.anchor === is.anchor ? [] : [change('trust path', 'anchor changed', was.anchor, is.anchor, {grave: true})]),
    ...(was.slot === is.slot
      ? []
      : [change('trust path', 'certificate slot changed', String(was.slot), String(is.slot))]),
  ]
}

function platformChanges({platform: was}: DeviceProfile, {platform: is}: DeviceProfile): Change[] {
  const rows: Change[] = []
  if (was.abi !== is.abi) rows.push(change('platform', 'evidence interface changed', was.abi, is.abi))
  if (was.digestAlgorithm !== is.digestAlgorithm)
    rows.push(change('platform', 'digest algorithm of the TSM changed', was.digestAlgorithm, is.digestAlgorithm))
  const lost = was.digests.filter(label => !is.digests.includes(label))
  if (lost.length > 0)
    rows.push(change('platform', `the TSM gives no digest any more of ${printable(lost.join(', '))}`, 'given', 'none'))
  return rows
}

const debugChanges = (was: DeviceProfile, is: DeviceProfile): Change[] =>
  was.debug === is.debug
    ? []
    : [change('debug', 'debug state changed', was.debug, is.debug, {grave: is.debug !== 'off'})]

function spdmChanges({spdm: was}: DeviceProfile, {spdm: is}: DeviceProfile): Change[] {
  const names = ['version', 'hash', 'asym'] as const
  return names.flatMap(name =>
    was[name] === is[name] ? [] : [change('spdm', `SPDM ${name} changed`, was[name], is[name])],
  )
}

const barsText = ({bars}: DeviceProfile): string | null => list(bars.map(({bar, size}) => `BAR${bar} ${size}`))

const changesOf = (pin: Pin, is: DeviceProfile, now: Present): readonly Change[] => [
  ...identityChanges(pin, is),
  ...pathChanges(pin, is),
  ...platformChanges(pin, is),
  ...debugChanges(pin, is),
  ...svnChanges(pin, is),
  ...measurementChanges(pin, is, index => now.approvedBy(index)),
  ...diceChanges(pin, is),
  ...reportChanges(pin, is),
  ...(barsText(pin) === barsText(is) ? [] : [change('bars', 'BAR sizes changed', barsText(pin), barsText(is))]),
  ...spdmChanges(pin, is),
  ...(now.policy === null || pin.lastAccepted.P === now.policy
    ? []
    : [change('policy', 'policy changed', shortOf(pin.lastAccepted.P), shortOf(now.policy))]),
  ...(pin.lastAccepted.tool === now.tool ? [] : [change('tool', 'tool changed', pin.lastAccepted.tool, now.tool)]),
  ...(now.bdf === null || pin.bdf === now.bdf ? [] : [change('place', 'the device moved', pin.bdf, now.bdf)]),
]

/** Compares evidence that verified with `pin`, or with the device `there` that was accepted in the same place before. */
export function compare(
  pin: Pin | undefined,
  there: Pin | undefined,
  profile: DeviceProfile,
  now: Present,
): Comparison {
  if (pin !== undefined) {
    const changes = changesOf(pin, profile, now)
    const equal = profile.measurements.filter(({index, value, type}) =>
      pin.measurements.some(was => was.index === index && was.value === value && was.type === type),
    )
    return {kind: 'compared', since: sinceOf(pin.lastAccepted), changes, equalMeasurements: equal.length}
  }
  if (there === undefined) return {kind: 'first-seen'}
  const {pinId, san, lastAccepted} = there
  return {kind: 'other-device', was: {...sinceOf(lastAccepted), pinId, san: san === null ? null : printable(san)}}
}

/** Text of the past is the device's and the system's. */
const sinceOf = (acceptance: Acceptance): Acceptance => ({
  ...acceptance,
  by: printable(acceptance.by),
  tool: printable(acceptance.tool),
})

/** What says something about circumstances, not about the device. */
const CIRCUMSTANCES: ReadonlySet<Change['topic']> = new Set(['policy', 'tool', 'place', 'platform'])

/** Is the device itself another one than was accepted, in anything that evidence shows? */
export const deviceChanged = (comparison: Comparison | null): boolean =>
  comparison?.kind === 'compared' && comparison.changes.some(({topic}) => !CIRCUMSTANCES.has(topic))
