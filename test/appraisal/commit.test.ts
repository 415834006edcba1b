/** Between approval and RUN: what differs from the reviewed evidence stops the transition. */
import {beforeAll, describe, expect, it} from 'vitest'
import {
  type Appraisal,
  type Approval,
  commitChecks,
  type CommitInput,
  postCommitChecks,
} from '../../src/appraisal/index.js'
import type {Bundle} from '../../src/evidence/index.js'
import {negotiation} from '../../src/sim/responder.js'
import {forge, PCI, policyFrom, RULE, DOCUMENT, ruleWith, sha384, generous} from './forge.js'
import {FACTS, judge, NOW} from './guest.js'

const VCA = negotiation()
let bundle: Bundle
let accepted: Appraisal
let reviewed: Appraisal
let withoutDigests: Bundle
const NO_DIGESTS = {cert0: undefined, vca: undefined, measurements: undefined, report: undefined}

beforeAll(async () => {
  bundle = await forge(VCA, FACTS)
  accepted = await judge(bundle, policyFrom(DOCUMENT))
  reviewed = await judge(bundle, policyFrom(ruleWith({human: 'typed'})))
  withoutDigests = await forge(VCA, FACTS, {digests: NO_DIGESTS})
})

const digestsOf = (of: Bundle): Map<string, Uint8Array> =>
  new Map(['cert0', 'vca', 'measurements', 'report'].map(label => [label, sha384(of.objects.get(label as 'vca')!)]))

const seconds = (after: number): Date => new Date(NOW.getTime() + after * 1000)

const approval = (extra: Partial<Approval> = {}): Approval => ({
  by: 'alice',
  method: 'typed',
  at: seconds(20).toISOString(),
  reason: 'bring-up of a node',
  digest: bundle.digest,
  ...extra,
})

const input = (extra: Partial<CommitInput> = {}): CommitInput => ({
  bundle,
  appraisal: accepted,
  approval: null,
  now: seconds(30),
  state: 'CONFIG_LOCKED',
  lockedBy: bundle.manifest.provider.tsm,
  driver: null,
  pci: PCI,
  digests: digestsOf(bundle),
  abi: bundle.manifest.provider.abi,
  generation: null,
  count: null,
  lockedSince: false,
  auditDurable: true,
  ...extra,
})

const blocking = (given: CommitInput): string[] =>
  commitChecks(given)
    .filter(result => result.blocking)
    .map(({id, code}) => `${id} ${code}`)

