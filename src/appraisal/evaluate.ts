/** Runs all checks over the facts, each after the ones it depends on. */
import {type Check, type Circumstances, CHECKS, type Context, type EvidenceCheckId} from './checks/index.js'
import type {Facts} from './facts.js'
import {isHostSide, isOfALock, withoutLock} from './host-side.js'
import type {EffectiveRule, Policy, Rule} from './policy/index.js'
import type {Pin} from './pins/index.js'
import type {ReferenceSet} from './references/index.js'
import type {RevocationMaterial} from './revocation/index.js'
import {type CheckId, CHECK_IDS, isCommitCheck, REGISTRY} from './registry/index.js'
import {isSatisfied, settle, type Settleable} from './settle.js'
import type {AnchorMatch} from './trust-path.js'
import type {CheckResult} from './types.js'
import {isAboutEvidence, isUnverified, setAside} from './unverified.js'
import {waiverFor, type WaiverSituation} from './waivers.js'
import {printable} from '../errors.js'

export interface Subjects {
  readonly facts: Facts
  readonly circumstances: Circumstances
  readonly policy: Policy | undefined
  readonly candidates: readonly Rule[]
  readonly rule: EffectiveRule
  readonly anchor: AnchorMatch | undefined
  readonly pin: Pin | undefined
  readonly references: ReferenceSet
  readonly revocation: RevocationMaterial
  /** Name in the verified certificate. */
  readonly name: string | undefined
}

const PRINTABLE = /^[\x20-\x7e]*$/

/** Everything an appraisal shows, which must all be printable. */
function unprintable(results: Iterable<CheckResult>): string | undefined {
  for (const {id, text, expected, got, relaxedBy, code} of results)
    if (![text, expected ?? '', got ?? '', relaxedBy ?? '', code].every(shown => PRINTABLE.test(shown))) return id
  return undefined
}

function guarded(check: Check, context: Context): Settleable {
  try {
    return check(context)
  } catch (error) {
    // a check that breaks has not passed; the others go on, so that the reviewer sees everything
    return {result: 'error', text: `the check itself failed: ${printable(String(error), 160)}`}
  }
}

export function evaluate(subjects: Subjects): readonly CheckResult[] {
  const {facts, circumstances, policy, rule, name} = subjects
  const situation: WaiverSituation = {
    policy,
    rule,
    bundle: facts.bundle,
    now: circumstances.now,
    clockTrusted: circumstances.clockTrusted,
    name,
  }
  const unverified = isUnverified(facts.bundle, rule)
  const onHost = isHostSide(facts.bundle)
  const aside = new Set<CheckId>()
  const results = new Map<CheckId, CheckResult>()
  const waiverProblems: string[] = []

  function conclude(id: CheckId, answer: Settleable): CheckResult {
    let settled = settle(id, answer, rule)
    if (settled.blocking && (answer.result === 'fail' || answer.result === 'skip')) {
      const {usable, problems} = waiverFor(id, situation)
      if (usable !== undefined) settled = settle(id, answer, rule, usable.id)
      waiverProblems.push(...problems)
    }
    if (settled.blocking && unverified && isAboutEvidence(id)) {
      settled = setAside(settled)
      aside.add(id)
    }
    return note(id, settled)
  }

  function note(id: CheckId, settled: CheckResult): CheckResult {
    results.set(id, settled)
    return settled
  }

  // what was set aside is nothing that another check could build on
  const satisfied = (id: CheckId): boolean => isSatisfied(result(id)) && !aside.has(id)
  const context: Context = {...subjects, result, satisfied}

  function answerOf(id: CheckId): Settleable {
    if (id === 'policy.waivers')
      return waiverProblems.length === 0
        ? {result: 'pass'}
        : {result: 'fail', code: 'unusable', got: waiverProblems.join('; ')}
    if (id === 'ui.safe-text') {
      const found = unprintable(results.values())
      return found === undefined ? {result: 'pass'} : {result: 'fail', code: 'text', got: found}
    }
    return guarded(CHECKS[id as EvidenceCheckId], context)
  }

  function result(id: CheckId): CheckResult {
    const known = results.get(id)
    if (known !== undefined) return known
    if (onHost && isOfALock(id)) return note(id, withoutLock(settle(id, {result: 'pass'}, rule)))
    const missing = (REGISTRY[id].requires as readonly CheckId[] | undefined)?.find(
      prerequisite => !satisfied(prerequisite),
    )
    return conclude(id, missing === undefined ? answerOf(id) : {result: 'blocked', by: missing})
  }

  // these two judge the other results
  const last: readonly CheckId[] = ['policy.waivers', 'ui.safe-text']
  const ids = CHECK_IDS.filter(item => !isCommitCheck(item))
  for (const id of [...ids.filter(item => !last.includes(item)), ...last]) result(id)
  return ids.map(item => results.get(item)!)
}
