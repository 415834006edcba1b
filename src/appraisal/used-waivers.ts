/** The waivers an appraisal made use of, with whoever answers for them. */
import {printable} from '../errors.js'
import type {Policy} from './policy/index.js'
import type {CheckResult, UsedWaiver} from './types.js'

const DAY = 86_400_000
const REASON_LENGTH = 256

export function usedWaivers(
  policy: Policy | undefined,
  results: readonly CheckResult[],
  now: Date,
): readonly UsedWaiver[] {
  const used = new Set(results.flatMap(({waiver}) => waiver ?? []))
  return (policy?.document.waivers ?? [])
    .filter(({id}) => used.has(id))
    .map(({id, check, reason, approvedBy, expires}) => ({
      id: printable(id),
      check: printable(check),
      reason: printable(reason, REASON_LENGTH),
      approvedBy: approvedBy.map(name => printable(name)),
      expires,
      daysLeft: Math.floor((Date.parse(expires) - now.getTime()) / DAY),
    }))
}
