/** What relying parties are told: every row of the AR4SI table, and that nothing is ever told better than it is. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {
  CHECK_IDS,
  type CheckId,
  CLAIMS,
  earOf,
  earStatus,
  REGISTRY,
  type SkipReason,
  tierOf,
  trustVector,
  type TrustVector,
} from '../../../src/appraisal/index.js'
import {isCommitCheck, isWaivable} from '../../../src/appraisal/registry/index.js'
import {appraisalWith, blockedBy, byRule, type Change, failing, resultsWith, skipped, waived} from './settled.js'

const AFFIRMED: TrustVector = {
  'instance-identity': 2,
  hardware: 2,
  executables: 3,
  configuration: 2,
  'runtime-opaque': 2,
}

it('a device in RUN of which everything passed is affirmed in every claim', () => {
  expect(trustVector(resultsWith(), true)).toEqual(AFFIRMED)
})

describe('each claim', () => {
  it.each<[string, readonly Change[], Partial<TrustVector>]>([
    // instance-identity
    ['an unknown device', [failing('spdm.id.pinned')], {'instance-identity': 97}],
    ['a name that does not fit', [failing('spdm.id.san-cma')], {'instance-identity': 97}],
    ['a denied certificate', [failing('spdm.chain.denied')], {'instance-identity': 96}],
    ['a revoked certificate', [failing('spdm.chain.revocation', 'revoked')], {'instance-identity': 96}],
    ['unknown revocation', [failing('spdm.chain.revocation', 'stale')], {'instance-identity': 2, hardware: 97}],
    ['a broken path', [failing('spdm.chain.signatures')], {'instance-identity': 99, hardware: 97}],
    ['any device of the anchor', [skipped('spdm.id.pinned', 'na')], {'instance-identity': 0}],
    ['an unknown device by waiver', [waived('spdm.id.pinned')], {'instance-identity': 0, hardware: 32}],
    ['no certificates', [failing('spdm.chain.format')], {'instance-identity': 1, hardware: 1}],
    // hardware
    ['an unknown anchor', [failing('spdm.chain.root-pinned')], {'instance-identity': 97, hardware: 97}],
    ['another root', [failing('spdm.chain.root-hash')], {hardware: 97}],
    ['debug access', [failing('spdm.meas.debug')], {hardware: 96, executables: 3}],
    ['manufacturing mode', [failing('spdm.meas.device-mode')], {hardware: 96}],
    ['a layer in recovery', [failing('spdm.dice.flags')], {hardware: 96}],
    ['an erratum by rule', [byRule('ide.errata')], {hardware: 32, 'runtime-opaque': 32}],
    ['silence about debug by rule', [skipped('spdm.meas.debug', 'abs')], {hardware: 32}],
    ['silence about debug', [skipped('spdm.meas.debug', 'abs', false)], {hardware: 36}],
    // executables
    ['a value nobody approved', [failing('spdm.meas.values')], {executables: 33}],
    ['a block nobody approved', [failing('spdm.meas.coverage')], {executables: 33}],
    ['such a block by waiver', [waived('spdm.meas.coverage')], {executables: 33}],
    ['such a block because only listed ones count', [byRule('spdm.meas.coverage')], {executables: 33}],
    ['an old version', [failing('spdm.meas.svn')], {executables: 32}],
    ['an old version by waiver', [waived('spdm.meas.svn')], {executables: 32}],
    ['an older version than before', [waived('spdm.meas.rollback')], {executables: 32}],
    ['a known bad value', [failing('spdm.meas.denied'), failing('spdm.meas.values')], {executables: 96}],
    ['a foreign nonce', [failing('spdm.meas.nonce')], {executables: 96}],
    ['a signature that does not hold', [failing('spdm.meas.signature')], {executables: 99, 'instance-identity': 99}],
    ['a transcript that does not decode', [failing('spdm.meas.framing')], {executables: 1}],
    ['values that were not compared', [blockedBy('spdm.meas.values', 'acq.nonce.used')], {executables: 33}],
    // configuration
    ['a layout as required, but not pinned', [skipped('tdisp.report.pinned', 'na')], {configuration: 3}],
    ['a layout that changed', [failing('tdisp.report.pinned')], {configuration: 96}],
    ['lock flags nobody states', [skipped('tsm.lock.flags', 'tsm')], {configuration: 36}],
    ['lock flags nobody states, denied', [skipped('tsm.lock.flags', 'tsm', false)], {configuration: 36}],
    ['ATS by rule', [byRule('tdisp.report.ats')], {configuration: 32}],
    ['unlocked MSI-X by waiver', [waived('tdisp.report.msix-locked')], {configuration: 32}],
    ['firmware that may change', [failing('tdisp.report.no-fw-update')], {configuration: 96}],
    ['a report that does not decode', [failing('tdisp.report.framing')], {configuration: 1}],
    ['an advisory check that failed', [failing('pci.siblings')], {configuration: 2}],
    // runtime-opaque
    ['shared memory', [failing('tdisp.report.mmio-tee')], {'runtime-opaque': 96, configuration: 96}],
    ['no IDE by rule', [byRule('ide.stream.secure')], {'runtime-opaque': 32}],
    ['no IDE', [failing('ide.stream.secure')], {'runtime-opaque': 96}],
    ['IDE that nobody asserts', [skipped('ide.keys.session', 'tsm', false)], {'runtime-opaque': 0}],
  ])('%s', (_, changes, expected) => {
    expect(trustVector(resultsWith(...changes), true)).toMatchObject(expected)
  })

  it('about the running device is only made once it runs', () => {
    expect(trustVector(resultsWith())).toEqual({...AFFIRMED, 'runtime-opaque': 0})
  })

  it.each([
    ['instance-identity', 'spdm.id.pinned'],
    ['hardware', 'spdm.chain.weak'],
    ['executables', 'spdm.meas.values'],
    ['configuration', 'tdisp.report.ats'],
    ['runtime-opaque', 'ide.stream.secure'],
  ] as const)('%s says so when this tool broke', (claim, id) => {
    const broken = resultsWith().map(result =>
      result.id === id ? {...result, result: 'error' as const, blocking: true, word: 'FAIL' as const} : result,
    )
    expect(trustVector(broken, true)[claim]).toBe(-1)
  })

  it('is silent where nothing was checked', () => {
    expect(Object.values(trustVector([], true)).map(tierOf)).not.toContain('affirming')
  })
})

const ids = CHECK_IDS.filter(id => !isCommitCheck(id))
const change: fc.Arbitrary<Change> = fc
  .record({
    id: fc.constantFrom(...ids),
    kind: fc.constantFrom('fail', 'waive', 'skip', 'rule', 'block'),
    allow: fc.boolean(),
  })
  .map(({id, kind, allow}) => {
    const [reason] = (REGISTRY[id].skips ?? []) as readonly SkipReason[]
    if (kind === 'waive' && isWaivable(id)) return waived(id)
    if (kind === 'skip' && reason !== undefined) return skipped(id, reason, allow)
    if (kind === 'rule' && REGISTRY[id].class !== 'F') return byRule(id)
    return kind === 'block' ? blockedBy(id, 'policy.selector' as CheckId) : failing(id)
  })
const changes = fc.uniqueArray(change, {maxLength: 4, selector: ({id}) => id})

describe('the status', () => {
  it('is affirming only when everything passed, in RUN', () => {
    expect(earStatus(appraisalWith(resultsWith()), trustVector(resultsWith(), true))).toBe('affirming')
    expect(earStatus(appraisalWith(resultsWith()), trustVector(resultsWith()))).toBe('warning')
    const review = appraisalWith(resultsWith(), {decision: 'review'})
    expect(earStatus(review, trustVector(resultsWith(), true))).toBe('warning')
    expect(earStatus(appraisalWith(resultsWith(), undefined, {unverified: true}), AFFIRMED)).toBe('contraindicated')
  })

  it('is never above its worst claim, never affirming with an exception, and agrees with the decision', () => {
    const order = ['affirming', 'warning', 'contraindicated']
    fc.assert(
      fc.property(changes, fc.boolean(), fc.constantFrom('accept', 'review', 'deny'), (list, running, decision) => {
        const results = resultsWith(...list)
        const appraisal = appraisalWith(results, {decision})
        const vector = trustVector(results, running)
        const status = earStatus(appraisal, vector)
        const worst = Math.max(...CLAIMS.map(claim => order.indexOf(tierOf(vector[claim]))))
        expect(order.indexOf(status)).toBeGreaterThanOrEqual(worst)
        if (status === 'affirming') {
          expect(results.every(({waiver, relaxedBy}) => waiver === null && relaxedBy === null)).toBe(true)
          expect(appraisal.decision).toBe('accept')
        }
        // exit code 4 and contraindicated are one thing
        if (appraisal.decision === 'deny') expect(status).toBe('contraindicated')
        else expect(CLAIMS.map(claim => tierOf(vector[claim]))).not.toContain('contraindicated')
      }),
      {numRuns: 300},
    )
  })
})

describe('the claims set', () => {
  const claims = earOf(
    appraisalWith(
      resultsWith(waived('spdm.chain.revocation'), failing('tdisp.report.ats'), skipped('tsm.lock.flags', 'tsm')),
    ),
    {developer: 'tsmctl', build: '1.2.3'},
    {nonce: 'bm9uY2Vub25jZQ'},
  )
  const module = claims.submods['spdm:ACME:WIDGET:0001']!

  it('has the members of an EAR and no others', () => {
    expect(Object.keys(claims)).toEqual(['eat_profile', 'iat', 'ear.verifier-id', 'eat_nonce', 'submods'])
    expect(claims.iat).toBe(Date.parse('2026-11-21T12:00:10Z') / 1000)
    expect(claims['ear.verifier-id']).toEqual({developer: 'tsmctl', build: '1.2.3'})
    expect(Object.keys(module).slice(0, 3)).toEqual([
      'ear.status',
      'ear.trustworthiness-vector',
      'ear.appraisal-policy-id',
    ])
    expect(module['ear.appraisal-policy-id']).toBe(`tsmctl:lab@sha384:${'5c'.repeat(48)}`)
  })

  it('lists every check, with its reason where it is not simply ok', () => {
    const checks = new Map(module['tsmctl.checks'].map(check => [check.id, check]))
    expect([...checks.keys()]).toEqual(ids)
    expect(checks.get('acq.abi.known')).toEqual({id: 'acq.abi.known', result: 'pass', class: 'F'})
    expect(checks.get('spdm.chain.revocation')).toMatchObject({result: 'waived:w-1', class: 'W', waiver: 'w-1'})
    expect(checks.get('tsm.lock.flags')).toMatchObject({result: 'skip:tsm', reason: 'tsm.lock.flags: nobody says'})
    expect(checks.get('tdisp.report.ats')?.reason).toBe(
      'tdisp.report.ats: ATS is enabled; expected what it should be, got what it is [report@4]',
    )
  })

  it.each([
    ['its name', {}, 'spdm:ACME:WIDGET:0001'],
    ['its certificate', {name: null}, 'spdm:CN=Leaf'],
    ['where it is', {name: null, path: []}, 'spdm:0000:01:00.0'],
    ['nothing', {name: null, path: [], bdf: null}, 'spdm:unverified'],
  ])('calls the device by %s', (_, subject, name) => {
    const appraisal = appraisalWith(resultsWith())
    const {submods} = earOf({...appraisal, subject: {...appraisal.subject, ...subject}}, {developer: 'd', build: 'b'})
    expect(Object.keys(submods)).toEqual([name])
  })
})
