/** Waivers: exceptions that somebody approved, for one check and one kind of device, for a time. */
import type {Bundle} from '../evidence/index.js'
import {type EffectiveRule, keysOf, matchesClaims, matchesName, type Policy, type Waiver} from './policy/index.js'

/** What decides whether a waiver applies. */
export interface WaiverSituation {
  readonly policy: Policy | undefined
  readonly rule: Pick<EffectiveRule, 'human'>
  readonly bundle: Pick<Bundle, 'manifest' | 'digest'>
  readonly now: Date
  readonly clockTrusted: boolean
  /** Name in the verified certificate. */
  readonly name: string | undefined
}

/** Why a waiver cannot be used here, or undefined when it can. */
export function waiverProblem(waiver: Waiver, situation: WaiverSituation): string | undefined {
  const {policy, bundle, now, clockTrusted, name, rule} = situation
  const {match, evidenceDigest, created, expires, approvedBy} = waiver
  if (!clockTrusted) return 'the clock that would end it is not trusted'
  if (now.getTime() < Date.parse(created)) return 'it is not valid yet'
  if (now.getTime() >= Date.parse(expires)) return 'it has expired'
  if (!matchesClaims(match, bundle.manifest.device)) return 'it is for another device'
  if (match.san !== undefined && (name === undefined || !matchesName(name, match.san)))
    return 'it is for another certificate name'
  if (evidenceDigest !== undefined && evidenceDigest !== bundle.digest) return 'it is for other evidence'
  if (rule.human === 'two-person' && (policy === undefined || keysOf(policy.document, approvedBy) < 2))
    return 'two people have to approve it'
  return undefined
}

const waiversOf = ({policy}: WaiverSituation): readonly Waiver[] =>
  policy === undefined || policy.findings.length > 0 ? [] : (policy.document.waivers ?? [])

/** The waivers for a check: the one that can be used, or why none can. */
export function waiverFor(
  check: string,
  situation: WaiverSituation,
): {readonly usable: Waiver | undefined; readonly problems: readonly string[]} {
  const candidates = waiversOf(situation).filter(waiver => waiver.check === check)
  const usable = candidates.find(waiver => waiverProblem(waiver, situation) === undefined)
  const problems = candidates.map(waiver => `${waiver.id}: ${waiverProblem(waiver, situation)}`)
  return {usable, problems: usable === undefined ? problems : []}
}

/** A live waiver for this kind of device makes a rule without a human one that needs a human. */
export const anyWaiverApplies = (situation: WaiverSituation): boolean =>
  waiversOf(situation).some(waiver => waiverProblem(waiver, situation) === undefined)
