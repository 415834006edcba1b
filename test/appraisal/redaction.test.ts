/** Redaction never helps: whatever is taken away, no check passes that did not pass before, and no verdict gets better. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {type Appraisal, type Policy} from '../../src/appraisal/index.js'
import {type Bundle, DROPPABLE, type Droppable, freeze, type ObjectLabel, redact} from '../../src/evidence/index.js'
import {TsmctlError} from '../../src/errors.js'
import {G1} from './bases/index.js'
import {type DOCUMENT, type Forgery, generous, policyFrom} from './forge.js'
import {runs} from '../support/runs.js'
import {judge} from './guest.js'
import {ROWS} from './suite/index.js'
import type {Row} from './suite/row.js'

const RANK = {deny: 0, review: 1, accept: 2} as const
const passing = ({results}: Appraisal): string[] => results.filter(({result}) => result === 'pass').map(({id}) => id)

const DSN = '01-02-03-04-05-06-07-08'
/** Everything in the bundle that can be taken away. */
const named = (given: Forgery, dsn = DSN, boot = 'b007'): Forgery => ({
  ...given,
  pci: {dsn, bootId: boot, ...given.pci},
  before: {dsn: DSN, bootId: 'b007', ...given.before},
  objects: {...given.objects, platform: new Uint8Array([1, 2, 3])},
})

const policies = new Map<object, readonly Policy[]>()
function policiesOf(document: object): readonly Policy[] {
  const made = policies.get(document) ?? [policyFrom(document), policyFrom(generous(document as typeof DOCUMENT))]
  policies.set(document, made)
  return made
}

async function evidenceOf({base = G1, forgery, tamper}: Row): Promise<Bundle> {
  const given = typeof forgery === 'function' ? await forgery() : forgery
  const bundle = await base.forge(named(given ?? {}))
  return tamper === undefined ? bundle : tamper(bundle)
}

const drops = fc.subarray([...DROPPABLE])

describe('a redacted bundle', () => {
  it('never has a better verdict, live or offline, under any policy of the suite', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ROWS),
        drops,
        fc.boolean(),
        fc.constantFrom<('live' | 'offline')[]>('live', 'offline'),
        async (row, drop, own, mode) => {
          const original = await evidenceOf(row)
          const redacted = redactedOrNothing(original, drop)
          if (redacted === undefined) return
          const policy = policiesOf(row.policy ?? (row.base ?? G1).document)[own ? 0 : 1]
          const circumstances = {...(row.circumstances ?? row.base?.circumstances), mode}
          const [before, after] = [
            await judge(original, policy, circumstances),
            await judge(redacted, policy, circumstances),
          ]
          expect(RANK[after.decision]).toBeLessThanOrEqual(RANK[before.decision])
          expect(passing(before)).toEqual(expect.arrayContaining(passing(after)))
          if (mode === 'live') expect(after.decision).toBe('deny')
        },
      ),
      {numRuns: runs(8)},
    )
  })

  it('of sound evidence is as good offline as the original', async () => {
    const original = await evidenceOf({name: 'none', check: 'none'})
    const [policy] = policiesOf(G1.document)
    const judged = await judge(redact(original, DROPPABLE), policy, {mode: 'offline'})
    expect(judged.decision).toBe((await judge(original, policy, {mode: 'offline'})).decision)
    expect(judged.decision).toBe('accept')
  })
})

/** Undefined where redaction refuses, which it does for bundles that are not whole or show a change. */
function redactedOrNothing(bundle: Bundle, drop: readonly Droppable[]): Bundle | undefined {
  try {
    return redact(bundle, drop)
  } catch (error) {
    if (error instanceof TsmctlError && error.kind === 'malformed') return undefined
    throw error
  }
}

const without = (bundle: Bundle, label: ObjectLabel): Bundle => {
  const objects = new Map(bundle.objects)
  objects.delete(label)
  return {...bundle, objects}
}

describe('redaction refuses', () => {
  it.each<[string, () => Promise<Bundle>, readonly Droppable[], RegExp]>([
    ['a bundle that is not whole', async () => without(await G1.forge({}), 'vca'), [], /vca: listed, but missing/],
    ['a serial number that changed', () => G1.forge(named({}, '09-09-09-09-09-09-09-09')), ['dsn'], /serial number/],
    ['a boot in between', () => G1.forge(named({}, DSN, 'other')), [], /boot/],
    [
      'facts that cannot be read',
      async () => {
        const {manifest, objects} = await G1.forge({})
        const {version: _, objects: listed, ...facts} = manifest
        const item = (label: ObjectLabel) => ({
          label,
          bytes: label === 'pci' ? new Uint8Array([1]) : objects.get(label)!,
        })
        return freeze(
          listed.map(({label}) => ({...item(label), source: 'test'})),
          facts,
        )
      },
      ['dsn'],
      /pci facts/,
    ],
  ])('%s', async (_, make, drop, why) => {
    const bundle = await make()
    expect(() => redact(bundle, drop)).toThrow(why)
    expect(() => redact(bundle, drop)).toThrow(expect.objectContaining({kind: 'malformed'}))
  })
})

describe('redaction takes away', () => {
  it('names of the machine always, what is dropped on demand, and nothing else', async () => {
    const original = await G1.forge(named({facts: {host: {...HOST, machineIdHash: `sha384:${'ab'.repeat(48)}`}}}))
    const everything = redact(original, DROPPABLE)
    const text = JSON.stringify([everything.manifest, ...[...everything.objects.values()].map(latin1)])
    for (const name of [DSN, 'b007', 'ab'.repeat(48)]) expect(text).not.toContain(name)
    expect(everything.manifest.redactedFrom).toBe(original.digest)
    expect(everything.objects.has('platform')).toBe(false)
    const least = redact(original)
    expect([...least.objects.keys()]).toEqual([...original.objects.keys()])
    expect(least.objects.get('platform')).toEqual(original.objects.get('platform'))
    expect(latin1(least.objects.get('pci')!)).toContain(DSN)
    for (const label of ['cert0', 'vca', 'measurements', 'report', 'tsm'] as const)
      expect(everything.objects.get(label)).toEqual(original.objects.get(label))
  })
})

const HOST = {machineIdHash: null, bootId: 'b007', kernel: '7.3.0', tool: 'test', toolDigest: null}
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
