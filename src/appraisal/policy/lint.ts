/**
 * Rules over the fields of a policy that its form cannot express. Any finding makes the policy unusable. Not in this
 * version: L07 is applied when a rule is used; L12 (two approvers), L13 (disjoint selectors: two matches deny at run
 * time), L14 (digest strength) and L15 (production profile).
 */
import {printable} from '../../errors.js'
import {CHECK_IDS, type CheckId, isSkippable, isWaivable, REGISTRY} from '../registry/index.js'
import {anchorProblem} from './anchors.js'
import type {MeasurementValue, PolicyDocument, Rule} from './schema.js'

export interface PolicyFinding {
  /** Lint rule, or `form` and `schema` for what precedes them. */
  readonly id: string
  /** File, line or member. */
  readonly where: string
  readonly message: string
}

/** Is `id` matched by `glob`, which is an id or an id's beginning and `.*`? */
export const matchesGlob = (id: string, glob: string): boolean =>
  glob.endsWith('.*') ? id.startsWith(glob.slice(0, -1)) : id === glob

const isKnown = (id: string): id is CheckId => Object.hasOwn(REGISTRY, id)

type Find = (id: string, where: string, message: string) => void

const ruleName = ({id}: Rule): string => `rule ${id}`

function unique(find: Find, kind: string, ids: readonly string[]): void {
  const seen = new Set<string>()
  for (const id of ids) {
    if (seen.has(id)) find('L01', `${kind} ${id}`, `the id of this ${kind} is given twice`)
    seen.add(id)
  }
}

function references(find: Find, policy: PolicyDocument, files: ReadonlyMap<string, Uint8Array>): void {
  const {anchors = {}, rimSigners = {}, approvers = {}} = policy
  for (const rule of policy.rules) {
    for (const name of rule.anchors ?? [])
      if (!Object.hasOwn(anchors, name)) find('L02', ruleName(rule), `no anchors are named ${name}`)
    for (const {signer} of rule.measurements?.rim ?? [])
      if (!Object.hasOwn(rimSigners, signer)) find('L02', ruleName(rule), `no RIM signer is named ${signer}`)
  }
  for (const waiver of policy.waivers ?? [])
    for (const name of waiver.approvedBy)
      if (!Object.hasOwn(approvers, name)) find('L02', `waiver ${waiver.id}`, `no approver is named ${name}`)
  for (const [name, list] of [...Object.entries(anchors), ...Object.entries(rimSigners)])
    for (const anchor of list) {
      const problem = anchorProblem(anchor, anchor.file === undefined ? undefined : files.get(anchor.file))
      if (problem !== undefined) find('L02', `anchor ${name} (${printable(anchor.file ?? '', 128)})`, problem)
    }
}

function checkNames(find: Find, policy: PolicyDocument): void {
  for (const rule of policy.rules) {
    for (const glob of rule.require ?? [])
      if (!CHECK_IDS.some(id => matchesGlob(id, glob)))
        find('L03', ruleName(rule), `require: no check is named ${glob}`)
    for (const {check} of rule.allowSkip ?? [])
      if (!isKnown(check)) find('L03', ruleName(rule), `allowSkip: no check is named ${check}`)
      else if (!isSkippable(check))
        find('L04', ruleName(rule), `allowSkip: ${check} is class ${REGISTRY[check].class} and cannot be skipped`)
  }
  for (const {id, check} of policy.waivers ?? [])
    if (!isKnown(check)) find('L03', `waiver ${id}`, `no check is named ${check}`)
    else if (!isWaivable(check))
      find('L04', `waiver ${id}`, `${check} is class ${REGISTRY[check].class} and cannot be waived`)
}

function acceptance(find: Find, rule: Rule): void {
  const {decision, measurements, identity} = rule
  if (decision === 'accept' && measurements?.source === 'none')
    find('L05', ruleName(rule), 'accept without reference values; use review')
  if (decision !== 'deny' && identity?.mode === 'any-from-anchor' && measurements?.source === 'enrolled')
    find('L05', ruleName(rule), 'any device of the vendor cannot be compared with an enrolled one')
  if (decision === 'accept' && identity?.mode === 'tofu')
    find('L06', ruleName(rule), 'first use needs a human; use review')
}

