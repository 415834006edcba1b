/** A policy in sentences that can be read aloud. Everything comes from the policy, nothing from a device. */
import {ATTACKS, type CheckId, REGISTRY} from '../../registry/index.js'
import {effectiveRule, type EffectiveRule} from '../effective.js'
import type {Policy} from '../load.js'
import {type Relaxation, relaxationCosts} from '../relaxations.js'
import type {Anchor, PolicyDocument, Rule, Waiver} from '../schema.js'
import {sayDice, sayIdentity, sayMatch, sayRevocation, saySkip, saySpdm, sayTdisp, sayTime, sayTsm} from './members.js'
import {both, either, plain, plural, sayAll, text, type Words} from './say.js'
import {sayMeasurements} from './values.js'

/** One rule in words. */
export interface RuleExplanation {
  readonly id: string
  readonly decision: Rule['decision']
  /** What it is for and what it asks for; a line that begins with two spaces belongs to the one before it. */
  readonly lines: readonly string[]
  readonly relaxations: readonly Relaxation[]
}

export interface PolicyExplanation {
  readonly lines: readonly string[]
  readonly rules: readonly RuleExplanation[]
}

const HUMAN: Readonly<Record<EffectiveRule['human'], string>> = {
  none: 'Nobody is asked.',
  confirm: 'A person approves by typing "accept".',
  typed: 'A person approves by typing the address of the device and the beginning of the evidence digest.',
  'two-person': 'Two people approve, each with a key of their own.',
}

const ANCHOR: Words<Anchor> = {
  label: text,
  certSha384: value => `certificate ${value}`,
  spkiSha384: value => `key ${value}`,
  file: value => `file ${text(value)}`,
}
const sayAnchor = (anchor: Anchor): string => sayAll(ANCHOR, anchor).join(', ')

function decisionOf({decision, human}: EffectiveRule): readonly string[] {
  if (decision === 'deny') return ['It denies, whatever the evidence says.']
  const asks = human === 'none' && decision === 'review' ? 'typed' : human
  return decision === 'accept' && human === 'none'
    ? ['It accepts when all of this holds.', HUMAN.none]
    : ['It asks a person when all of this holds, and denies when anything does not.', HUMAN[asks]]
}

/** What a rule asks of the evidence. A rule that denies asks nothing. */
function demands(rule: Rule, effective: EffectiveRule): readonly string[] {
  const {anchors = [], identity, measurements, require = []} = rule
  return [
    ...(anchors.length === 0 ? [] : [`Its certificates lead to a root of ${either(anchors)}.`]),
    ...(identity === undefined ? [] : sayIdentity(identity)),
    ...saySpdm(effective.spdm),
    ...(measurements === undefined ? [] : sayMeasurements(measurements)),
    ...sayDice(effective.dice),
    ...sayTsm(effective.tsm),
    ...sayTdisp(effective.tdisp),
    ...sayRevocation(effective.revocation),
    ...sayTime(effective.time),
    `The evidence is at most ${plural(effective.maxEvidenceAgeSeconds, 'second')} old.`,
    ...(require.length === 0 ? [] : [`These checks count although they are advisory: ${both(require.map(plain))}.`]),
  ]
}

const consequence = (check: string): string => ATTACKS[REGISTRY[check as CheckId]?.stops[0] ?? 'A32']

function explainRule(rule: Rule): RuleExplanation {
  const effective = effectiveRule(rule)
  const {id, description, match, decision, withoutEvidence, allowSkip = []} = rule
  const skips = allowSkip.map(skip => ({
    key: `allowSkip: ${plain(skip.check)}, because ${skip.because}`,
    cost: `${saySkip(skip)}. ${consequence(skip.check)}`,
  }))
  return {
    id,
    decision,
    lines: [
      ...(description === undefined ? [] : [`Described as ${text(description)}.`]),
      `It is for devices with ${sayMatch(match)}.`,
      ...decisionOf(effective),
      ...(decision === 'deny' ? [] : demands(rule, effective)),
      ...(withoutEvidence === undefined
        ? []
        : [
            `Where the kernel has no interface for evidence, a person may accept it unverified, because: ${text(withoutEvidence.reason)}.`,
          ]),
    ],
    // what a rule would relax if it accepted is nothing while it denies
    relaxations: decision === 'deny' ? [] : [...relaxationCosts(effective), ...skips],
  }
}

const WAIVER: Words<Waiver> = {
  id: value => `Waiver ${value}:`,
  check: value => `${plain(value)} may fail`,
  match: value => `for devices with ${sayMatch(value)},`,
  evidenceDigest: value => `for exactly the evidence ${value},`,
  created: value => `from ${plain(value)}`,
  expires: value => `until ${plain(value)},`,
  approvedBy: value => `agreed by ${both(value)},`,
  reason: value => `because: ${text(value)}.`,
  ticket: value => `Ticket ${text(value)}.`,
}

type Deny = NonNullable<PolicyDocument['deny']>[number]
const DENY: Words<Deny> = {
  certSha384: value => `the certificate or key ${value}`,
  measurement: value => `whatever measures ${value}`,
  device: value => `the device named ${text(value)}`,
  reason: value => `because: ${text(value)}`,
}

type Approver = NonNullable<PolicyDocument['approvers']>[string]
const APPROVER: Words<Approver> = {key: plain, label: value => `called ${text(value)}`}

const DOCUMENT: Words<Omit<PolicyDocument, 'rules'>> = {
  name: value => `Policy ${value}`,
  tsmctlPolicy: value => `in version ${value} of the form.`,
  notAfter: value => `It ends at ${plain(value)}; from then on everything is denied.`,
  approvers: value =>
    Object.entries(value)
      .map(([name, approver]) => `Approver ${name} has the key ${sayAll(APPROVER, approver).join(', ')}.`)
      .join('\n'),
  anchors: value =>
    Object.entries(value)
      .flatMap(([set, anchors]) => [`Roots of ${set}:`, ...anchors.map(anchor => `  ${sayAnchor(anchor)}`)])
      .join('\n'),
  rimSigners: value =>
    Object.entries(value)
      .flatMap(([set, anchors]) => [`Signers of manifests ${set}:`, ...anchors.map(anchor => `  ${sayAnchor(anchor)}`)])
      .join('\n'),
  deny: value => value.map(entry => `Never accepted: ${sayAll(DENY, entry).join(', ')}.`).join('\n'),
  waivers: value => value.map(waiver => sayAll(WAIVER, waiver).join(' ')).join('\n'),
}

/** The policy in words; of its rules only `only`, if that is given. */
export function explainPolicy({document, digest, signedBy}: Policy, only?: string): PolicyExplanation {
  const {rules, ...rest} = document
  const [name, version, ...others] = sayAll(DOCUMENT, rest)
  return {
    lines: [
      `${name} ${version}`,
      `Its digest is ${digest ?? 'none: it cannot be used'}.`,
      signedBy === null ? 'No key says who wrote it.' : `It is signed by ${signedBy}.`,
      ...others.flatMap(block => block.split('\n')).filter(line => line !== ''),
      rules.length === 0
        ? 'It has no rules: every device is denied.'
        : `It has ${plural(rules.length, 'rule')}. A device that no rule is for is denied, and one that several are for too.`,
    ],
    rules: rules.filter(({id}) => only === undefined || id === only).map(explainRule),
  }
}
