/** Properties over arbitrary damage: nothing damaged is accepted, and nothing makes the appraisal itself fail. */
import fc from 'fast-check'
import {beforeAll, describe, expect, it} from 'vitest'
import type {Policy} from '../../src/appraisal/index.js'
import {type Bundle, LABELS} from '../../src/evidence/index.js'
import {negotiation} from '../../src/sim/responder.js'
import {DOCUMENT, forge, type Forgery, generous, policyFrom, sha384} from './forge.js'
import {FACTS, judge} from './guest.js'

const VCA = negotiation()
const OBJECTS = ['cert0', 'vca', 'measurements', 'report'] as const
let sound: Bundle
let strict: Policy
let lax: Policy

beforeAll(async () => {
  sound = await forge(VCA, FACTS)
  strict = policyFrom(DOCUMENT)
  lax = policyFrom(generous(DOCUMENT))
})

const original = (): Record<string, Uint8Array> =>
  Object.fromEntries(OBJECTS.map(label => [label, sound.objects.get(label)!]))

const withObject = (label: string, bytes: Uint8Array, digests?: Forgery['digests']): Promise<Bundle> =>
  forge(VCA, FACTS, {objects: {...original(), [label]: bytes}, ...(digests && {digests})})

const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = bytes.slice()
  const at = bit % (copy.length * 8)
  copy[Math.floor(at / 8)]! ^= 2 ** (at % 8)
  return copy
}

describe('damaged evidence', () => {
  it('a flipped bit is never accepted when the TSM saw the original', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...OBJECTS), fc.nat(1_000_000), async (label, bit) => {
        const bytes = original()[label]!
        const bundle = await withObject(label, flipped(bytes, bit), {[label]: sha384(bytes)})
        for (const policy of [strict, lax]) expect((await judge(bundle, policy)).decision).toBe('deny')
      }),
      {numRuns: 40},
    )
  })

  it('a flipped bit of what is signed is never accepted, even if the TSM vouches for it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('cert0' as const, 'vca' as const, 'measurements' as const),
        fc.nat(1_000_000),
        async (label, bit) => {
          const bundle = await withObject(label, flipped(original()[label]!, bit))
          expect((await judge(bundle, lax)).decision).toBe('deny')
        },
      ),
      {numRuns: 60},
    )
  })

  it('arbitrary bytes in any object are judged, not stumbled over', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...OBJECTS), fc.uint8Array({maxLength: 200}), async (label, bytes) => {
        const appraisal = await judge(await withObject(label, bytes), lax)
        expect(appraisal.decision).toBe('deny')
        expect(appraisal.results.some(({result}) => result === 'error')).toBe(false)
      }),
      {numRuns: 60},
    )
  })

  it('any subset of the objects is judged, and only the whole can be accepted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.subarray([...LABELS], {minLength: 1}), async missing => {
        const bundle = await forge(VCA, FACTS, {without: missing})
        const lacks = OBJECTS.some(label => missing.includes(label))
        expect((await judge(bundle, strict)).decision).toBe(lacks ? 'deny' : 'accept')
      }),
      {numRuns: 30},
    )
  })

  it('what is blocked says the same whatever the bytes were that failed', async () => {
    const seen = new Set<string>()
    for (const bit of [0, 1000, 5000]) {
      const bytes = original()['report']!
      const bundle = await withObject('report', flipped(bytes, bit), {report: sha384(bytes)})
      const {results} = await judge(bundle, strict)
      seen.add(JSON.stringify(results.filter(({id}) => id.startsWith('tdisp.'))))
    }
    expect(seen.size).toBe(1)
  })
})
