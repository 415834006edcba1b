/** Sound evidence under a policy that cannot be used: everything is denied, and the reason is the policy. */
import {generateKeyPairSync} from 'node:crypto'
import {expect, it} from 'vitest'
import {
  loadPolicy,
  type Policy,
  type PolicyExtras,
  type PolicyFile,
  policySignature,
} from '../../../src/appraisal/index.js'
import {verdictOutcome} from '../../../src/cli/verdict-output.js'
import {G1} from '../bases/index.js'
import {DOCUMENT, policyFrom} from '../forge.js'
import {failures, judge, NOW} from '../guest.js'
import {waiver} from './documents.js'

const TEXT = JSON.stringify(DOCUMENT)
const load = (file: Partial<PolicyFile>, extras?: PolicyExtras): Policy =>
  loadPolicy([{name: 'policy.yaml', text: TEXT, ...file}], new Map(), NOW, extras)

const ours = generateKeyPairSync('ed25519')
const theirs = generateKeyPairSync('ed25519')
const signedBy = (key: typeof ours): Policy => {
  const bytes = new TextEncoder().encode(policySignature(policyFrom(DOCUMENT).digest!, key.privateKey))
  return load({}, {signature: {key: ours.publicKey, files: [{name: 'p.sig', bytes}], expected: 'p.sig'}})
}
const fatal = {...DOCUMENT, waivers: [waiver({check: 'spdm.meas.signature', approvedBy: ['alice', 'bob']})]}

it.each<[string, Policy, string]>([
  ['N110 an alias', load({text: TEXT.replace('"rules":[', '"rules":&r [').replace(/\}$/, ',"waivers":*r}')}), 'form'],
  ['N110 a duplicate key', load({text: TEXT.replace('{', '{"name":"other",')}), 'form'],
  ['N110 an explicit tag', load({text: TEXT.replace('"rules":', '"rules": !!seq ')}), 'form'],
  ['N110 a world-writable file', load({mode: 0o646}), 'form'],
  ['N110 a symbolic link', load({type: 'link'}), 'form'],
  ['N110 a signature by another key', signedBy(theirs), 'signature'],
  ['N113 a waiver of a fatal check', load({text: JSON.stringify(fatal)}), 'L04'],
])('%s: policy.integrity', async (_, policy, id) => {
  const appraisal = await judge(await G1.forge(), policy)
  expect(policy.findings.map(finding => finding.id)).toContain(id)
  expect(appraisal).toMatchObject({decision: 'deny', rule: null, policy: null, P: null})
  expect(failures(appraisal)).toEqual(['policy.integrity'])
  expect(verdictOutcome(appraisal, policy, false).error?.exitCode).toBe(11)
})

it('the same policy, as it should be, accepts', async () => {
  const bundle = await G1.forge()
  for (const policy of [load({mode: 0o644, type: 'file', owner: 0, ownedBy: 0}), signedBy(ours)]) {
    expect(policy.findings).toEqual([])
    expect((await judge(bundle, policy)).decision).toBe('accept')
  }
})
