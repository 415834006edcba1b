/** `policy …` in process: what each answers, under the schema that ships. */
import {generateKeyPairSync} from 'node:crypto'
import {chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import * as v from 'valibot'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {CHECK_IDS, loadPolicy} from '../../src/appraisal/index.js'
import {DATA} from '../../src/cli/schemas/index.js'
import {type Bundle, bundleToJson} from '../../src/evidence/index.js'
import {admit, collectEvidence, lock, readPolicy} from '../../src/operations/index.js'
import {checkRows, checksText} from '../../src/operations/policy/checks.js'
import {explainGiven} from '../../src/operations/policy/explain.js'
import {denyAll, policyFrom} from '../../src/operations/policy/init.js'
import {lintError, lintGiven, lintText} from '../../src/operations/policy/lint.js'
import {signPolicy} from '../../src/operations/policy/sign.js'
import {triedError, triedText, tryPolicy} from '../../src/operations/policy/try-cases.js'
import {APPROVERS, policy as document, rule, waiver} from '../appraisal/policy/documents.js'
import {DOCUMENT} from '../appraisal/forge.js'
import {GOOD, guestCopy} from '../support/guest.js'

const directory = mkdtempSync(join(tmpdir(), 'tsmctl-policy-commands-'))
afterAll(() => rmSync(directory, {recursive: true}))
const write = (name: string, content: unknown, mode = 0o644): string => {
  const path = join(directory, name)
  writeFileSync(path, typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content))
  chmodSync(path, mode)
  return path
}
const read = (name: string, content: unknown, now = new Date('2026-11-21T12:00:00Z')) =>
  readPolicy([write(name, content)], now)
/** The data as it is, if it is what the schema says. */
function described<T>(command: keyof typeof DATA, data: T): T {
  const {issues} = v.safeParse(DATA[command] as v.GenericSchema, JSON.parse(JSON.stringify(data)))
  expect(issues?.map(issue => `${v.getDotPath(issue)}: ${issue.message}`)).toBeUndefined()
  return data
}

let machine: Awaited<ReturnType<typeof guestCopy>>
let bundle: Bundle
beforeAll(async () => {
  machine = await guestCopy()
  await lock(machine.kernel, GOOD)
  bundle = await collectEvidence(machine.kernel, GOOD)
})

describe('policy checks', () => {
  it('tells every check, with what it protects from', () => {
    const rows = described('policy-checks', {checks: checkRows()}).checks
    expect(rows.map(({id}) => id)).toEqual(CHECK_IDS)
    expect(rows.every(({protectsFrom}) => protectsFrom.length > 0)).toBe(true)
    expect(checksText(checkRows('spdm.chain.revocation'))).toContain('may be left out')
  })

  it('tells those whose ids begin so, and knows no others', () => {
    expect(checkRows('policy.').map(({id}) => id)).toContain('policy.selector')
    expect(() => checkRows('nothing')).toThrow(expect.objectContaining({kind: 'not-found'}) as Error)
  })
})

