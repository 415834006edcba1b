/** A policy in words: nothing that is in it goes unsaid, and every relaxation is said with what it costs. */
import {describe, expect, it} from 'vitest'
import {explainPolicy, relaxationsOf, effectiveRule} from '../../../src/appraisal/index.js'
import {parsePolicy} from '../../../src/appraisal/policy/parse.js'
import type {Rule} from '../../../src/appraisal/policy/schema.js'
import {policyPaths} from '../../../scripts/policy-reference.js'
import {D, load, policy, rule} from './documents.js'
import {EVERYTHING} from './everything.js'

type Json = Record<string, unknown>
type Path = readonly (string | number)[]
const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

const SOUND = load(policy())

/** The explanation, without the digest, which says that something changed but not what. */
const explained = (document: Json): string => {
  const parsed = parsePolicy(document)
  if (!parsed.ok) return ''
  return JSON.stringify(explainPolicy({...SOUND, document: parsed.document, digest: null}))
}

const SCHEMAS = new Map(policyPaths())
const nameOf = (path: Path): string => {
  const names = path.map(key => (typeof key === 'number' ? '[]' : key))
  const joined = names.join('.').replaceAll('.[]', '[]')
  return joined.replace(/^(approvers|anchors|rimSigners)\.\w+/, '$1.*')
}

function leaves(given: unknown, path: Path = []): readonly Path[] {
  if (typeof given !== 'object' || given === null) return [path]
  const isList = Array.isArray(given)
  return Object.entries(given).flatMap(([key, one]) => leaves(one, [...path, isList ? Number(key) : key]))
}
const at = (document: Json, path: Path): unknown => path.reduce<unknown>((value, key) => (value as Json)[key], document)

/** Other values that may stand there. */
function others(value: unknown, path: Path): readonly unknown[] {
  const schema = SCHEMAS.get(nameOf(path))
  // of a rule that asks a person, `human: none` means `typed`
  if (Array.isArray(schema?.['enum']))
    return schema['enum'].filter(one => one !== value && !(one === 'none' && path.at(-1) === 'human'))
  if (typeof value === 'number') return [value + 1, value - 1]
  if (typeof value === 'boolean') return [!value]
  const text = String(value)
  return [`${text}z`, text.replace(/.$/, last => (last === '0' ? '1' : '0')), text.replace(/^20/, '21'), `z${text}`]
}

const PATHS = leaves(EVERYTHING)
const AS_IT_IS = explained(EVERYTHING)
const changed = (path: Path, value: unknown): Json => {
  const document = copy(EVERYTHING) as Json
  ;(at(document, path.slice(0, -1)) as Json)[path.at(-1)!] = value
  return document
}

describe('the explanation of a policy', () => {
  it.each(PATHS.map(path => [nameOf(path), path] as const))('says %s', (name, path) => {
    const value = at(EVERYTHING, path)
    const texts = others(value, path).flatMap(other => (other === value ? [] : explained(changed(path, other)) || []))
    // these have one value only
    if (['tsmctlPolicy', 'rules[].measurements.values[].informational'].includes(name)) return
    expect(texts).not.toEqual([])
    expect(new Set([...texts, AS_IT_IS]).size).toBe(texts.length + 1)
  })

  it('says everything with a default, also where the rule does not', () => {
    const [only] = explainPolicy(load(policy())).rules
    const said = only!.lines.join('\n')
    for (const words of [
      'SPDM 1.2 or later',
      'sha384 or sha512',
      'at most 120 seconds old',
      'ATS is off',
      'Every certificate is known not to be revoked',
    ])
      expect(said).toContain(words)
    expect(said).toContain('typing the address')
  })

  it('lists every relaxation with what it costs, and what a review lists among them', () => {
    const [inline] = EVERYTHING.rules
    const {relaxations} = explainPolicy(load(EVERYTHING)).rules[0]!
    const keys = relaxations.map(({key}) => key)
    expect(relaxationsOf(effectiveRule(inline as unknown as Rule)).filter(key => !keys.includes(key))).toEqual([])
    expect(relaxations.every(({cost}) => cost.length > 20)).toBe(true)
    expect(keys).toContain('allowSkip: ide.topology, because no-kernel-support')
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('finds nothing relaxed in a rule of defaults', () => {
    const plain = rule({decision: 'review', identity: {mode: 'allowlist', allow: [{certSha384: D('a')}]}})
    expect(explainPolicy(load(policy({}, plain))).rules[0]!.relaxations).toEqual([])
  })

  it('of a rule that denies asks for nothing, and relaxes nothing', () => {
    const denying = {id: 'no', match: {vendor: '0x10de'}, decision: 'deny', tsm: {ide: 'not-required'}}
    const [only] = explainPolicy(load(policy({}, denying))).rules
    expect(only).toMatchObject({
      relaxations: [],
      lines: ['It is for devices with vendor 0x10de.', 'It denies, whatever the evidence says.'],
    })
  })

  it('shows texts of the policy escaped', () => {
    const hostile = policy({}, rule({description: '\u001b[2J'}))
    expect(explainPolicy(load(hostile)).rules[0]!.lines.join()).toContain(String.raw`"\x1b[2J"`)
  })

  it('tells one rule of several', () => {
    const {rules, lines} = explainPolicy(load(EVERYTHING), 'corim')
    expect(rules.map(({id}) => id)).toEqual(['corim'])
    expect(lines.join()).toContain('2 rules')
  })
})
