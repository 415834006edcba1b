/** The checks between approval and RUN: what was reviewed is read once more and held against the frozen evidence. */
import {quoted} from '../errors.js'
import {type Bundle, decodePciFacts, decodeTsmFacts, type PciFacts} from '../evidence/index.js'
import {hasGenerations} from './checks/index.js'
import {type Answer, fail, pass, skip} from './checks/index.js'
import {digestChanges, pciChanges} from './commit-changes.js'
import {judgeApproval, type SignedApproval, WINDOW_SECONDS} from './approvals.js'
import type {Policy} from './policy/index.js'
import type {CheckId} from './registry/index.js'
import {settle, type Terms} from './settle.js'
import type {Appraisal, CheckResult, HumanMode} from './types.js'

/** A person's approval of one piece of evidence. */
export interface Approval {
  readonly by: string
  readonly method: HumanMode | 'signed'
  /** RFC 3339. */
  readonly at: string
  readonly reason: string | null
  /** The evidence digest D that was approved. */
  readonly digest: string
}

/** What was read immediately before the write that accepts. */
export interface CommitInput {
  readonly bundle: Bundle
  readonly appraisal: Appraisal
  /** What a person typed here. */
  readonly approval: Approval | null
  /** What approvers signed elsewhere. */
  readonly signed?: readonly SignedApproval[] | undefined
  /** Approvers of the policy that decided. */
  readonly approvers?: Policy['document']['approvers']
  readonly now: Date
  /** Seconds since the decision by the monotonic clock, which nobody sets back. */
  readonly sinceDecision?: number | undefined
  readonly state: string
  /** The TSM that has the device locked. */
  readonly lockedBy: string | null
  readonly driver: string | null
  readonly pci: PciFacts
  /** The TSM's digests by label. */
  readonly digests: ReadonlyMap<string, Uint8Array>
  /** Interface the digests came from, as the manifest names it. */
  readonly abi: string
  /** Generation of the evidence now, where the interface has one. */
  readonly generation: number | null
  /** How often the TSM saw the evidence refreshed, where it counts. */
  readonly count: bigint | null
  /** Was the device locked or unlocked after the evidence was collected, as far as this machine's own log tells? */
  readonly lockedSince: boolean
  readonly auditDurable: boolean
}

const STRENGTH: readonly Approval['method'][] = ['none', 'confirm', 'typed', 'signed', 'two-person']

const secondsSince = (time: string, now: Date): number => (now.getTime() - Date.parse(time)) / 1000
/** NaN, and a time in the future, are not inside any window. */
const isRecent = (time: string, now: Date): boolean => {
  const age = secondsSince(time, now)
  return age >= 0 && age <= WINDOW_SECONDS
}

/** Characters of a reason that says something. */
export const REASON_LENGTH = 10

/** Is a reason asked for? Whoever relaxes something says why. */
export const needsReason = ({relaxations, counters}: Appraisal): boolean => relaxations.length + counters.relaxed > 0

const saysWhy = (reason: string | null): boolean => (reason?.trim().length ?? 0) >= REASON_LENGTH

/** What was typed here: exactly for this evidence, recently, and strongly enough. */
function typedProblem({appraisal: {D, human: wanted}, approval, now}: CommitInput): Answer | undefined {
  if (approval === null) return fail('missing', 'there is none')
  if (approval.digest !== D) return fail('other', 'it is for other evidence')
  if (!isRecent(approval.at, now)) return fail('old', 'it is older than ten minutes')
  if (approval.method !== 'signed' && STRENGTH.indexOf(approval.method) >= STRENGTH.indexOf(wanted)) return undefined
  return fail('weak', `by ${approval.method}`, {expected: wanted})
}

/** The approvers whose signatures hold, or what is wrong with one of them: what was given is meant. */
function signersOf({appraisal, bundle, signed = [], approvers, now}: CommitInput): readonly string[] | Answer {
  const {D, P, rule} = appraisal
  const wanted = {D, P, rule, bdf: bundle.manifest.device.bdf, approvers, now}
  const names: string[] = []
  for (const item of signed) {
    const judged = judgeApproval(item, wanted)
    if (typeof judged !== 'string') return fail(judged.code, judged.message)
    names.push(judged)
  }
  return names
}

/** Two approvers are two keys: who types on this machine may be the owner of one of them. */
function byTwo(names: readonly string[], signed: readonly SignedApproval[]): Answer {
  const keys = new Set(signed.map(({key}) => key))
  if (keys.size >= 2) return pass(`approved by ${names.map(name => quoted(name)).join(' and ')}`)
  return names.length >= 2
    ? fail('one-key', 'both are signed with one key', {expected: 'two approvers'})
    : fail('missing', `signed by ${names.length} of two approvers`, {expected: 'two approvers'})
}

