/**
 * The one function that appraises. Pure: the same bundle, policy, time and history give the same appraisal; nothing is
 * read, fetched or written.
 */
import {TsmctlError} from '../errors.js'
import {type Bundle, shortDigest} from '../evidence/index.js'
import {type CertificateFacts, loadCertificateReader} from '../spdm/index.js'
import type {Circumstances} from './checks/index.js'
import {evaluate, type Subjects} from './evaluate.js'
import {type Facts, gatherFacts, known} from './facts.js'
import {isHostSide} from './host-side.js'
import {
  effectiveRule,
  type EffectiveRule,
  matchingRules,
  type Policy,
  relaxationsOf,
  type Rule,
} from './policy/index.js'
import {deviceChanged, type PinReader, pinIdOf} from './pins/index.js'
import {comparisonIn, profileIn} from './profile-in.js'
import {resolveReferences} from './references/index.js'
import {readRevocationMaterial} from './revocation/index.js'
import {count} from './settle.js'
import {subjectOf} from './subject.js'
import {type AnchorMatch, findAnchor, isVerified} from './trust-path.js'
import type {Appraisal, CheckResult, Decision, HumanMode} from './types.js'
import {isUnverified} from './unverified.js'
import {usedWaivers} from './used-waivers.js'
import {anyWaiverApplies} from './waivers.js'

export interface AppraisalInput extends Circumstances {
  readonly bundle: Bundle
  /** Undefined when there is none: then everything is denied. */
  readonly policy: Policy | undefined
}

type CertificateReader = (der: Uint8Array) => CertificateFacts

/** What a rule's own anchors make of the chain. */
function anchorOf(rule: Rule, policy: Policy, facts: Facts, read: CertificateReader): AnchorMatch | undefined {
  const chain = known(facts.certificates)
  if (chain === undefined) return undefined
  const anchors = (rule.anchors ?? []).flatMap(set => policy.anchors.get(set) ?? [])
  return findAnchor(anchors, chain, read)
}

/** The chain, if it verifies up to `match`. */
function verifiedChain(facts: Facts, match: AnchorMatch | undefined): readonly CertificateFacts[] | undefined {
  const chain = known(facts.certificates)
  return chain !== undefined && isVerified(chain, match) ? chain : undefined
}

/** Name in the verified leaf. */
const nameIn = (facts: Facts, match: AnchorMatch | undefined): string | undefined =>
  verifiedChain(facts, match)?.at(-1)?.deviceInfo?.text

/** Pin of the certificate that identifies the device, if the chain verifies up to `match`. */
function pinOf(facts: Facts, match: AnchorMatch | undefined, rule: EffectiveRule, pins: PinReader | undefined) {
  const chain = verifiedChain(facts, match)
  if (pins === undefined || chain === undefined) return undefined
  const pinId = pinIdOf(chain, rule.identity.pin ?? 'device-cert')
  return pinId === undefined ? undefined : pins.of(pinId)
}

/** Selects the rule and everything that depends on which one it is. */
async function subjectsOf({bundle, policy, ...circumstances}: AppraisalInput): Promise<Subjects> {
  const facts = await gatherFacts(bundle)
  const {certificateFacts: read} = await loadCertificateReader()
  const usable = policy !== undefined && policy.findings.length === 0 ? policy : undefined
  const match = (rule: Rule): AnchorMatch | undefined => usable && anchorOf(rule, usable, facts, read)
  const candidates = usable ? matchingRules(usable, bundle.manifest.device, rule => nameIn(facts, match(rule))) : []
  const selected = candidates.length === 1 ? candidates[0] : undefined
  const anchor = selected && match(selected)
  const rule = effectiveRule(selected)
  const pin = pinOf(facts, anchor, rule, circumstances.pins)
  return {
    facts,
    circumstances,
    policy,
    candidates,
    rule,
    anchor,
    pin,
    references: await resolveReferences({
      policy: usable,
      rule,
      pin,
      chain: verifiedChain(facts, anchor),
      now: circumstances.now,
      built: circumstances.built,
    }),
    revocation: await readRevocationMaterial(usable?.revocation ?? []),
    name: nameIn(facts, anchor),
  }
}

/**
 * What follows from the results. Nothing may stand against acceptance; then the rule decides, and a person where the
 * rule, a waiver, evidence of a host, or a pinned device that is not as it was (`unusual`), wants one.
 */
export function decide(
  results: readonly Pick<CheckResult, 'blocking'>[],
  rule: Pick<EffectiveRule, 'decision' | 'human' | 'id'>,
  unusual: boolean,
): {readonly decision: Decision; readonly human: HumanMode} {
  const human: HumanMode = rule.human === 'none' && (unusual || rule.decision === 'review') ? 'typed' : rule.human
  if (rule.id === null || rule.decision === 'deny' || results.length === 0) return {decision: 'deny', human}
  if (results.some(({blocking}) => blocking)) return {decision: 'deny', human}
  return {decision: rule.decision === 'accept' && human === 'none' ? 'accept' : 'review', human}
}

/** Does the rule trust a device for what it was when somebody accepted it? */
const isPinned = ({identity, measurements, tdisp}: EffectiveRule): boolean =>
  identity.mode === 'enrolled' ||
  identity.mode === 'tofu' ||
  measurements.source === 'enrolled' ||
  tdisp.report === 'pin' ||
  tdisp.deviceSpecific === 'pin'

/** Appraises frozen evidence under a policy. Throws only for our own bugs: everything else is in the results. */
export async function appraise(input: AppraisalInput): Promise<Appraisal> {
  const {bundle, policy, now} = input
  if (Number.isNaN(now.getTime()))
    throw new TsmctlError({kind: 'bug', attempted: 'appraise evidence', got: 'the time is not one'})
  const subjects = await subjectsOf(input)
  const results = evaluate(subjects)
  const {rule, name} = subjects
  const waived = anyWaiverApplies({policy, rule, bundle, now, clockTrusted: input.clockTrusted, name})
  const subject = subjectOf(subjects, results)
  const profile = profileIn(subjects, results, subject.debug) ?? null
  const comparison = profile === null ? null : comparisonIn(subjects, profile)
  // what a host shows of itself is no reason to act on without a person
  const unusual = waived || isHostSide(bundle) || (isPinned(rule) && deviceChanged(comparison))
  const seconds = (now.getTime() - Date.parse(bundle.manifest.collectedAt)) / 1000
  return {
    ...decide(results, rule, unusual),
    rule: rule.id,
    unverified: isUnverified(bundle, rule),
    results,
    counters: count(results),
    D: bundle.digest,
    shortD: shortDigest(bundle.digest),
    P: policy?.digest ?? null,
    policy: policy === undefined || policy.findings.length > 0 ? null : policy.name,
    collectedAt: bundle.manifest.collectedAt,
    decidedAt: new Date(now.getTime() - (input.sinceDecision ?? 0) * 1000).toISOString(),
    ageSeconds: seconds < 0 ? null : Math.floor(seconds),
    subject,
    profile,
    comparison,
    waivers: usedWaivers(policy, results, now),
    relaxations: rule.id === null ? [] : relaxationsOf(rule),
    allowSkip: rule.allowSkip,
  }
}
