/**
 * One thing wrong at a time. The check that is there for it fails, what depends on it is blocked, nothing else changes,
 * and the decision is deny. Every part around the mutation is signed and digested as a capable attacker would.
 */
import {describe, expect, it} from 'vitest'
import {type Appraisal, type CheckId, type Policy, REGISTRY} from '../../src/appraisal/index.js'
import {isSatisfied} from '../../src/appraisal/settle.js'
import type {Bundle, PciFacts} from '../../src/evidence/index.js'
import {BASES, type Base, G1} from './bases/index.js'
import {DOCUMENT, type Forgery, generous, mode, PCI, policyFrom, RANGES, report, withBlock} from './forge.js'
import {failures, judge} from './guest.js'
import {ROWS as ACQUISITION} from './suite/acquisition.js'
import {ROWS as BINDING} from './suite/binding.js'
import {ROWS as CHAIN} from './suite/chain.js'
import {ROWS as IDENTITY} from './suite/identity.js'
import {ROWS as MACHINE} from './suite/machine.js'
import {informationalMode, ROWS as MEASUREMENTS} from './suite/measurements.js'
import {ROWS as REPORT} from './suite/report.js'
import type {Row} from './suite/row.js'
import {ROWS as SESSION} from './suite/session.js'

const ROWS: readonly Row[] = [
  ...ACQUISITION,
  ...SESSION,
  ...CHAIN,
  ...IDENTITY,
  ...MEASUREMENTS,
  ...BINDING,
  ...REPORT,
  ...MACHINE,
]

/** Most rows share one document; reading it costs as much as judging by it. */
const policies = new Map<object, {readonly own: Policy; readonly generous: Policy}>()
function policiesOf(document: object): {readonly own: Policy; readonly generous: Policy} {
  const made = policies.get(document) ?? {
    own: policyFrom(document),
    generous: policyFrom(generous(document as typeof DOCUMENT)),
  }
  policies.set(document, made)
  return made
}

const NOTHING: Forgery = {}
/** What is forged for a row, once. */
const forged = new Map<Base, Map<object, Promise<Bundle>>>(
  BASES.map(base => [base, new Map<object, Promise<Bundle>>()]),
)
function evidenceOf({base = G1, forgery = NOTHING}: Partial<Row>): Promise<Bundle> {
  const known = forged.get(base)!
  const made =
    known.get(forgery) ??
    Promise.resolve(typeof forgery === 'function' ? forgery() : forgery).then(given => base.forge(given))
  known.set(forgery, made)
  return made
}

const judged = async (
  {policy, circumstances, ...what}: Partial<Row>,
  reading: 'own' | 'generous' = 'own',
): Promise<Appraisal> => {
  const {base = G1} = what
  return judge(
    await evidenceOf(what),
    policiesOf(policy ?? base.document)[reading],
    circumstances ?? base.circumstances,
  )
}

describe('negative cases', () => {
  it.each(ROWS)('$name: $check', async item => {
    const appraisal = await judged(item)
    expect(appraisal.decision).toBe('deny')
    expect(failures(appraisal)).toContain(item.check)
    // everything else that stands against it is a consequence
    const others = failures(appraisal).filter(id => id !== item.check)
    expect(others).toEqual(item.also ?? [])
    const byId = new Map(appraisal.results.map(result => [result.id, result]))
    for (const {id, result, blockedBy} of appraisal.results) {
      const unmet = (REGISTRY[id as CheckId].requires ?? []).filter(
        prerequisite => !isSatisfied(byId.get(prerequisite)!),
      )
      // blocked by what did not pass, and never evaluated on top of something that did not pass
      if (result === 'blocked') expect(isSatisfied(byId.get(blockedBy!)!)).toBe(false)
      else expect(unmet).toEqual([])
    }
    expect(appraisal.results.find(({id}) => id === 'ui.safe-text')?.result).toBe('pass')
  })

  it.each(ROWS)('$name: with every waiver and skip a policy can allow', async item => {
    const {decision, results} = await judged(item, 'generous')
    const found = results.find(({id}) => id === item.check)!
    if (found.class === 'F') expect(decision).toBe('deny')
    // what was waived needs a human, and never counts as proven
    else if (found.class === 'W') expect(found).toMatchObject({result: 'waived', word: 'RELAXED'})
    expect(decision).not.toBe('accept')
  })
})

describe('a device is accepted that its driver left', () => {
  // as Linux does it, MSI-X and bus mastering are off then: 0 is Message Control of a table of one entry
  const one = {...(PCI.msix as object), tableSize: 1, control: '0x0000'} as PciFacts['msix']
  const off = report(RANGES, {msixEnable: false, msixTableSize: 0})
  it.each<[string, Forgery]>([
    ['without bus mastering', {pci: {command: '0x0002'}, before: {command: '0x0002'}}],
    ['with an MSI-X table of one entry, switched off', {pci: {msix: one}, before: {msix: one}, report: off}],
  ])('%s', async (_, forgery) => {
    const {decision, results} = await judged({forgery})
    expect(results.flatMap(({id, blocking}) => (blocking ? [id] : []))).toEqual([])
    expect(decision).toBe('accept')
  })
})

describe('a device that cannot report debug access', () => {
  it.each([0, 1, 2, 0x1c])('is not proven to have none: DeviceModeCapabilities %s', async reportable => {
    const forgery = {transcript: {blocks: withBlock(254, {value: mode(4, 0, reportable)})}}
    const {decision, results} = await judged({forgery, policy: informationalMode()})
    expect(results.find(({id}) => id === 'spdm.meas.debug')).toMatchObject({
      result: 'skip',
      reason: 'abs',
      blocking: true,
      word: 'NOT PROVEN',
    })
    expect(decision).toBe('deny')
  })
})