function human(input: CommitInput): Answer {
  const {appraisal, approval, bundle, now, signed = [], sinceDecision = 0} = input
  const {decision, human: wanted, D, decidedAt} = appraisal
  if (D !== bundle.digest) return fail('other-evidence', 'the appraisal is of other evidence')
  if (decision === 'deny') return fail('denied', 'the appraisal denies')
  if (!isRecent(decidedAt, now) || !(sinceDecision <= WINDOW_SECONDS))
    return fail('stale', 'the decision is older than ten minutes')
  // also where nobody is asked: what was signed is recorded as an approval
  const names = signersOf(input)
  if (!isNames(names)) return names
  if (decision === 'accept') return skip('na', 'the rule asks for nobody')
  const problem = names.length === 0 && wanted !== 'two-person' ? typedProblem(input) : undefined
  if (problem !== undefined) return problem
  const reasons = [...signed.map(item => item.approval.reason), ...(approval === null ? [] : [approval.reason])]
  if (needsReason(appraisal) && !reasons.every(saysWhy))
    return fail('reason', `a reason of at least ${REASON_LENGTH} characters is missing`)
  return wanted === 'two-person' ? byTwo(names, signed) : pass(`approved by ${quoted(names[0] ?? approval!.by)}`)
}

const isNames = (found: readonly string[] | Answer): found is readonly string[] => Array.isArray(found)

function state({bundle, state: now, lockedBy}: CommitInput): Answer {
  const {tsm} = bundle.manifest.provider
  if (now !== 'CONFIG_LOCKED') return fail('state', quoted(now), {expected: 'CONFIG_LOCKED'})
  return lockedBy !== null && lockedBy === tsm
    ? pass()
    : fail('tsm', `locked by ${quoted(lockedBy ?? 'nobody')}`, {expected: `by ${quoted(tsm ?? 'nobody')}`})
}

type EvidenceNow = Pick<CommitInput, 'abi' | 'bundle' | 'count' | 'digests' | 'generation' | 'lockedSince'>

function generation({bundle, abi, generation: now}: EvidenceNow): Answer {
  const {provider} = bundle.manifest
  if (abi !== provider.abi) return fail('interface', `it now comes through ${quoted(abi)}`, {expected: provider.abi})
  const frozen = provider.generation
  if (frozen === null && now === null && !hasGenerations(provider.kind))
    return skip('na', 'this evidence interface has no generation')
  return now !== null && now === frozen
    ? pass()
    : fail('changed', `generation ${now ?? 'unknown'}`, {expected: String(frozen ?? 'unknown')})
}

function lockEpoch({bundle, count, digests, lockedSince}: EvidenceNow): Answer {
  if (lockedSince) return fail('again', 'tsmctl locked or unlocked it since')
  const {kind, value} = bundle.manifest.lockEpoch
  if (kind === 'report-counter' && value !== String(count)) return fail('count', `refresh count ${count ?? 'unknown'}`)
  const bytes = bundle.objects.get('tsm')
  const frozen = bytes === undefined ? {} : decodeTsmFacts(bytes).digests
  const labels = Object.keys(frozen)
  if (labels.length === 0) return skip('tsm', 'the TSM gives no digests that could be compared')
  const changed = digestChanges(frozen as Readonly<Record<string, string>>, digests)
  if (changed.length > 0) return fail('changed', changed.join(', '))
  // all others are the same after another lock: what a lock makes anew is the measurements, with nonces of their own
  return labels.includes('measurements') ? pass() : skip('tsm', 'the TSM gives no digest of the measurements')
}

const driverUnbound = ({driver}: CommitInput): Answer =>
  driver === null ? pass() : fail('bound', `driver ${quoted(driver)}`)

function deviceStable({bundle, pci}: Pick<CommitInput, 'bundle' | 'pci'>): Answer {
  const bytes = bundle.objects.get('pci')
  if (bytes === undefined) return fail('unknown', 'nobody recorded the device')
  const changed = pciChanges(decodePciFacts(bytes), pci)
  return changed.length === 0 ? pass() : fail('changed', changed.join(', '))
}

const auditDurable = ({auditDurable: durable}: CommitInput): Answer =>
  durable ? pass() : fail('refused', 'writing failed')

/** Known before the write: no interface of this version tells about single ranges. */
const mmioValidated = (): Answer => skip('kern', 'the kernel does not tell which ranges the TSM validated')

const CHECKS = {
  'commit.human': human,
  'commit.state': state,
  'commit.generation': generation,
  'commit.lock-epoch': lockEpoch,
  'commit.driver-unbound': driverUnbound,
  'commit.device-stable': deviceStable,
  'commit.audit-durable': auditDurable,
  'commit.mmio-validated': mmioValidated,
} satisfies Partial<Record<CheckId, (input: CommitInput) => Answer>>

/** Results of all checks before the write. Accept only if none of them is `blocking`. Throws only for our own bugs. */
export function commitChecks(input: CommitInput): readonly CheckResult[] {
  const terms = termsOf(input.appraisal)
  return Object.entries(CHECKS).map(([id, check]) => settle(id as CheckId, check(input), terms))
}

const termsOf = ({allowSkip}: Appraisal): Terms => ({allowSkip: (allowSkip ?? []) as Terms['allowSkip'], require: []})

/**
 * The checks after the write: `state` and `digests` are what is read now. Whoever locked anew between the last look and
 * the write is found out here. Blocking means unlock.
 */
export function postCommitChecks(
  input: EvidenceNow & Pick<CommitInput, 'appraisal' | 'pci' | 'state'>,
): readonly CheckResult[] {
  const terms = termsOf(input.appraisal)
  const {state: now} = input
  return [
    settle('commit.generation', generation(input), terms),
    settle('commit.lock-epoch', lockEpoch(input), terms),
    settle('commit.device-stable', deviceStable(input), terms),
    settle('commit.post-state', now === 'RUN' ? pass() : fail('state', quoted(now), {expected: 'RUN'}), terms),
  ]
}
