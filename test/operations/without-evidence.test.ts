/** Kernels without any interface for evidence: a person may accept under a rule that says so, and nobody else. */
import {readFileSync, writeFileSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {earOf, renderAppraisal} from '../../src/appraisal/index.js'
import {ErrnoError} from '../../src/errors.js'
import type {Kernel} from '../../src/kernel/index.js'
import {accept, admit, lock, readAudit, readPolicy, reviewDevice, unlock} from '../../src/operations/index.js'
import {injectFault} from '../../src/sim/index.js'
import {readTdi} from '../../src/tsm/index.js'
import {GOOD, guestWith} from '../support/guest.js'

const REASON = 'bench unit, accepted for the demo'
const RULE = `tsmctlPolicy: 1
name: bench
rules:
  - id: unverifiable
    match: {vendor: "0x10ad"}
    decision: review
    withoutEvidence: {reason: 'the vendor kernel of the bench has no evidence interface'}
    allowSkip:
      - {check: commit.lock-epoch, because: no-tsm-support}
      - {check: commit.mmio-validated, because: no-kernel-support}
`

async function opened(abi: string, edit: (text: string) => string = text => text) {
  const {kernel, directory, policy: file} = await guestWith(`abi: ${abi}`)
  const vendor = /vendor: ("0x[0-9a-f]{4}")/.exec(readFileSync(file, 'utf8'))![1]!
  writeFileSync(file, edit(RULE.replace('"0x10ad"', vendor)))
  const policy = readPolicy([file], kernel.now())
  expect(policy.findings).toEqual([])
  const person = (reason: string | null = REASON, typed?: string) => ({
    policy,
    ask: (appraisal: {shortD: string}) =>
      Promise.resolve({typed: typed ?? `${GOOD} ${appraisal.shortD}`, reason, by: 'alice'}),
  })
  return {kernel, directory, policy, person}
}

const state = async (kernel: Kernel) => (await readTdi(kernel, GOOD)).state
const blocking = (results: readonly {id: string; blocking: boolean}[]): string[] =>
  results.filter(result => result.blocking).map(({id}) => id)

describe('a rule for devices without evidence', () => {
  it('lets a person accept by name and reason, and everything says that it is unverified', async () => {
    const {kernel, policy, person} = await opened('G1n')
    const {bundle, appraisal} = await reviewDevice(kernel, GOOD, {policy})
    expect(appraisal).toMatchObject({decision: 'review', human: 'typed', unverified: true})
    expect(appraisal.subject).toMatchObject({name: null, anchor: null, certificate: null})
    const result = await accept(kernel, GOOD, bundle.digest, person())
    expect(result).toMatchObject({changed: true, failure: null, after: {state: 'RUN'}})
    expect(renderAppraisal(appraisal)[0]).toContain('UNVERIFIED')
    expect(appraisal.relaxations.join()).toContain('UNVERIFIED')
    const [claims] = Object.values(earOf(appraisal, {developer: 't', build: '1'}).submods)
    expect(claims).toMatchObject({'ear.status': 'contraindicated', 'tsmctl.unverified': true})
    const records = readAudit(kernel).records.filter(({verdict}) => verdict !== null)
    expect(records.map(({event}) => event)).toEqual([
      'decided',
      'decided',
      'shown',
      'approved',
      'committing',
      'committed',
    ])
    for (const {verdict} of records) expect(verdict).toMatchObject({unverified: true})
  })

  it('never says ok of what there was no evidence of', async () => {
    const {kernel, policy} = await opened('G1n')
    const {appraisal} = await reviewDevice(kernel, GOOD, {policy})
    const told = appraisal.results.filter(({id}) => /^(spdm|tsm|tdisp|ide)\./.test(id))
    expect(told.length).toBeGreaterThan(70)
    expect(told.filter(({word, result}) => word === 'ok' || result === 'pass' || result === 'waived')).toEqual([])
  })

  it('is never enough without a person', async () => {
    const {kernel, policy} = await opened('G1n')
    expect(await admit(kernel, GOOD, {policy})).toMatchObject({admitted: false, failure: {kind: 'review'}})
    expect(await state(kernel)).toBe('CONFIG_UNLOCKED')
  })

  it.each([
    ['no reason', [null]],
    ['hardly a reason', ['because']],
    ['another name', [REASON, `${GOOD} 000000000000`]],
    ['a mere yes', [REASON, 'accept']],
  ] as const)('takes a person with %s for nobody', async (_, given) => {
    const {kernel, person} = await opened('G1n')
    expect(await admit(kernel, GOOD, person(...given))).toMatchObject({admitted: false, failure: {kind: 'review'}})
    expect(await state(kernel)).toBe('CONFIG_UNLOCKED')
  })

  it.each(['G2', 'P2'])('means nothing where the kernel has evidence: %s', async abi => {
    const {kernel, person} = await opened(abi)
    const {admitted, appraisal} = await admit(kernel, GOOD, person())
    expect(admitted).toBe(false)
    expect(appraisal).toMatchObject({decision: 'deny', unverified: false})
    expect(blocking(appraisal.results)).toContain('spdm.chain.root-pinned')
  })

  it('means nothing where the interface is not understood', async () => {
    const {kernel, directory, person} = await opened('P2')
    await injectFault(directory, {device: GOOD, at: 'evidence', do: 'family-version', times: 'always'})
    const {admitted, appraisal} = await admit(kernel, GOOD, person())
    expect(admitted).toBe(false)
    expect(appraisal).toMatchObject({decision: 'deny', unverified: false})
  })

  it.each(['G2', 'P2'])('means nothing where %s gives evidence under a name that is not known here', async abi => {
    const {kernel, person} = await opened(abi)
    const renamed: Kernel = {
      ...kernel,
      netlinkFamily: name => Promise.reject(new ErrnoError('ENOENT', 'ask', name, {kind: 'not-found'})),
    }
    const {admitted, appraisal} = await admit(renamed, GOOD, person())
    expect(admitted).toBe(false)
    expect(appraisal).toMatchObject({decision: 'deny', unverified: false})
    expect(blocking(appraisal.results)).toContain('acq.abi.known')
  })

  it('means nothing once the kernel has got an interface since the review', async () => {
    const {kernel, policy, person} = await opened('G1n')
    const {bundle} = await reviewDevice(kernel, GOOD, {policy})
    const later: Kernel = {
      ...kernel,
      netlinkFamily: async name => ({name, version: 1, maxAttribute: 6, commands: new Set([1])}),
      netlinkDump: async () => [],
    }
    const result = await accept(later, GOOD, bundle.digest, person())
    expect(result).toMatchObject({changed: false})
    expect(blocking(result.commit)).toContain('commit.generation')
    expect(await state(kernel)).toBe('CONFIG_LOCKED')
  })

  it('does not outlive the lock it was said about', async () => {
    const {kernel, policy, person} = await opened('G1n')
    const {bundle} = await reviewDevice(kernel, GOOD, {policy})
    await unlock(kernel, GOOD)
    await lock(kernel, GOOD)
    const {changed, commit} = await accept(kernel, GOOD, bundle.digest, person())
    expect(changed).toBe(false)
    expect(blocking(commit)).toEqual(['commit.lock-epoch'])
    expect(await state(kernel)).toBe('CONFIG_LOCKED')
  })

  it('sets aside nothing that the kernel shows: a driver that got bound stops it', async () => {
    const {kernel, directory, policy, person} = await opened('G1n')
    const {bundle} = await reviewDevice(kernel, GOOD, {policy})
    await injectFault(directory, {device: GOOD, at: 'now', do: 'bind-driver'})
    const {changed, commit} = await accept(kernel, GOOD, bundle.digest, person())
    expect(changed).toBe(false)
    expect(blocking(commit)).toContain('commit.driver-unbound')
  })

  it('is needed: without it the same rule denies', async () => {
    const {kernel, person} = await opened('G1n', text =>
      text
        .replace(/withoutEvidence: .*/, 'anchors: [a]\n    identity: {mode: tofu}\n    measurements: {source: none}')
        .replace('rules:', `anchors: {a: [{label: a, certSha384: "sha384:${'0'.repeat(96)}"}]}\nrules:`),
    )
    const {admitted, appraisal} = await admit(kernel, GOOD, person())
    expect(admitted).toBe(false)
    expect(appraisal).toMatchObject({decision: 'deny', unverified: false})
    expect(blocking(appraisal.results)).toContain('acq.abi.known')
  })
})
