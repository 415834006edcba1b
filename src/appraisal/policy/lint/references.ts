/** Whatever a policy names has to be there, once (L01 to L04). */
import {printable} from '../../../errors.js'
import {CHECK_IDS, type CheckId, isSkippable, isWaivable, REGISTRY} from '../../registry/index.js'
import {anchorProblem, isOutside} from '../anchors.js'
import type {PolicyDocument, Rule} from '../schema.js'
import {type Reporter, ruleName, type Say, waiverName} from './finding.js'

/** Is `id` matched by `glob`, which is an id or an id's beginning and `.*`? */
export const matchesGlob = (id: string, glob: string): boolean =>
  glob.endsWith('.*') ? id.startsWith(glob.slice(0, -1)) : id === glob

const isKnown = (id: string): id is CheckId => Object.hasOwn(REGISTRY, id)

function unique(find: Say, kind: string, ids: readonly string[]): void {
  const seen = new Set<string>()
  for (const id of ids) {
    if (seen.has(id)) find('L01', `${kind} ${id}`, `the id of this ${kind} is given twice`)
    seen.add(id)
  }
}

type Files = ReadonlyMap<string, Uint8Array>

function namesOfRule(find: Say, rule: Rule, {anchors = {}, rimSigners = {}}: PolicyDocument, files: Files): void {
  for (const name of rule.anchors ?? [])
    if (!Object.hasOwn(anchors, name)) find('L02', ruleName(rule), `no anchors are named ${name}`)
  for (const {signer, file} of rule.measurements?.rim ?? []) {
    const name = `RIM ${printable(file ?? '', 128)}`
    if (!Object.hasOwn(rimSigners, signer)) find('L02', ruleName(rule), `no RIM signer is named ${signer}`)
    else if (file === undefined) continue
    else if (isOutside(file)) find('L02', ruleName(rule), `${name} lies outside of the policy directory`)
    else if (!files.has(file)) find('L02', ruleName(rule), `${name} was not found`)
  }
}

function names(find: Say, policy: PolicyDocument, files: Files): void {
  const {anchors = {}, rimSigners = {}, approvers = {}} = policy
  for (const rule of policy.rules) namesOfRule(find, rule, policy, files)
  for (const waiver of policy.waivers ?? [])
    for (const name of waiver.approvedBy)
      if (!Object.hasOwn(approvers, name)) find('L02', waiverName(waiver), `no approver is named ${name}`)
  for (const [name, list] of [...Object.entries(anchors), ...Object.entries(rimSigners)])
    for (const anchor of list) {
      const problem = anchorProblem(anchor, anchor.file === undefined ? undefined : files.get(anchor.file))
      if (problem !== undefined) find('L02', `anchor ${name} (${printable(anchor.file ?? '', 128)})`, problem)
    }
}

function checkNames(find: Say, policy: PolicyDocument): void {
  for (const rule of policy.rules) {
    for (const glob of rule.require ?? [])
      if (!CHECK_IDS.some(id => matchesGlob(id, glob)))
        find('L03', ruleName(rule), `require: no check is named ${glob}`)
    for (const {check} of rule.allowSkip ?? [])
      if (!isKnown(check)) find('L03', ruleName(rule), `allowSkip: no check is named ${check}`)
      else if (!isSkippable(check))
        find('L04', ruleName(rule), `allowSkip: ${check} is class ${REGISTRY[check].class} and cannot be skipped`)
  }
  for (const waiver of policy.waivers ?? []) {
    const {check} = waiver
    if (!isKnown(check)) find('L03', waiverName(waiver), `no check is named ${check}`)
    else if (!isWaivable(check))
      find('L04', waiverName(waiver), `${check} is class ${REGISTRY[check].class} and cannot be waived`)
  }
}

export function lintReferences({find}: Reporter, policy: PolicyDocument, files: Files): void {
  unique(
    find,
    'rule',
    policy.rules.map(({id}) => id),
  )
  unique(find, 'waiver', policy.waivers?.map(({id}) => id) ?? [])
  names(find, policy, files)
  checkNames(find, policy)
}
