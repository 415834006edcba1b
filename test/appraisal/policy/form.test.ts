import {describe, expect, it} from 'vitest'
import {filesOf, findingLine, loadPolicy, requireUsable} from '../../../src/appraisal/index.js'
import {APPROVERS, D, load, NOW, policy, rule, waiver} from './documents.js'

const HEAD = 'tsmctlPolicy: 1\nname: t\n'
/** Far more than could be compared with each other in time. */
const MANY_KEYS = Array.from({length: 40_000}, (_, i) => `a${i}: 1\n`).join('')

describe('a policy file', () => {
  it.each([
    ['nothing but a name', `${HEAD}rules: []\n`],
    ['comments and a document start', `# hello\n---\n${HEAD}rules: [] # none\n`],
    ['quoted hexadecimal', `${HEAD}rules: [{id: a, match: {vendor: "0x10de"}, decision: deny}]\n`],
    ['JSON', JSON.stringify(policy())],
    ['waivers and approvers', JSON.stringify(policy({approvers: APPROVERS, waivers: [waiver()]}))],
  ])('may hold %s', (_, text) => expect(load(text).findings).toEqual([]))

  it.each([
    ['an anchor', `${HEAD}rules: &r []\n`, 'form', 'anchors are not allowed'],
    ['an alias', `${HEAD}rules: &r []\nwaivers: *r\n`, 'form', 'aliases are not allowed'],
    ['a merge key', `${HEAD}rules: []\n<<: {name: x}\n`, 'form', 'merge keys are not allowed'],
    ['a core tag', `${HEAD}rules: !!seq []\n`, 'form', 'tags are not allowed'],
    ['an unknown tag', `${HEAD}rules: !x []\n`, 'form', 'tags are not allowed'],
    ['a version directive', `%YAML 1.1\n---\n${HEAD}rules: []\n`, 'form', 'directives are not allowed'],
    ['a tag directive', `%TAG ! tag:x,\n---\n${HEAD}rules: []\n`, 'form', 'directives are not allowed'],
    ['a null', `${HEAD}rules: []\nnotAfter: ~\n`, 'form', 'nulls are not allowed'],
    ['an empty value', `${HEAD}rules: []\nnotAfter:\n`, 'form', 'nulls are not allowed'],
    ['a number as key', `${HEAD}rules: []\n1: x\n`, 'form', 'keys must be strings'],
    ['a list as key', `${HEAD}rules: []\n? [a]\n: x\n`, 'form', 'keys must be strings'],
    ['a key twice behind many', `${HEAD}rules: []\n${MANY_KEYS}a0: 1\n`, 'form', 'unique'],
    ['a key twice', `${HEAD}name: u\nrules: []\n`, 'form', 'unique'],
    ['two documents', `${HEAD}rules: []\n---\n${HEAD}rules: []\n`, 'form', 'only one document'],
    ['infinity', `${HEAD}rules: []\nnotAfter: .inf\n`, 'form', 'only whole numbers'],
    ['a fraction', `${HEAD}rules: []\nnotAfter: 0.5\n`, 'form', 'only whole numbers'],
    ['a list', '- 1\n', 'form', 'not a map'],
    ['nothing', '', 'form', 'not a map'],
    ['more than a mebibyte', `${HEAD}rules: []\n#${'x'.repeat(1024 * 1024)}`, 'form', 'larger than'],
    ['nesting beyond reason', '['.repeat(50_000), 'form', ''],
    ['unquoted hexadecimal', `${HEAD}rules: [{id: a, match: {vendor: 0x10de}, decision: deny}]`, 'schema', 'vendor'],
    ['an unquoted number for bytes', JSON.stringify(policy()).replace(`"${D('b')}"`, '0011'), 'schema', 'digests'],
    ['another version', JSON.stringify(policy({tsmctlPolicy: 2})), 'schema', 'tsmctlPolicy'],
    ['an unknown key', JSON.stringify(policy({force: true})), 'schema', 'force'],
    ['an unknown key in a rule', JSON.stringify(policy({}, rule({priority: 1}))), 'schema', 'priority'],
    ['upper-case hexadecimal', JSON.stringify(policy({}, rule({match: {vendor: '0x10DE'}}))), 'schema', 'vendor'],
    ['an empty match', JSON.stringify(policy({}, rule({match: {}}))), 'schema', 'at least one'],
    ['accept without anchors', JSON.stringify(policy({}, rule({anchors: undefined}))), 'schema', 'needs anchors'],
    ['no values for inline', JSON.stringify(policy({}, rule({measurements: {source: 'inline'}}))), 'schema', 'values'],
    ['an allowlist without entries', JSON.stringify(policy({}, rule({identity: {mode: 'allowlist'}}))), 'schema', ''],
    ['a digest and a raw value', JSON.stringify(withValue({raw: ['00']})), 'schema', 'exactly one'],
    ['measurement index 255', JSON.stringify(withValue({index: 255})), 'schema', 'index'],
    ['a local time', JSON.stringify(policy({notAfter: '2027-01-01T00:00:00'})), 'schema', 'notAfter'],
    ['a time that does not exist', JSON.stringify(policy({notAfter: '2027-13-01T00:00:00Z'})), 'schema', 'notAfter'],
    ['an absolute anchor file', JSON.stringify(withAnchor({file: '/etc/x.pem'})), 'schema', 'file'],
    ['an anchor with two digests', JSON.stringify(withAnchor({spkiSha384: D('b')})), 'schema', 'exactly one'],
    ['a waiver for a glob', JSON.stringify(policy({waivers: [waiver({check: 'spdm.*'})]})), 'schema', 'check'],
    [
      'a rule without a decision',
      JSON.stringify(policy({}, {id: 'a', match: {}} as never)),
      'schema',
      'decision: is missing',
    ],
    ['an approver twice', JSON.stringify(policy({waivers: [waiver({approvedBy: ['a', 'a']})]})), 'schema', 'unique'],
  ])('may not hold %s', (_, text, id, why) => {
    const {findings, digest} = load(text)
    expect(findings.map(findingLine).join('\n')).toContain(why)
    expect(findings[0]?.id).toBe(id)
    expect(digest).toBeNull()
  })

  it('must not be writable by others, or a link', () => {
    const text = JSON.stringify(policy())
    const findingsOf = (extra: object): number =>
      loadPolicy([{name: 'p', text, ...extra}], new Map(), NOW).findings.length
    expect([0o600, 0o644, 0o400, 0o640].map(mode => findingsOf({mode}))).toEqual([0, 0, 0, 0])
    expect([0o602, 0o620, 0o666, 0o777].map(mode => findingsOf({mode}))).toEqual([1, 1, 1, 1])
    expect(findingsOf({type: 'link'})).toBe(1)
    expect(findingsOf({type: 'file'})).toBe(0)
  })

  it('has a digest of its meaning, not of its spelling', () => {
    const json = load(policy()).digest
    const yaml = load(
      `rules:\n- decision: accept # yes\n  id: gpu\n  match: {device: ["0x2901"], vendor: "0x10de"}\n  anchors: [vendor]\n  identity: {mode: any-from-anchor}\n  measurements:\n    source: inline\n    values: [{index: 1, type: firmware, digests: ["${D('b')}"]}]\nname: test\nanchors: {vendor: [{label: vendor root, certSha384: "${D('a')}"}]}\ntsmctlPolicy: 1\n`,
    )
    expect(yaml.findings).toEqual([])
    expect(yaml.digest).toBe(json)
    expect(load(policy({}, rule({human: 'none'}))).digest).not.toBe(json)
  })

  it('merges with others, whatever order they are given in', () => {
    const files = [
      {name: '10-a.yaml', text: JSON.stringify(policy())},
      {
        name: '20-b.yaml',
        text: JSON.stringify({tsmctlPolicy: 1, name: 'b', rules: [rule({id: 'nic', match: {vendor: '0x15b3'}})]}),
      },
    ]
    const merged = loadPolicy(files, new Map(), NOW)
    expect(merged.findings).toEqual([])
    expect(merged.document.rules.map(({id}) => id)).toEqual(['gpu', 'nic'])
    expect(loadPolicy(files.toReversed(), new Map(), NOW).digest).toBe(merged.digest)
  })

  it('is not used at all when one of several files is broken', () => {
    const files = [
      {name: 'a', text: JSON.stringify(policy())},
      {name: 'b', text: 'rules: ['},
    ]
    expect(loadPolicy(files, new Map(), NOW).document.rules).toEqual([])
    expect(loadPolicy([], new Map(), NOW).findings).not.toEqual([])
  })

  it('refuses the same anchor set in two files', () => {
    const files = ['a', 'b'].map(name => ({name, text: JSON.stringify(policy({}, rule({id: name})))}))
    expect(loadPolicy(files, new Map(), NOW).findings.map(({id}) => id)).toEqual(['L01'])
  })

  it('says why it cannot be used, with exit code 11', () => {
    expect(() => requireUsable(load('rules: ['))).toThrow(expect.objectContaining({kind: 'policy', exitCode: 11}))
    expect(() => requireUsable(load(policy()))).not.toThrow()
  })

  it('names the certificate files it needs', () => {
    expect(filesOf([{name: 'p', text: JSON.stringify(withAnchor({file: 'roots/a.pem'}))}])).toEqual(['roots/a.pem'])
  })
})

function withValue(extra: object): Record<string, unknown> {
  const values = [{index: 1, type: 'firmware', digests: [D('b')], ...extra}]
  return policy({}, rule({measurements: {source: 'inline', values}}))
}

function withAnchor(extra: object): Record<string, unknown> {
  return policy({anchors: {vendor: [{label: 'root', certSha384: D('a'), ...extra}]}})
}