describe('policy lint', () => {
  it('tells errors and warnings apart, and ends with an error for errors only', () => {
    const warned = described(
      'policy-lint',
      lintGiven(read('w.yaml', document({}, rule({spdm: {hash: ['sha256', 'sha384']}}))), machine.kernel),
    )
    expect([warned.findings, warned.warnings.length, lintError(warned)]).toEqual([[], 1, undefined])
    expect(lintText(warned)).toMatch(
      /^warning {2}rule gpu: .*\[L14\]\npolicy test: 0 errors, 1 warning, digest sha384:/,
    )
    const wrong = lintGiven(read('e.yaml', document({}, rule({anchors: ['other']}))), machine.kernel)
    expect(lintError(wrong)).toMatchObject({kind: 'policy', exitCode: 11})
    expect(lintText(wrong)).toContain('error    rule gpu: no anchors are named other [L02]')
  })

  it('refuses what is for laboratories where production is asked for', () => {
    const policy = read('p.yaml', document({}, rule({tsm: {ide: 'not-required'}})))
    expect(lintGiven(policy, machine.kernel).findings).toEqual([])
    expect(lintGiven(policy, machine.kernel, {production: true}).findings.map(({id}) => id)).toEqual(['L15'])
  })

  it('tells which waivers no decision used', async () => {
    const theirs = readFileSync(machine.policy, 'utf8')
    const used = [
      'approvers: {alice: {key: "ed25519:' + '1'.repeat(64) + '"}}',
      'waivers:',
      ...['pci.sriov.stable', 'spdm.chain.model'].map(
        check =>
          `  - {id: w-${check}, check: ${check}, match: {bdf: ["${GOOD}"]}, reason: nobody has looked at this so far, approvedBy: [alice], created: "2026-11-01T00:00:00Z", expires: "2027-01-30T00:00:00Z"}`,
      ),
    ].join('\n')
    const lacking = theirs.replaceAll(/^ *- \{check: pci\.sriov\.stable.*\n/gm, '')
    const file = join(machine.directory, 'waived.yaml')
    writeFileSync(file, `${lacking}${used}\n`)
    const policy = readPolicy([file], machine.kernel.now())
    expect(policy.findings).toEqual([])
    await admit(machine.kernel, GOOD, {policy, clockTrusted: true})
    const {warnings} = lintGiven(policy, machine.kernel, {unused: true})
    expect(warnings.filter(({id}) => id === 'unused').map(({where}) => where)).toEqual(['waiver w-spdm.chain.model'])
  })
})

describe('policy explain', () => {
  it('explains what can be used, and one rule of it', () => {
    const policy = read('x.yaml', document({approvers: APPROVERS, waivers: [waiver()]}))
    expect(described('policy-explain', explainGiven(policy, 'gpu')).rules).toHaveLength(1)
    expect(() => explainGiven(policy, 'nic')).toThrow(expect.objectContaining({kind: 'not-found'}) as Error)
    expect(() => explainGiven(read('y.yaml', 'rules: ['), undefined)).toThrow(
      expect.objectContaining({kind: 'policy'}) as Error,
    )
  })
})

describe('policy sign', () => {
  const {privateKey, publicKey} = generateKeyPairSync('ed25519')
  const pem = privateKey.export({type: 'pkcs8', format: 'pem'})

  it('writes what a machine with the key asks for', () => {
    const path = write('s.yaml', document())
    const key = write('s.key', pem, 0o600)
    const sources = {'policy-key': write('s.pub', publicKey.export({type: 'spki', format: 'pem'}))}
    const now = new Date('2026-11-21T12:00:00Z')
    expect(readPolicy([path], now, sources).findings).toHaveLength(1)
    const {file, signedBy} = described('policy-sign', signPolicy(readPolicy([path], now), path, key))
    expect([file, readPolicy([path], now, sources).signedBy]).toEqual([`${path}.sig`, signedBy])
  })

  it.each<[string, unknown, number]>([
    ['that others may read', pem, 0o644],
    [
      'of another kind',
      generateKeyPairSync('ec', {namedCurve: 'P-256'}).privateKey.export({type: 'pkcs8', format: 'pem'}),
      0o600,
    ],
    ['that is none', 'a key', 0o600],
  ])('refuses a key %s', (_, content, mode) => {
    const path = write('t.yaml', document())
    expect(() => signPolicy(readPolicy([path], new Date()), path, write('t.key', content, mode))).toThrow(
      expect.objectContaining({kind: 'usage'}) as Error,
    )
  })

  it('refuses a policy that cannot be used', () => {
    const path = write('u.yaml', 'rules: [')
    expect(() => signPolicy(readPolicy([path], new Date()), path, write('u.key', pem, 0o600))).toThrow(
      expect.objectContaining({kind: 'policy'}) as Error,
    )
  })
})

describe('policy init', () => {
  it('denies everything where there is nothing to begin with', () => {
    expect(read('deny.yaml', denyAll())).toMatchObject({findings: [], document: {rules: []}})
  })

  it('from evidence never accepts, and leaves open what the evidence leaves open', async () => {
    const text = await policyFrom(bundle)
    const policy = read('init.yaml', text)
    expect(policy.findings).toEqual([])
    expect(policy.document.rules).toMatchObject([{decision: 'review', human: 'typed', identity: {mode: 'allowlist'}}])
    expect(text).toMatch(/# {3}- \{check: tsm\.platform\.attested, because: offline\}/)
    // what is commented out is what a person may allow, as it stands
    const allowed = text.replaceAll(/^( *)# (allowSkip:| {2}- \{)/gm, '$1$2')
    const cases = write('init-cases.yaml', {
      cases: [{evidence: 'init.json', expect: 'review', failed: [], rule: 'device'}],
    })
    write('init.json', bundleToJson(bundle))
    const tried = await tryPolicy(read('allowed.yaml', allowed), cases)
    expect(triedText(tried)).toBe('ok    init.json: review\n1 of 1 as expected\n')
  })
})

describe('policy test', () => {
  const denying = loadPolicy([{name: 'p', text: denyAll()}], new Map(), new Date())

  it('says what turned out differently, and ends with an error', async () => {
    write('b.json', bundleToJson(bundle))
    const cases = write('cases.yaml', {
      cases: [
        {evidence: 'b.json', expect: 'deny', failed: ['policy.selector']},
        {name: 'should pass', evidence: 'b.json', expect: 'accept', rule: 'gpu'},
      ],
    })
    const tried = described('policy-test', await tryPolicy(denying, cases))
    expect(tried.cases.map(({ok}) => ok)[1]).toBe(false)
    expect(tried.cases[1]!.differences).toEqual(['decided deny, expected accept', 'rule none, expected gpu'])
    expect(triedError(tried)).toMatchObject({kind: 'denied', exitCode: 4})
  })

  it.each([
    ['no YAML', 'cases: ['],
    ['no cases', {cases: []}],
    ['an unknown check', {cases: [{evidence: 'b.json', expect: 'deny', failed: ['nothing']}]}],
    ['an unknown key', {cases: [{evidence: 'b.json', expect: 'deny', wish: 1}]}],
  ])('refuses a file with %s', async (_, content) => {
    await expect(tryPolicy(denying, write('bad.yaml', content))).rejects.toMatchObject({kind: 'malformed'})
  })

  it('refuses a policy that cannot be used', async () => {
    const broken = loadPolicy([{name: 'p', text: JSON.stringify({...DOCUMENT, extra: 1})}], new Map(), new Date())
    await expect(tryPolicy(broken, 'none')).rejects.toMatchObject({kind: 'policy'})
  })
})