describe('commit checks', () => {
  it('pass when nothing changed, with and without a human', () => {
    expect(blocking(input())).toEqual([])
    expect(blocking(input({appraisal: reviewed, approval: approval()}))).toEqual([])
    expect(commitChecks(input()).find(({id}) => id === 'commit.mmio-validated')?.word).toBe('RELAXED')
  })

  it.each([
    ['the TDI is in RUN', {state: 'RUN'}, 'commit.state state'],
    ['N115 the TDI is in ERROR', {state: 'ERROR'}, 'commit.state state'],
    ['the TDI was unlocked', {state: 'CONFIG_UNLOCKED'}, 'commit.state state'],
    ['another TSM has the lock', {lockedBy: 'tsm1'}, 'commit.state tsm'],
    ['nobody has the lock', {lockedBy: null}, 'commit.state tsm'],
    ['bus mastering was switched off', {pci: {...PCI, command: '0x0402'}}, 'commit.device-stable changed'],
    ['the Command register cannot be read', {pci: {...PCI, command: null}}, 'commit.device-stable changed'],
    ['a driver was bound', {driver: 'nvme'}, 'commit.driver-unbound bound'],
    ['a BAR moved', {pci: {...PCI, bars: PCI.bars.slice(1)}}, 'commit.device-stable changed'],
    ['the revision changed', {pci: {...PCI, revision: '0x03'}}, 'commit.device-stable changed'],
    ['the audit log cannot be written', {auditDurable: false}, 'commit.audit-durable refused'],
    ['it was locked again by our own log', {lockedSince: true}, 'commit.lock-epoch again'],
    ['a digest is gone', {digests: new Map()}, 'commit.lock-epoch changed'],
  ] satisfies [string, Partial<CommitInput>, string][])('%s', (_, change, expected) => {
    expect(blocking(input(change))).toEqual([expected])
  })

  it('a digest changed, or one appeared', () => {
    const changed = digestsOf(bundle).set('report', new Uint8Array(48))
    expect(blocking(input({digests: changed}))).toEqual(['commit.lock-epoch changed'])
    const more = digestsOf(bundle).set('cert1', new Uint8Array(48))
    expect(blocking(input({digests: more}))).toEqual(['commit.lock-epoch changed'])
  })

  it('without digests nothing shows that it was not locked again', async () => {
    const appraisal = await judge(withoutDigests, policyFrom(DOCUMENT))
    expect(blocking(input({bundle: withoutDigests, appraisal, digests: new Map()}))).toEqual([
      'commit.human denied',
      'commit.lock-epoch skip:tsm',
    ])
  })

  it('digests without that of the measurements, which alone every lock changes, do not show it either', async () => {
    const some = await forge(VCA, FACTS, {digests: {measurements: undefined}})
    const policy = policyFrom(ruleWith({tsm: {digests: 'if-available'}}))
    const digests = digestsOf(some)
    digests.delete('measurements')
    const given = input({bundle: some, appraisal: await judge(some, policy), digests})
    expect(blocking(given)).toEqual(['commit.lock-epoch skip:tsm'])
    // what did change is seen all the same
    expect(blocking({...given, digests: new Map()})).toEqual(['commit.lock-epoch changed'])
  })

  it('ranges nobody validated are only accepted where the rule allows it', async () => {
    const strict = {...RULE, allowSkip: RULE.allowSkip.filter(({check}) => check !== 'commit.mmio-validated')}
    const appraisal = await judge(bundle, policyFrom(ruleWith(strict)))
    expect(blocking(input({appraisal}))).toEqual(['commit.mmio-validated skip:kern'])
  })

  it.each([
    ['nobody approved', null, 'missing'],
    ['for other evidence', {digest: `sha384:${'0'.repeat(96)}`}, 'other'],
    ['by a weaker method', {method: 'confirm' as const}, 'weak'],
    ['eleven minutes ago', {at: seconds(-640).toISOString()}, 'old'],
    ['in the future', {at: seconds(60).toISOString()}, 'old'],
    ['at no time', {at: 'yesterday'}, 'old'],
  ])('an approval %s', (_, change, code) => {
    const given = change === null ? null : approval(change)
    expect(blocking(input({appraisal: reviewed, approval: given}))).toEqual([`commit.human ${code}`])
  })

  it('a decision of eleven minutes ago, of other evidence, or that denies', async () => {
    expect(blocking(input({now: seconds(661)}))).toEqual(['commit.human stale'])
    const other = await forge(VCA, FACTS, {transcript: {response: {opaqueData: Uint8Array.of(1)}}})
    expect(blocking(input({bundle: other, digests: digestsOf(other)}))).toEqual(['commit.human other-evidence'])
    const denied = await judge(bundle, undefined)
    // without a rule nothing allows the skip either
    expect(blocking(input({appraisal: denied}))).toEqual(['commit.human denied', 'commit.mmio-validated skip:kern'])
  })

  it('a decision of eleven minutes ago by the monotonic clock, whatever the other one says', () => {
    expect(blocking(input({sinceDecision: 601}))).toEqual(['commit.human stale'])
    expect(blocking(input({sinceDecision: NaN}))).toEqual(['commit.human stale'])
  })

  it('a reason that says nothing, where something is relaxed', () => {
    for (const reason of [null, '', 'because', '         .         '])
      expect(blocking(input({appraisal: reviewed, approval: approval({reason})}))).toEqual(['commit.human reason'])
  })

  it('says what changed, from what to what', () => {
    const bars = PCI.bars.map(bar => (bar.index === 0 ? {...bar, size: '0x8000'} : bar))
    const results = commitChecks(input({pci: {...PCI, bars, revision: '0x03'}}))
    expect(results.find(({id}) => id === 'commit.device-stable')?.got).toBe(
      'revision: 0x02 -> 0x03, BAR0: memory64 0x4000 at 0x800000000 -> memory64 0x8000 at 0x800000000',
    )
  })

  it('another generation', async () => {
    const generation = await forge(
      VCA,
      {...FACTS, provider: {...FACTS.provider, generation: 7}},
      {
        collection: {generations: [7]},
      },
    )
    const appraisal = await judge(generation, policyFrom(DOCUMENT))
    const given = (now: number | null): CommitInput =>
      input({bundle: generation, appraisal, digests: digestsOf(generation), generation: now})
    expect(blocking(given(7))).toEqual([])
    expect(blocking(given(8))).toEqual(['commit.generation changed'])
    expect(blocking(given(null))).toEqual(['commit.generation changed'])
  })

  it('no waiver helps', async () => {
    const appraisal = await judge(bundle, policyFrom(generous(DOCUMENT)))
    expect(appraisal.decision).toBe('review')
    expect(blocking(input({appraisal, approval: approval(), state: 'RUN'}))).toEqual(['commit.state state'])
  })
})

const blockingAfter = (extra: Partial<CommitInput>): string[] =>
  postCommitChecks({...input({state: 'RUN'}), ...extra})
    .filter(result => result.blocking)
    .map(({id, code}) => `${id} ${code}`)

describe('after the write', () => {
  it.each([
    ['RUN', []],
    ['CONFIG_LOCKED', ['commit.post-state state']],
    ['ERROR', ['commit.post-state state']],
  ])('%s', (state, expected) => {
    expect(blockingAfter({state})).toEqual(expected)
  })

  it('a rival that locked anew between the last look and the write is found out', () => {
    const digests = digestsOf(bundle).set('measurements', new Uint8Array(48))
    expect(blockingAfter({digests})).toEqual(['commit.lock-epoch changed'])
    expect(blockingAfter({digests: new Map()})).toEqual(['commit.lock-epoch changed'])
  })
})
