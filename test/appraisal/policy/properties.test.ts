/** What no policy, no time and no order of rules can do, over whole appraisals. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {type Appraisal, type CheckId, type CheckResult, REGISTRY} from '../../../src/appraisal/index.js'
import {waiverProblem} from '../../../src/appraisal/waivers.js'
import {matchingRules} from '../../../src/appraisal/policy/index.js'
import type {Bundle} from '../../../src/evidence/index.js'
import {policyPaths} from '../../../scripts/policy-reference.js'
import {G1} from '../bases/index.js'
import {
  BLOCKS,
  certificates,
  chainObject,
  DOCUMENT,
  type Forgery,
  generous,
  policyFrom,
  RANGES,
  report,
  RULE,
} from '../forge.js'
import {judge} from '../guest.js'
import {ROWS} from '../suite/index.js'

type Json = Record<string, unknown>
const RANK = {deny: 0, review: 1, accept: 2}
const rankOf = ({decision}: Appraisal): number => RANK[decision]

const forged = new Map<Forgery, Promise<Bundle>>()
const evidence = (forgery: Forgery): Promise<Bundle> => {
  const made = forged.get(forgery) ?? G1.forge(forgery)
  forged.set(forgery, made)
  return made
}

/** These need others beside them. */
const NEEDY = ['rules[].measurements.source', 'rules[].identity.mode']
/** Every other key of a rule that takes one of several words, with its words. */
const CHOICES = policyPaths().flatMap(([path, schema]) => {
  const [section, key, ...more] = path.replace('rules[].', '').split('.')
  const words = schema['enum']
  if (
    NEEDY.includes(path) ||
    !path.startsWith('rules[].') ||
    more.length > 0 ||
    path.slice('rules[]'.length).includes('[]')
  )
    return []
  return Array.isArray(words) ? [{section: section!, key, words: words as readonly string[]}] : []
})
/** Rules of every kind the form knows, as far as it is a matter of words. */
const anyRule = fc
  .tuple(...CHOICES.map(({words}) => fc.option(fc.constantFrom(...words), {nil: undefined})))
  .map(values => {
    const rule: Json = {...RULE}
    for (const [i, {section, key}] of CHOICES.entries()) {
      const value = values[i]
      if (value === undefined) continue
      if (key === undefined) rule[section] = value
      else rule[section] = {...(rule[section] as Json | undefined), [key]: value}
    }
    return rule as typeof RULE
  })

const FATAL = ROWS.filter(
  ({check, base = G1, policy}) => REGISTRY[check as CheckId].class === 'F' && base === G1 && !policy,
)

/** Fatal, and nothing that may be left open. */
const standsAgainst = ({id, class: kind, result, reason}: CheckResult): boolean =>
  kind === 'F' &&
  result !== 'pass' &&
  !(result === 'skip' && (reason === 'na' || REGISTRY[id as CheckId].whenKnown === true))

