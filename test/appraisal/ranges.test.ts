/** P13: ranges shuffled, overlapped, split or joined are accepted only where the same pages are covered, in order. */
import * as fc from 'fast-check'
import {expect, it} from 'vitest'
import {G1} from './bases/index.js'
import {policyFrom, RANGES, type RangeSpec, report} from './forge.js'
import {judge} from './guest.js'

const POLICY = policyFrom(G1.document)

/** Every page with what is said about it, in order of address; a page twice is there twice. */
const pagesOf = (ranges: readonly RangeSpec[]): string =>
  ranges
    .flatMap(({id, first, pages, flags = {}}) =>
      Array.from({length: pages}, (_, i) => `${id} ${first + BigInt(i)} ${JSON.stringify(flags)}`),
    )
    .toSorted()
    .join('\n')

const isOrdered = (ranges: readonly RangeSpec[]): boolean =>
  ranges.every(({id, first}, i) => {
    const before = ranges[i - 1]
    return before === undefined || id > before.id || (id === before.id && first > before.first)
  })

type Step = (ranges: readonly RangeSpec[], which: number, amount: number) => readonly RangeSpec[]

const STEPS: Readonly<Record<string, Step>> = {
  split: (ranges, which, amount) =>
    ranges.flatMap((range, i) => {
      const at = 1 + (amount % Math.max(1, range.pages - 1))
      if (i !== which || range.pages < 2) return [range]
      return [
        {...range, pages: at},
        {...range, first: range.first + BigInt(at), pages: range.pages - at},
      ]
    }),
  join: (ranges, which) => {
    const [range, next] = [ranges[which]!, ranges[which + 1]]
    if (next === undefined || next.id !== range.id) return ranges
    return ranges.toSpliced(which, 2, {...range, pages: range.pages + next.pages})
  },
  swap: (ranges, which, amount) => {
    const other = amount % ranges.length
    return ranges.with(which, ranges[other]!).with(other, ranges[which]!)
  },
  overlap: (ranges, which, amount) =>
    ranges.with(which, {...ranges[which]!, pages: ranges[which]!.pages + 1 + (amount % 2)}),
  shrink: (ranges, which) => ranges.with(which, {...ranges[which]!, pages: Math.max(1, ranges[which]!.pages - 1)}),
  share: (ranges, which) =>
    ranges.with(which, {...ranges[which]!, flags: {...ranges[which]!.flags, isNonTeeMem: true}}),
}

it('P13 only what covers the same pages, in order, is accepted', async () => {
  const step = fc.tuple(fc.constantFrom(...Object.values(STEPS)), fc.nat(100), fc.nat(100))
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, {minLength: 1, maxLength: 3}), async steps => {
      const ranges = steps.reduce<readonly RangeSpec[]>(
        (before, [change, which, amount]) => change(before, which % before.length, amount),
        RANGES,
      )
      const {decision} = await judge(await G1.forge({report: report(ranges)}), POLICY)
      const same = pagesOf(ranges) === pagesOf(RANGES) && isOrdered(ranges)
      expect(decision).toBe(same ? 'accept' : 'deny')
      if (same) accepted++
    }),
    {numRuns: 25, seed: 13},
  )
  expect(accepted).toBeGreaterThan(2)
})
