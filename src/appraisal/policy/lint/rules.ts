/** What the members of one rule say together (L05, L06, L12, L14, L17). */
import type {PolicyDocument, Rule} from '../schema.js'
import {type Reporter, ruleName, type Say} from './finding.js'

function lintAcceptance(find: Say, rule: Rule): void {
  const {decision, measurements, identity} = rule
  if (decision === 'accept' && measurements?.source === 'none')
    find('L05', ruleName(rule), 'accept without reference values; use review')
  if (decision !== 'deny' && identity?.mode === 'any-from-anchor' && measurements?.source === 'enrolled')
    find('L05', ruleName(rule), 'any device of the vendor cannot be compared with an enrolled one')
  if (decision === 'accept' && identity?.mode === 'tofu')
    find('L06', ruleName(rule), 'first use needs a human; use review')
}

/** A device nobody can verify is for a person to decide about, who types which one it is. */
function lintUnverified(find: Say, rule: Rule): void {
  if (rule.withoutEvidence === undefined) return
  const {decision, human, match} = rule
  if (decision !== 'review') find('L17', ruleName(rule), 'withoutEvidence needs decision: review')
  if (human === 'none' || human === 'confirm') find('L17', ruleName(rule), 'withoutEvidence needs human: typed')
  if (match.san !== undefined)
    find('L17', ruleName(rule), 'withoutEvidence with a certificate name: without evidence there is no certificate')
}

/** Different keys of these approvers; who has two names has one key. */
export const keysOf = ({approvers = {}}: PolicyDocument, names: readonly string[]): number =>
  new Set(names.flatMap(name => (Object.hasOwn(approvers, name) ? [approvers[name]!.key] : []))).size

/** Output of a hash in bits: `sha3-256` as `sha256:…`. */
const bitsOf = (name: string): number => Number(/(\d+)(?::|$)/.exec(name)?.[1] ?? 0)

function lintStrength({find, warn}: Reporter, rule: Rule): void {
  const {spdm, measurements, human} = rule
  const hashes = spdm?.hash ?? ['sha384', 'sha512']
  const digests = (measurements?.values ?? []).flatMap(value => value.digests ?? [])
  const strongest = Math.max(...hashes.map(bitsOf))
  const stronger = digests.find(digest => bitsOf(digest) > strongest)
  if (stronger !== undefined)
    find('L14', ruleName(rule), `a digest of ${bitsOf(stronger)} bits is signed under hashes of at most ${strongest}`)
  if (spdm?.minVersion === '1.1' && human === 'none')
    find('L14', ruleName(rule), 'spdm.minVersion 1.1 needs a human: its negotiation is not signed')
  if ([...hashes, ...digests].some(name => bitsOf(name) <= 256))
    warn('L14', ruleName(rule), 'hashes of 256 bits are allowed; SHA-384 is the usual choice')
}

export function lintRules(reporter: Reporter, policy: PolicyDocument): void {
  const {find} = reporter
  for (const rule of policy.rules) {
    lintAcceptance(find, rule)
    lintUnverified(find, rule)
    lintStrength(reporter, rule)
    if (rule.human === 'two-person' && keysOf(policy, Object.keys(policy.approvers ?? {})) < 2)
      find('L12', ruleName(rule), 'human: two-person needs two approvers with different keys')
  }
}
