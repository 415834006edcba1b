/**
 * Which rule applies. Config space is the host's claim, so it only picks candidates; a rule that names a certificate
 * name survives only if the chain verifies under its own anchors and says that name. Exactly one must survive: two are
 * not a priority list but an error.
 */
import type {DeviceFacts} from '../../evidence/index.js'
import type {Policy} from './load.js'
import type {Match, Rule} from './schema.js'

/** `pattern` may end in one `*`, which stands for anything. */
export const matchesName = (name: string, pattern: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern

const among = (value: string | null, wanted: readonly string[] | undefined): boolean =>
  wanted === undefined || (value !== null && wanted.includes(value))

/** Do the members of `match` that config space can answer hold? What nobody knows does not match. */
export function matchesClaims(match: Match, device: DeviceFacts): boolean {
  return (
    among(device.vendor, match.vendor === undefined ? undefined : [match.vendor]) &&
    among(device.device, match.device) &&
    among(device.subsystem, match.subsystem === undefined ? undefined : [match.subsystem]) &&
    among(device.bdf, match.bdf) &&
    // a class is matched from its beginning: base class, subclass, interface
    (match.class === undefined || (device.class !== null && device.class.startsWith(match.class)))
  )
}

/** Name in the leaf certificate if the chain verifies under a rule's anchors, else undefined. */
export type VerifiedName = (rule: Rule) => string | undefined

export function matchingRules({document}: Policy, device: DeviceFacts, verifiedName: VerifiedName): readonly Rule[] {
  return document.rules.filter(rule => {
    if (!matchesClaims(rule.match, device)) return false
    if (rule.match.san === undefined) return true
    const name = verifiedName(rule)
    return name !== undefined && matchesName(name, rule.match.san)
  })
}
