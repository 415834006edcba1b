/** Waivers: when they live, who agreed, and what they make of a rule (L07, L11, L12). */
import {type CheckId, isWaivable, REGISTRY} from '../../registry/index.js'
import type {PolicyDocument, Waiver} from '../schema.js'
import {type Reporter, ruleName, waiverName} from './finding.js'
import {matchesMeet} from './overlap.js'
import {keysOf} from './rules.js'

const DAY = 24 * 60 * 60 * 1000
const LONGEST_WAIVER = 92 * DAY
const ANNOUNCED = 14 * DAY

/** Checks whose waiver two people have to agree on: who the device is, what runs on it, and who says so. */
const OF_TWO = /^(?:spdm\.(?:id|meas|dice)|tsm)\./
const needsTwo = (check: string): boolean =>
  OF_TWO.test(check) && Object.hasOwn(REGISTRY, check) && isWaivable(check as CheckId)

function lintTimes({find, warn}: Reporter, waiver: Waiver, now: Date): void {
  const where = waiverName(waiver)
  const [from, until] = [Date.parse(waiver.created), Date.parse(waiver.expires)]
  if (until <= from) find('L11', where, 'expires before it was created')
  else if (from > now.getTime()) find('L11', where, 'created in the future')
  else if (until - from > LONGEST_WAIVER) find('L11', where, 'lives longer than 92 days')
  else if (until <= now.getTime()) warn('L11', where, `expired ${waiver.expires}: delete it`)
  else if (until - now.getTime() < ANNOUNCED) warn('L11', where, `expires ${waiver.expires}, in less than 14 days`)
}

const isLive = ({created, expires}: Waiver, now: Date): boolean =>
  Date.parse(created) <= now.getTime() && now.getTime() < Date.parse(expires)

export function lintWaivers(reporter: Reporter, policy: PolicyDocument, now: Date): void {
  const {find, warn} = reporter
  for (const waiver of policy.waivers ?? []) {
    lintTimes(reporter, waiver, now)
    const {check, approvedBy, match} = waiver
    const isKnown = approvedBy.every(name => Object.hasOwn(policy.approvers ?? {}, name))
    if (needsTwo(check) && isKnown && keysOf(policy, approvedBy) < 2)
      find('L12', waiverName(waiver), `a waiver of ${check} needs two approvers with different keys`)
    if (!isLive(waiver, now)) continue
    for (const rule of policy.rules)
      if (rule.human === 'none' && matchesMeet(match, rule.match))
        warn('L07', ruleName(rule), `${waiverName(waiver)} may apply: a person is asked as long as it lives`)
  }
}
