/** Rules over the fields of a policy that its form cannot express. */
import type {PolicyDocument} from '../schema.js'
import type {PolicyFinding, Reporter, Say} from './finding.js'
import {lintOverlap} from './overlap.js'
import {lintProduction} from './production.js'
import {lintReferences} from './references.js'
import {lintRules} from './rules.js'
import {lintText} from './text.js'
import {lintValues} from './values.js'
import {lintWaivers} from './waivers.js'

export {LINT_RULES, type LintRule, type PolicyFinding} from './finding.js'
export {areComparable, matchesMeet} from './overlap.js'
export {matchesGlob} from './references.js'
export {keysOf} from './rules.js'

export interface LintResult {
  /** Any of them makes the policy unusable. */
  readonly findings: readonly PolicyFinding[]
  readonly warnings: readonly PolicyFinding[]
}

const into =
  (list: PolicyFinding[]): Say =>
  (id, where, message) =>
    void list.push({id, where, message})

const collecting = (): LintResult & Reporter => {
  const findings: PolicyFinding[] = []
  const warnings: PolicyFinding[] = []
  return {findings, warnings, find: into(findings), warn: into(warnings)}
}

/** What is wrong with a well-formed, merged policy; `files` are those it names. */
export function lintPolicy(policy: PolicyDocument, files: ReadonlyMap<string, Uint8Array>, now: Date): LintResult {
  const {findings, warnings, ...reporter} = collecting()
  const {notAfter} = policy
  if (notAfter !== undefined && now.getTime() > Date.parse(notAfter))
    reporter.find('L18', 'notAfter', `it was valid until ${notAfter}`)
  lintReferences(reporter, policy, files)
  lintRules(reporter, policy)
  lintValues(reporter, policy)
  lintOverlap(reporter, policy)
  lintWaivers(reporter, policy, now)
  lintText(reporter.find, policy, 'policy')
  return {findings, warnings}
}

/** What production does not allow besides. */
export function productionFindings(policy: PolicyDocument): readonly PolicyFinding[] {
  const {findings, ...reporter} = collecting()
  lintProduction(reporter, policy)
  return findings
}
