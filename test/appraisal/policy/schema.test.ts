/** The form of a policy, twice: what this tool checks, and the JSON Schema that is generated from it. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {POLICY_KEYS} from '../../../src/appraisal/index.js'
import {parsePolicy} from '../../../src/appraisal/policy/parse.js'
import {policyJsonSchema, policyPaths} from '../../../scripts/policy-reference.js'
import {isDescribed} from '../../support/json-schema.js'
import {APPROVERS, D, policy, rule, waiver} from './documents.js'
import {EVERYTHING} from './everything.js'

type Json = Record<string, unknown>
const SCHEMA = policyJsonSchema()
/** What both say; a difference fails here. */
function isValid(document: unknown): boolean {
  const own = parsePolicy(document).ok
  expect(isDescribed(SCHEMA, document)).toBe(own)
  return own
}

const measured = (extra: Json): Json => policy({}, rule({measurements: {source: 'inline', ...extra}}))
const value = (extra: Json): Json => measured({values: [{index: 1, type: 'firmware', ...extra}]})

const MUTATIONS: readonly (readonly [string, Json])[] = [
  ['another version', policy({tsmctlPolicy: 2})],
  ['an unknown key', policy({force: true})],
  ['an unknown key in a rule', policy({}, rule({priority: 1}))],
  ['an unknown decision', policy({}, rule({decision: 'allow'}))],
  ['an empty match', policy({}, rule({match: {}}))],
  ['a number for an id', policy({}, rule({match: {vendor: 4318}}))],
  ['accept without anchors', policy({}, rule({anchors: undefined}))],
  ['an anchor with two digests', policy({anchors: {vendor: [{label: 'a', certSha384: D('a'), spkiSha384: D('b')}]}})],
  ['an anchor set in capitals', policy({anchors: {Vendor: [{label: 'a', certSha384: D('a')}]}})],
  [
    'an entry of the deny list about two things',
    policy({deny: [{certSha384: D('a'), device: 'x', reason: 'long enough'}]}),
  ],
  ['inline without values', measured({})],
  ['corim without manifests', policy({}, rule({measurements: {source: 'corim'}}))],
  ['an allowlist without entries', policy({}, rule({identity: {mode: 'allowlist'}}))],
  ['block 255', value({index: 255, digests: [D('b')]})],
  ['a value that is compared twice', value({digests: [D('b')], raw: ['00']})],
  ['a value that is not compared, and not informational', value({informational: false})],
  ['half a byte', value({raw: ['0']})],
  ['a BAR 6', policy({}, rule({tdisp: {nonTeeRanges: [{bar: 6}]}}))],
  ['an unknown flag of DICE', policy({}, rule({dice: {flags: {tested: 'allow'}}}))],
  ['evidence of an hour and more', policy({}, rule({maxEvidenceAgeSeconds: 3601}))],
  ['a short reason', policy({approvers: APPROVERS, waivers: [waiver({reason: 'because'})]})],
  ['an approver twice', policy({approvers: APPROVERS, waivers: [waiver({approvedBy: ['alice', 'alice']})]})],
  ['a key of another kind', policy({approvers: {alice: {key: 'rsa:00'}}})],
  ['a day that does not exist', policy({notAfter: '2027-13-01T00:00:00Z'})],
]
/** JSON has no undefined. */
const plain = (document: unknown): unknown => JSON.parse(JSON.stringify(document))

describe('the form of a policy', () => {
  it('is met by a policy that uses every key', () => {
    expect(isValid(EVERYTHING)).toBe(true)
    expect(isValid(plain(policy()))).toBe(true)
  })

  it.each(MUTATIONS)('refuses %s, in both its spellings', (_, document) => {
    expect(isValid(plain(document))).toBe(false)
  })

  it('is closed at every level', () => {
    const closed = policyPaths().filter(([, schema]) => schema['type'] === 'object')
    expect(closed.length).toBeGreaterThan(15)
    // maps of names of one's own are not: they say what each of them is
    const open = closed.filter(([, {additionalProperties}]) => additionalProperties !== false)
    expect(open.map(([path]) => path)).toEqual(['approvers'])
  })

  it('is the same in both spellings, whatever is changed', () => {
    const places = pathsOf(plain(EVERYTHING))
    let refused = 0
    const junk = fc.constantFrom<unknown>(
      0,
      1,
      -1,
      7,
      255,
      0.5,
      true,
      '',
      'a',
      '0x10de',
      D('a'),
      'A b',
      '2027-01-01T00:00:00Z',
      [],
      {},
      [[]],
      {a: 1},
      undefined,
    )
    fc.assert(
      fc.property(fc.constantFrom(...places), junk, fc.boolean(), (path, replacement, adds) => {
        const document = plain(EVERYTHING)
        change(document, adds ? [...path.slice(0, -1), 'added'] : path, replacement)
        if (!isValid(plain(document))) refused++
      }),
      {numRuns: 300},
    )
    expect(refused).toBeGreaterThan(100)
  })
})

type Path = readonly (string | number)[]
function pathsOf(given: unknown, path: Path = []): readonly Path[] {
  if (typeof given !== 'object' || given === null) return [path]
  const inner = Object.entries(given).flatMap(([key, one]) => pathsOf(one, [...path, key]))
  return path.length === 0 ? inner : [path, ...inner]
}

function change(document: unknown, path: Path, replacement: unknown): void {
  let at = document as Json
  for (const key of path.slice(0, -1)) at = at[key] as Json
  const last = path.at(-1)!
  if (replacement !== undefined) at[last] = replacement
  else if (Array.isArray(at)) at.splice(Number(last), 1)
  else delete at[last]
}

describe('the words for the keys', () => {
  it('cover every key, and nothing else', () => {
    const given = policyPaths().map(([path]) => path)
    const words = new Set(Object.keys(POLICY_KEYS))
    // an item is told with its list, a map with its members; the selector of a waiver is that of a rule
    const isSaid = (path: string): boolean =>
      words.has(path) || words.has(path.replace('waivers[].match.', 'rules[].match.'))
    const silent = given.filter(
      path => !isSaid(path) && !given.some(other => other.startsWith(`${path}.`) || other === `${path}[]`),
    )
    expect(silent.filter(path => !(path.endsWith('[]') && isSaid(path.slice(0, -2))))).toEqual([])
    expect([...words].filter(path => !given.includes(path))).toEqual([])
  })
})
