/** What a pin becomes when its device is accepted or enrolled. Nothing is forgotten: versions only rise, history only grows. */
import {svnOf} from './compare-firmware.js'
import type {Acceptance, DeviceProfile, Pin, VersionFloor} from './types.js'

/** Events a pin keeps besides the first one; the audit log has them all. */
const NEWEST = 255

const higher = (a: string | undefined, b: string): string => (a === undefined || BigInt(b) > BigInt(a) ? b : a)

/** Version of each DICE layer: of several parts of one layer the least, which is what the next ones are held to. */
function leastOf({dice}: DeviceProfile): ReadonlyMap<number, string> {
  const least = new Map<number, string>()
  for (const {layer, svn} of dice)
    if (svn !== null && (least.get(layer) === undefined || BigInt(svn) < BigInt(least.get(layer)!)))
      least.set(layer, svn)
  return least
}

function raised(floor: VersionFloor | undefined, profile: DeviceProfile): VersionFloor {
  const measured = new Map(floor?.measurements.map(({index, svn}) => [index, svn]))
  for (const block of profile.measurements) {
    const svn = svnOf(block)
    if (svn !== undefined) measured.set(block.index, higher(measured.get(block.index), String(svn)))
  }
  const dice = new Map(floor?.dice.map(({layer, svn}) => [layer, svn]))
  for (const [layer, svn] of leastOf(profile)) dice.set(layer, higher(dice.get(layer), svn))
  return {
    measurements: [...measured].toSorted(([a], [b]) => a - b).map(([index, svn]) => ({index, svn})),
    dice: [...dice].toSorted(([a], [b]) => a - b).map(([layer, svn]) => ({layer, svn})),
  }
}

/** May what a pin keeps be compared with? What was merely accepted once, under whatever rule, is known to no other. */
export const holdsFor = (mode: string, pin: Pick<Pin, 'mode'>): boolean => mode === 'tofu' || pin.mode === 'manual'

/** Versions that `profile` has below what was accepted before: a person who enrols it anew would not notice. */
export function fallenVersions({floor}: Pin, profile: DeviceProfile): readonly string[] {
  const svns = new Map(profile.measurements.map(block => [block.index, svnOf(block)]))
  const measured = floor.measurements
    .filter(({index, svn}) => (svns.get(index) ?? -1n) < BigInt(svn))
    .map(({index, svn}) => `block ${index}: ${svns.get(index) ?? 'none'} after ${svn}`)
  // of several entries for one layer the least counts
  const layers = floor.dice.flatMap(({layer, svn}) => {
    const stated = profile.dice.filter(entry => entry.layer === layer && entry.svn !== null)
    const low = stated.find(entry => BigInt(entry.svn!) < BigInt(svn))
    if (stated.length > 0 && low === undefined) return []
    return [`DICE layer ${layer}: ${low?.svn ?? 'none'} after ${svn}`]
  })
  return [...measured, ...layers]
}

export interface Event {
  readonly event: 'enrolled' | 'accepted'
  readonly acceptance: Acceptance
  readonly profile: DeviceProfile
  readonly bdf: string
  /** The device is to stay pinned as it was: what it was accepted with is an exception. */
  readonly keepProfile?: boolean
}

/** The pin after `event`. `before` must be the pin of the same device. */
export function remembered(before: Pin | undefined, {event, acceptance, profile, bdf, keepProfile}: Event): Pin {
  const {pinId} = profile
  const [first, ...rest] = before?.history ?? []
  const entry = {...acceptance, event}
  return {
    ...profile,
    ...(keepProfile && before),
    pinId,
    version: 1,
    bdf,
    firstSeen: before?.firstSeen ?? acceptance.at,
    lastAccepted: acceptance,
    mode: event === 'enrolled' ? 'manual' : (before?.mode ?? 'auto'),
    floor: raised(before?.floor, profile),
    history: first === undefined ? [entry] : [first, ...[...rest, entry].slice(-NEWEST)],
  }
}