/** A device nobody can verify is for a person to decide about, who types which one it is. */
function unverified(find: Find, rule: Rule): void {
  if (rule.withoutEvidence === undefined) return
  const {decision, human, match} = rule
  if (decision !== 'review') find('L17', ruleName(rule), 'withoutEvidence needs decision: review')
  if (human === 'none' || human === 'confirm') find('L17', ruleName(rule), 'withoutEvidence needs human: typed')
  if (match.san !== undefined)
    find('L17', ruleName(rule), 'withoutEvidence with a certificate name: without evidence there is no certificate')
}

/** Bytes a raw value of this type must have (DSP0274 §10.11). */
const RAW_SIZE: Readonly<Record<string, number>> = {svn: 8, 'device-mode': 16}

function valueRules(find: Find, where: string, value: MeasurementValue): void {
  const {index, type, raw, mask, svn, digests} = value
  const block = `block ${index}`
  if (mask !== undefined && raw === undefined) find('L08', where, `${block}: mask without raw`)
  if (mask !== undefined && raw?.some(item => item.length !== mask.length))
    find('L08', where, `${block}: mask and raw differ in length`)
  if (mask !== undefined && /^0*$/.test(mask)) find('L08', where, `${block}: a mask of zeros accepts any value`)
  const size = RAW_SIZE[type]
  if (size !== undefined && raw?.some(item => item.length !== size * 2))
    find('L08', where, `${block}: a raw value of type ${type} has ${size} bytes`)
  if (svn !== undefined && type !== 'svn') find('L08', where, `${block}: an svn range for type ${type}`)
  if (size !== undefined && digests !== undefined) find('L08', where, `${block}: type ${type} is never a digest`)
  if (svn?.min !== undefined && svn.max !== undefined && svn.min > svn.max)
    find('L10', where, `${block}: svn min ${svn.min} is above max ${svn.max}`)
}

function indices(find: Find, where: string, values: readonly MeasurementValue[]): void {
  for (const index of new Set(values.map(value => value.index))) {
    const entries = values.filter(value => value.index === index)
    if (entries.length === 1) continue
    const facts = new Set(entries.map(({when}) => when?.fact))
    const cases = new Set(entries.map(({when}) => JSON.stringify(when?.equals)))
    if (facts.size !== 1 || facts.has(undefined) || cases.size !== entries.length)
      find('L09', where, `block ${index} is given ${entries.length} times without distinct conditions on one fact`)
  }
}

const DAY = 24 * 60 * 60 * 1000
const LONGEST_WAIVER = 92 * DAY

function waiverTimes(find: Find, policy: PolicyDocument, now: Date): void {
  for (const {id, created, expires} of policy.waivers ?? []) {
    const [from, until] = [Date.parse(created), Date.parse(expires)]
    if (from > now.getTime()) find('L11', `waiver ${id}`, 'created in the future')
    if (until <= from) find('L11', `waiver ${id}`, 'expires before it was created')
    if (until - from > LONGEST_WAIVER) find('L11', `waiver ${id}`, 'lives longer than 92 days')
  }
}

const LONGEST_TEXT = 256
/** Control, format, private, unassigned characters and lone surrogates: everything that can deceive a reader. */
const INVISIBLE = /\p{C}/u
const HEXADECIMAL = /^[0-9a-f]*$/

function texts(find: Find, value: unknown, path: string): void {
  if (typeof value === 'string') {
    if (HEXADECIMAL.test(value)) return
    if (INVISIBLE.test(value) || value.normalize('NFC') !== value || [...value].length > LONGEST_TEXT)
      find('L16', path, `text that cannot be shown as it is: "${printable(value)}"`)
  } else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) texts(find, member, `${path}.${printable(name)}`)
}

/** Findings on a well-formed, merged policy; `files` are the anchor certificates it names. */
export function lintPolicy(
  policy: PolicyDocument,
  files: ReadonlyMap<string, Uint8Array>,
  now: Date,
): readonly PolicyFinding[] {
  const found: PolicyFinding[] = []
  const find: Find = (id, where, message) => void found.push({id, where, message})
  unique(
    find,
    'rule',
    policy.rules.map(({id}) => id),
  )
  unique(find, 'waiver', policy.waivers?.map(({id}) => id) ?? [])
  references(find, policy, files)
  checkNames(find, policy)
  for (const rule of policy.rules) {
    acceptance(find, rule)
    unverified(find, rule)
    const values = rule.measurements?.values ?? []
    for (const value of values) valueRules(find, ruleName(rule), value)
    indices(find, ruleName(rule), values)
  }
  waiverTimes(find, policy, now)
  texts(find, policy, 'policy')
  return found
}
