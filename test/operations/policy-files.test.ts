/** Where a policy may lie, who may have written it, and who must have signed it. */
import {generateKeyPairSync} from 'node:crypto'
import {chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {findingLine, keyText, type Policy, policySignature} from '../../src/appraisal/index.js'
import {type PolicySources, readPolicy, type SystemPolicy} from '../../src/operations/read-policy.js'

const NOW = new Date('2026-11-21T00:00:00Z')
let directory: string
let system: SystemPolicy

const at = (...parts: readonly string[]): string => join(directory, ...parts)
const text = (name: string, id = name): string =>
  `tsmctlPolicy: 1\nname: ${name}\nrules: [{id: ${id}, match: {bdf: ["0000:01:00.${id.length % 8}"]}, decision: deny}]\n`
const write = (name: string, content: string | Uint8Array, mode = 0o644): string => {
  writeFileSync(at(name), content, {mode})
  chmodSync(at(name), mode)
  return at(name)
}
const read = (paths: readonly string[], sources: PolicySources = {}): Policy => readPolicy(paths, NOW, sources)
const said = ({findings}: Policy): string => findings.map(findingLine).join('\n').replaceAll(`${directory}/`, '')

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tsmctl-policy-'))
  mkdirSync(at('policy.d'))
  system = {directory: at('policy.d'), key: at('policy.pub'), owner: process.getuid!()}
})
afterEach(() => rmSync(directory, {recursive: true}))

describe('the policy of a machine', () => {
  it('is what lies in its directory, unless another one is named', () => {
    write('policy.d/10-a.yaml', text('a'))
    write('policy.d/20-b.yaml', text('b', 'bb'))
    write('policy.d/README', 'no policy')
    expect(read([], {system}).document.rules.map(({id}) => id)).toEqual(['a', 'bb'])
    expect(read([write('other.yaml', text('other'))], {system}).name).toBe('other')
  })

  it('is unusable where a file of it would be passed over for its name', () => {
    write('policy.d/10-a.yaml', text('a'))
    for (const name of ['20-deny.yml', '20-deny.YAML', '20-deny.yaml ']) {
      write(`policy.d/${name}`, text('b'))
      expect(said(read([], {system}))).toContain(`policy.d/${name}: is not read`)
      rmSync(at('policy.d', name))
    }
    for (const name of ['10-a.yaml.sig', '10-a.yaml~', '10-a.yaml.bak', 'policy.sig', 'acme.pem'])
      write(`policy.d/${name}`, 'x')
    expect(read([], {system}).findings).toEqual([])
  })

  it('is none where the directory is empty or absent, and then everything is denied', () => {
    expect(said(read([], {system}))).toContain('there is no policy')
    rmSync(at('policy.d'), {recursive: true})
    expect(said(read([], {system}))).toContain('there is no policy')
    expect(said(read([]))).toContain('there is no policy')
  })

  it('opens nothing that lies outside of its directory', () => {
    // opening a directory as a file would be another error
    const outside = `tsmctlPolicy: 1
name: a
anchors: {a: [{label: x, certSha384: "sha384:${'0'.repeat(96)}", file: b/../../policy.d/x.pem}]}
rules: []
`
    mkdirSync(at('policy.d/x.pem'))
    mkdirSync(at('policy.d/b'))
    expect(said(read([write('policy.d/a.yaml', outside)]))).toContain('the file lies outside of the policy directory')
  })

  it.each<[string, () => void, string]>([
    ['a file others may write to', () => chmodSync(at('policy.d/a.yaml'), 0o666), 'a.yaml: others may write to it'],
    ['a directory others may write to', () => chmodSync(at('policy.d'), 0o777), 'policy.d: others may write to it'],
    ["somebody else's file", () => (system = {...system, owner: system.owner + 1}), 'it belongs to user'],
    [
      'a link',
      () => symlinkSync(at('policy.d/a.yaml'), at('policy.d/b.yaml')),
      'policy.d/b.yaml: is a link, not a file',
    ],
    ['a directory called so', () => mkdirSync(at('policy.d/b.yaml')), 'policy.d/b.yaml: is a directory, not a file'],
    ['more than a mebibyte', () => void write('policy.d/b.yaml', `#${'x'.repeat(1 << 20)}\n`), 'larger than 1048576'],
  ])('is unusable with %s', (_, change, why) => {
    write('policy.d/a.yaml', text('a'))
    expect(said(read([], {system}))).toBe('')
    change()
    const policy = read([], {system})
    expect(said(policy)).toContain(why)
    expect(policy).toMatchObject({digest: null, document: {rules: []}})
  })

  it.skipIf(process.getuid!() !== 0)('has to belong to root', () => {
    write('policy.d/a.yaml', text('a'))
    chownSync(at('policy.d/a.yaml'), 12_345, 0)
    expect(said(read([], {system}))).toBe('policy.d/a.yaml: it belongs to user 12345, not to root [form]')
  })
})

