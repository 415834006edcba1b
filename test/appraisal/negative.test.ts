/**
 * One thing wrong at a time. The check that is there for it fails, what depends on it is blocked, nothing else changes,
 * and the decision is deny. Every part around the mutation is signed and digested as a capable attacker would.
 */
import {describe, expect, it} from 'vitest'
import {
  type Appraisal,
  type CheckId,
  type CheckResult,
  type Policy,
  REGISTRY,
  reasonText,
} from '../../src/appraisal/index.js'
import {isSatisfied} from '../../src/appraisal/settle.js'
import {verdictOutcome} from '../../src/cli/verdict-output.js'
import type {Bundle, PciFacts} from '../../src/evidence/index.js'
import {BASES, type Base, G1} from './bases/index.js'
import {DOCUMENT, type Forgery, generous, mode, PCI, policyFrom, RANGES, report, withBlock} from './forge.js'
import {failures, judge} from './guest.js'
import {ROWS} from './suite/index.js'
import {informationalMode} from './suite/measurements.js'
import type {Row} from './suite/row.js'

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

const untouched = (bundle: Bundle): Bundle => bundle

const judged = async (
  {policy, circumstances, ...what}: Partial<Row>,
  reading: 'own' | 'generous' = 'own',
): Promise<Appraisal> => {
  const {base = G1, tamper = untouched} = what
  return judge(
    tamper(await evidenceOf(what)),
    policiesOf(policy ?? base.document)[reading],
    circumstances ?? base.circumstances,
  )
}

const outcomeOf = ({result, reason, word}: CheckResult): string => `${result} ${reason ?? ''} ${word}`
type Outcomes = ReadonlyMap<string, string>

/** What becomes of a base under a policy, once. */
const sound = new Map<object, Promise<Outcomes>>()
function soundOutcomes(base: Base, policy: object): Promise<Outcomes> {
  const made =
    sound.get(policy) ??
    judged({base, policy}).then(({results}) => new Map(results.map(one => [one.id, outcomeOf(one)])))
  sound.set(policy, made)
  return made
}

/** The check at whose result a chain of blocked ones ends. */
function originOf(byId: ReadonlyMap<string, CheckResult>, {id, blockedBy}: CheckResult): string {
  const by = blockedBy === null ? undefined : byId.get(blockedBy)
  return by === undefined ? id : originOf(byId, by)
}

/** Reason by check and code, of everything that failed. */
const told = new Map<string, string>()

/** Without a rule there are only defaults, which allow no skip. */
const LEAVES_NO_RULE = ['policy.integrity', 'policy.selector']

describe('negative cases', () => {
  it.each(ROWS)('$name: $check', async item => {
    const {base = G1, check, policy = base.document, also = [], besides = []} = item
    const appraisal = await judged(item)
    const failed = [check, ...also].toSorted()
    expect(appraisal.decision).toBe('deny')
    expect(failures(appraisal).toSorted()).toEqual(failed)
    // a row that changes nothing but the policy is compared with the policy of the base
    const {forgery = NOTHING} = item
    const isMade = typeof forgery === 'function' || Object.keys(forgery).length > 0
    const before = await soundOutcomes(base, isMade ? policy : base.document)
    const byId = new Map(appraisal.results.map(result => [result.id, result]))
    const ruleless = LEAVES_NO_RULE.includes(check)
    const moved: string[] = []
    for (const found of appraisal.results) {
      const {id, result, blocking} = found
      const unmet = (REGISTRY[id as CheckId].requires ?? []).filter(needed => !isSatisfied(byId.get(needed)!))
      if (result === 'blocked') {
        // nothing is blocked but by what failed
        const origin = originOf(byId, found)
        if (!ruleless) expect({[id]: [...failed, ...besides].includes(origin)}).toEqual({[id]: true})
        else expect(isSatisfied(byId.get(origin)!)).toBe(false)
      } else {
        // and all that depends on it is
        expect({[id]: unmet}).toEqual({[id]: []})
        const same = failed.includes(id) || outcomeOf(found) === before.get(id)
        if (!same && !(ruleless && result === 'skip' && blocking)) moved.push(id)
      }
    }
    expect(moved.toSorted()).toEqual(besides.toSorted())
    expect(byId.get('ui.safe-text')?.result).toBe('pass')
    const {own} = policiesOf(policy)
    expect(verdictOutcome(appraisal, own, false).error?.exitCode).toBe(own.findings.length > 0 ? 11 : 4)
    for (const result of appraisal.results) {
      // a reason names its check, and is printer output
      expect(reasonText(result)).toMatch(/^[\x20-\x7e]{1,1200}$/)
      expect(reasonText(result).startsWith(`${result.id}: `)).toBe(true)
      if (result.result === 'fail') told.set(`${result.id} ${result.code}`, reasonText(result))
    }
  })

  it('reasons of different causes of one check differ', () => {
    const texts = new Map<string, string>()
    for (const [cause, text] of told) {
      expect({[text]: texts.get(text) ?? cause}).toEqual({[text]: cause})
      texts.set(text, cause)
    }
    expect(told.size).toBeGreaterThan(100)
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