describe('whatever a policy says', () => {
  it('no fatal check that did not pass is survived, under any rule with everything waived and skipped', async () => {
    expect([CHOICES.length > 15, FATAL.length > 30]).toEqual([true, true])
    let [usable, fatal] = [0, 0]
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...FATAL), anyRule, async (item, rule) => {
        const policy = policyFrom(generous({...DOCUMENT, rules: [rule]}))
        const forgery = typeof item.forgery === 'function' ? await item.forgery() : (item.forgery ?? {})
        const appraisal = await judge(await G1.forge(forgery), policy, item.circumstances)
        if (policy.findings.length === 0) usable++
        // what is fatal can depend on the rule: the lowest version, the slot
        if (!appraisal.results.some(standsAgainst)) return
        fatal++
        expect(appraisal.decision).toBe('deny')
      }),
      {numRuns: 12},
    )
    // most of these rules can be used, so that it is the evidence that is denied
    expect(Math.min(usable, fatal)).toBeGreaterThan(4)
  })

  it('more findings, denials and demands, and fewer exceptions, never decide better', async () => {
    const extra = {index: 9, type: 'firmware', value: new Uint8Array(48).fill(7)} as const
    const sound: Forgery = {}
    const ats: Forgery = {report: report(RANGES, {atsSupported: true})}
    const unapproved: Forgery = {transcript: {blocks: [...BLOCKS.slice(0, 5), extra, ...BLOCKS.slice(5)]}}
    const skip = fc.subarray([...RULE.allowSkip], {minLength: RULE.allowSkip.length - 1})
    const start = fc.record({skip, waived: fc.boolean(), require: fc.boolean(), given: fc.constantFrom(sound, ats)})
    const tighter = fc.constantFrom('block', 'deny', 'require', 'skip', 'waiver', 'failure')
    const name = {device: 'ACME:WIDGET:0001', reason: 'was reported stolen'}
    const waiver = {
      id: 'w',
      check: 'tdisp.report.ats',
      match: {vendor: '0x1b36'},
      reason: 'the vendor fixes this in firmware 5.1',
      approvedBy: ['alice'],
      created: '2026-11-01T00:00:00Z',
      expires: '2026-12-30T00:00:00Z',
    }
    const documentOf = (
      allowSkip: readonly object[],
      waived: boolean,
      require: readonly string[],
      denied: boolean,
    ) => ({
      ...DOCUMENT,
      deny: denied ? [name] : [],
      waivers: waived ? [waiver] : [],
      rules: [{...RULE, allowSkip, require}],
    })
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(start, tighter, async ({skip: skips, waived, require, given}, change) => {
        const demands = require ? ['tdisp.report.reserved'] : []
        const before = await judge(await evidence(given), policyFrom(documentOf(skips, waived, demands, false)))
        const after = await judge(
          await evidence(change === 'block' ? unapproved : change === 'failure' ? ats : given),
          policyFrom(
            documentOf(
              change === 'skip' ? skips.slice(1) : skips,
              waived && change !== 'waiver',
              change === 'require' ? [...demands, 'kernel.lockdown'] : demands,
              change === 'deny',
            ),
          ),
        )
        seen.add(before.decision)
        // without its waiver a sound device needs no person any more: what was denied is not accepted by it
        if (change === 'waiver' && given === sound) expect(rankOf(before) > 0 || rankOf(after) === 0).toBe(true)
        else expect(rankOf(after)).toBeLessThanOrEqual(rankOf(before))
      }),
      {
        numRuns: 12,
        examples: [
          [{skip: [...RULE.allowSkip], waived: false, require: false, given: sound}, 'block'],
          [{skip: [...RULE.allowSkip], waived: true, require: false, given: ats}, 'waiver'],
        ],
      },
    )
    expect(seen.size).toBeGreaterThan(1)
  })

  it('exactly one rule is selected, or none', async () => {
    const match = fc.constantFrom(
      {vendor: '0x1b36', device: ['0x0010']},
      {vendor: '0x1b36', device: ['0x0011']},
      {class: '0x0108'},
      {class: '0x02'},
      {bdf: ['0000:01:00.0']},
      {san: 'ACME:WIDGET:*'},
      {san: 'ACME:OTHER:*'},
    )
    const bundle = await evidence({})
    const counts = new Set<number>()
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(match, {maxLength: 4}), async matches => {
        const policy = policyFrom({...DOCUMENT, rules: matches.map((one, i) => ({...RULE, id: `r${i}`, match: one}))})
        expect(policy.findings).toEqual([])
        const {results, rule} = await judge(bundle, policy)
        const rules = matchingRules(policy, bundle.manifest.device, () => 'ACME:WIDGET:0001')
        counts.add(rules.length)
        expect(results.find(({id}) => id === 'policy.selector')?.result).toBe(rules.length === 1 ? 'pass' : 'fail')
        expect(rule).toBe(rules.length === 1 ? rules[0]!.id : null)
      }),
      {numRuns: 12, examples: [[[{class: '0x0108'}, {bdf: ['0000:01:00.0']}]]]},
    )
    expect(Math.max(...counts)).toBeGreaterThan(1)
  })
})

describe('whatever the clock says', () => {
  const HOUR = 3_600_000
  const FLOOR = Date.parse('2026-11-21T12:00:00Z')
  const around = fc.integer({min: -48, max: 48}).map(hours => FLOOR + hours * HOUR)

  it('nothing is accepted before the floor, nor on certificates that had expired at it', async () => {
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(around, around, fc.constantFrom('strict', 'device'), async (now, notAfter, validity) => {
        const chain = chainObject(await certificates({leaf: {notAfter: new Date(notAfter)}}))
        const facts = {collectedAt: new Date(now - 1000).toISOString()}
        const time = {validity, floor: new Date(FLOOR).toISOString()}
        const policy = policyFrom({...DOCUMENT, rules: [{...RULE, time}]})
        const {decision} = await judge(await G1.forge({chain, facts}), policy, {now: new Date(now)})
        if (decision === 'accept') accepted++
        expect(decision === 'accept').toBe(now >= FLOOR && notAfter >= now)
      }),
      {numRuns: 12, examples: [[FLOOR, FLOOR + HOUR, 'strict']]},
    )
    expect(accepted).toBeGreaterThan(0)
  })

  it('a waiver lives from its beginning to its end, by a clock that is trusted', async () => {
    const {manifest, digest} = await evidence({})
    const instant = around.map(time => new Date(time).toISOString())
    fc.assert(
      fc.property(instant, instant, around, fc.boolean(), (created, expires, now, clockTrusted) => {
        const waiver = {
          id: 'w',
          check: 'tdisp.report.ats',
          match: {vendor: '0x1b36'},
          reason: 'the vendor fixes this in firmware 5.1',
          approvedBy: ['alice'],
          created,
          expires,
        }
        const problem = waiverProblem(waiver, {
          policy: undefined,
          rule: {human: 'none'},
          bundle: {manifest, digest},
          now: new Date(now),
          clockTrusted,
          name: undefined,
        })
        const lives = clockTrusted && Date.parse(created) <= now && now < Date.parse(expires)
        expect(problem === undefined).toBe(lives)
      }),
    )
  })
})
