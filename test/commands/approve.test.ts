/** Two approvers on machines of their own, and what is typed on a terminal. */
import {generateKeyPairSync} from 'node:crypto'
import {readFileSync, writeFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {type Appraisal, approverKey, decodeApproval} from '../../src/appraisal/index.js'
import {askFor, type Terminal} from '../../src/cli/ask-approval.js'
import {accept, collectEvidence, lock, readAudit, readPolicy, verifyBundle} from '../../src/operations/index.js'
import {approve, readApproverKey, requireApprovable} from '../../src/operations/approve.js'
import {machineStatus} from '../../src/sim/index.js'
import {GOOD, guestCopy} from '../support/guest.js'
import {appraisal as sample} from '../tui/sample.js'

const newPem = (type: 'ed25519' | 'ed448' = 'ed25519'): Uint8Array =>
  Buffer.from(generateKeyPairSync(type as 'ed25519').privateKey.export({format: 'pem', type: 'pkcs8'}))

/** A guest whose policy asks for two approvers, and their keys. */
async function guestOfTwo() {
  const machine = await guestCopy()
  const keys = [newPem(), newPem()].map((pem, i) => readApproverKey(pem, `${i}.pem`))
  const approvers = ['alice', 'bob'].map((name, i) => `  ${name}: {key: "${approverKey(keys[i]!)}"}`).join('\n')
  const text = readFileSync(machine.policy, 'utf8')
    .replaceAll('human: none', 'human: two-person')
    .replaceAll('decision: accept', 'decision: review')
    .replace(/^anchors:/m, `approvers:\n${approvers}\nanchors:`)
  writeFileSync(machine.policy, text)
  const policy = readPolicy([machine.policy], machine.kernel.now())
  expect(policy.findings).toEqual([])
  return {...machine, keys, policy}
}

const WHY = 'bring-up of the first node'

describe('two approvers', () => {
  it('sign elsewhere, and the device runs', async () => {
    const {kernel, directory, keys, policy} = await guestOfTwo()
    await lock(kernel, GOOD)
    const bundle = await collectEvidence(kernel, GOOD)
    const first = await accept(kernel, GOOD, bundle.digest, {policy})
    expect(first.failure).toMatchObject({kind: 'review', message: expect.stringContaining('two approvers')})
    // what the approvers have: the bundle and the policy
    const appraisal = await verifyBundle(undefined, bundle, policy, kernel.now())
    const signed = keys.map(key => {
      const request = {bundle, appraisal, policy, key, reason: WHY, now: kernel.now()}
      requireApprovable(request)
      const file = new TextEncoder().encode(JSON.stringify(approve(request)))
      return decodeApproval(file)
    })
    const one = await accept(kernel, GOOD, bundle.digest, {policy, approvals: signed.slice(0, 1)})
    expect(one.failure).toMatchObject({kind: 'review', details: {check: 'commit.human'}})
    expect(machineStatus(directory).devices[0]?.tdi).toBe('CONFIG_LOCKED')
    expect((await accept(kernel, GOOD, bundle.digest, {policy, approvals: signed})).failure).toBeNull()
    expect(machineStatus(directory).devices[0]?.tdi).toBe('RUN')
    const committing = readAudit(kernel).records.find(({event}) => event === 'committing')
    expect(committing?.['approval']).toMatchObject([
      {by: 'alice', method: 'signed', reason: WHY},
      {by: 'bob', method: 'signed', reason: WHY},
    ])
  })

  it('sign nothing that no approval makes up for, and not without saying why', async () => {
    const {kernel, keys, policy} = await guestOfTwo()
    await lock(kernel, GOOD)
    const bundle = await collectEvidence(kernel, GOOD)
    const appraisal = await verifyBundle(undefined, bundle, policy, kernel.now())
    const request = {bundle, appraisal, policy, key: keys[0]!, reason: WHY, now: kernel.now()}
    const stranger = readApproverKey(newPem(), 'x.pem')
    expect(() => requireApprovable({...request, key: stranger})).toThrow(/names no approver with this key/)
    expect(() => requireApprovable({...request, reason: 'because'})).toThrow(/nothing is said about why/)
    const none = readPolicy([], kernel.now())
    const denied = await verifyBundle(undefined, bundle, none, kernel.now())
    expect(() => requireApprovable({...request, appraisal: denied})).toThrow(/no rule/)
    const broken = {...bundle, objects: new Map(bundle.objects).set('report', new Uint8Array(20))}
    const seen = await verifyBundle(undefined, broken, policy, kernel.now())
    expect(() => requireApprovable({...request, appraisal: seen})).toThrow(
      /acq.bundle.integrity|tsm.digest.report|tdisp.report/,
    )
  })

  it.each([
    ['no key', new Uint8Array(Buffer.from('hello'))],
    ['a key of another kind', newPem('ed448')],
  ])('%s is told as that', (_, pem) => {
    expect(() => readApproverKey(pem, 'me.pem')).toThrow(/read the key to sign with/)
  })
})

/** A terminal on which these lines are typed. */
function typed(...lines: readonly string[]): Terminal & {readonly said: string[]} {
  const said: string[] = []
  const left = [...lines]
  return {
    said,
    ask(question) {
      said.push(question)
      return Promise.resolve(left.shift() ?? '')
    },
    tell: text => void said.push(text),
    close: () => void said.push('closed'),
  }
}

describe('on a terminal', () => {
  const ACTOR = {uid: 0, loginuid: 1000, user: 'alice', tty: 'pts/1'}
  const question = (appraisal: Appraisal) => ({appraisal, wanted: 'enroll it', to: 'enroll', actor: ACTOR})

  it('the third wrong entry is a no, and the review is shown before the first', async () => {
    const terminal = typed('yes', 'enroll', 'ENROLL IT')
    expect(await askFor(question(sample()), terminal)).toBe('rejected')
    expect(terminal.said[0]).toContain('REVIEW')
    expect(terminal.said.filter(line => line.includes('type exactly'))).toHaveLength(3)
    expect(terminal.said.at(-1)).toBe('closed')
  })

  it('the right one counts at the second attempt too; a reason is asked where something is relaxed', async () => {
    expect(await askFor(question(sample()), typed('no', 'enroll it'))).toEqual({
      typed: 'enroll it',
      reason: null,
      by: 'alice',
    })
    const relaxed = sample({relaxations: ['tdisp.ats: allow']})
    expect(await askFor(question(relaxed), typed('enroll it', 'because we know it'))).toMatchObject({
      reason: 'because we know it',
    })
  })
})