describe('a policy that is named', () => {
  it('may be a directory, and may belong to anybody', () => {
    write('policy.d/a.yaml', text('a'))
    const policy = read([at('policy.d')], {system: {...system, owner: 99}})
    expect([said(policy), policy.name]).toEqual(['', 'a'])
  })

  it('that is not there is an error, and says so', () => {
    expect(() => read([at('none.yaml')])).toThrow(expect.objectContaining({kind: 'policy'}) as Error)
  })

  it('names files that are not there: a finding', () => {
    const anchors = `anchors: {a: [{label: a, certSha384: "sha384:${'a'.repeat(96)}", file: roots/none.pem}]}\n`
    expect(said(read([write('a.yaml', text('a') + anchors)]))).toContain('roots/none.pem): the file was not found')
  })
})

describe('a pinned key', () => {
  const {privateKey, publicKey} = generateKeyPairSync('ed25519')
  const other = generateKeyPairSync('ed25519')
  let file: string
  let sources: PolicySources
  beforeEach(() => {
    write('policy.pub', publicKey.export({type: 'spki', format: 'pem'}))
    file = write('a.yaml', text('a'))
    sources = {'policy-key': at('policy.pub')}
  })
  const P = (): NonNullable<Policy['digest']> => read([file]).digest!

  it('has to have signed the policy', () => {
    expect(said(read([file], sources))).toBe(
      'a.yaml.sig: a key for policies is configured, and there is no signature [signature]',
    )
    write('a.yaml.sig', policySignature(P(), privateKey))
    expect(read([file], sources)).toMatchObject({findings: [], digest: P(), signedBy: keyText(publicKey)})
    expect(read([file])).toMatchObject({findings: [], signedBy: null})
  })

  it.each<[string, () => string | Uint8Array]>([
    ['another key', () => policySignature(P(), other.privateKey)],
    ['another policy', () => policySignature(`sha384:${'0'.repeat(96)}`, privateKey)],
    ['nobody', () => 'ed25519:'],
    ['nobody, at length', () => new Uint8Array(100_000)],
    ['half of it', () => policySignature(P(), privateKey).slice(0, 100)],
    ['somebody who added to it', () => `${policySignature(P(), privateKey)}x`],
  ])('does not take the signature of %s', (_, content) => {
    write('a.yaml.sig', content())
    const policy = read([file], sources)
    expect(said(policy)).toMatch(
      /^a\.yaml\.sig: it is no signature of this policy by ed25519:[0-9a-f]{64} \[signature\]$/,
    )
    expect(policy.digest).toBeNull()
  })

  it('signs what the policy says, not how it is written', () => {
    write('a.yaml.sig', policySignature(P(), privateKey))
    write('a.yaml', `# a comment\n${text('a')}`)
    expect(said(read([file], sources))).toBe('')
    write('a.yaml', text('a').replace('deny', 'deny, description: more'))
    expect(said(read([file], sources))).toContain('no signature of this policy')
  })

  it('signs a directory as one policy', () => {
    write('policy.d/a.yaml', text('a'))
    write('policy.d/b.yaml', text('b', 'bb'))
    expect(said(read([], {system}))).toContain('policy.d/policy.sig')
    write('policy.d/policy.sig', policySignature(read([at('policy.d')]).digest!, privateKey))
    expect(said(read([], {system}))).toBe('')
    rmSync(at('policy.d/b.yaml'))
    expect(said(read([], {system}))).toContain('no signature of this policy')
  })

  it('of the machine also stands over policies that are named', () => {
    expect(said(read([file], {system}))).toContain('there is no signature')
  })

  it('may be written as text', () => {
    write('policy.pub', `${keyText(publicKey)}\n`)
    write('a.yaml.sig', policySignature(P(), privateKey))
    expect(said(read([file], sources))).toBe('')
  })

  it.each<[string, () => unknown]>([
    ['is not there', () => rmSync(at('policy.pub'))],
    ['is no key', () => write('policy.pub', 'a key')],
    [
      'is of another kind',
      () =>
        write(
          'policy.pub',
          generateKeyPairSync('ec', {namedCurve: 'P-256'}).publicKey.export({type: 'spki', format: 'pem'}),
        ),
    ],
    ['is a private key', () => write('policy.pub', privateKey.export({type: 'pkcs8', format: 'pem'}))],
    ['anybody may write to', () => chmodSync(at('policy.pub'), 0o666)],
  ])('that %s is an error: nothing is accepted without it', (_, change) => {
    change()
    expect(() => read([file], sources)).toThrow(expect.objectContaining({kind: 'policy'}) as Error)
  })
})
