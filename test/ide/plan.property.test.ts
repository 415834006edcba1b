/** The planner against exhaustive search over what the kernel would do: nothing fits better, nothing smaller conflicts. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {type PlanInput, planStreams} from '../../src/ide/index.js'
import {runs} from '../support/runs.js'
import {connectAll, machines, subsets} from './plan-reference.js'

const NONE: ReadonlySet<string> = new Set()
const check = (holds: (input: PlanInput) => void, few = 1500): void =>
  fc.assert(fc.property(machines, holds), {numRuns: runs(few)})

const names = (input: PlanInput): string[] => input.wanted.map(({bdf}) => bdf)
const connected = (input: PlanInput): Set<string> =>
  new Set(input.streams.flatMap(({device}) => (device === null ? [] : [device])))
const others = (input: PlanInput): string[] => [...connected(input)].filter(bdf => !names(input).includes(bdf))

const byName = (a: {bdf: string}, b: {bdf: string}): number => a.bdf.localeCompare(b.bdf)

/** Can exactly these wanted devices be connected at once? Wanted ones that are not among them give up their streams. */
const coexist = (input: PlanInput, set: readonly string[], gone: readonly string[] = []): boolean => {
  const leaving = names(input).filter(bdf => connected(input).has(bdf) && !set.includes(bdf))
  return connectAll(input, set, new Set([...leaving, ...gone])) !== undefined
}

/** Largest number of wanted devices that fit; those connected stay. */
function most(input: PlanInput, gone: readonly string[] = []): number {
  const kept = names(input).filter(bdf => connected(input).has(bdf))
  const rest = names(input).filter(bdf => !connected(input).has(bdf))
  return Math.max(
    ...subsets(rest)
      .filter(set => connectAll(input, set, new Set(gone)) !== undefined)
      .map(set => set.length + kept.length),
  )
}

describe('against exhaustive search', () => {
  it('the allocation is what the kernel gives when one connects in that order', () =>
    check(input => {
      const fresh = planStreams(input).allocation.filter(({keeps}) => !keeps)
      expect(
        connectAll(
          input,
          fresh.map(({bdf}) => bdf),
          NONE,
        ),
      ).toEqual(fresh)
    }))

  it('no set is larger, not even one that gives up streams, and none as large is preferred', () =>
    check(input => {
      const planned = planStreams(input).allocation.map(({bdf}) => bdf)
      const fitting = subsets(names(input)).filter(set => coexist(input, set))
      expect(planned.length).toBe(Math.max(...fitting.map(set => set.length)))
      const kept = [...connected(input)]
      const rank = (set: readonly string[]): string =>
        names(input)
          .map(bdf => (set.includes(bdf) ? '0' : '1'))
          .join('')
      const best = fitting
        .filter(set => set.length === planned.length && names(input).every(n => !kept.includes(n) || set.includes(n)))
        .map(rank)
        .sort()[0]
      expect(rank(planned)).toBe(best)
    }))

  it('every device is in the plan once, and every conflict is one, and minimal', () =>
    check(input => {
      const {allocation, conflicts, never, unknown} = planStreams(input)
      expect([never, unknown]).toEqual([[], []])
      const placed = [...allocation.map(({bdf}) => bdf), ...conflicts.flatMap(({leftOut}) => leftOut)]
      expect(placed.sort()).toEqual(names(input).sort())
      for (const {among, leftOut, size} of conflicts) {
        expect(size).toBe(among.length)
        for (const bdf of leftOut) {
          const conflict = [...among, bdf].sort((a, b) => names(input).indexOf(a) - names(input).indexOf(b))
          expect(coexist(input, conflict)).toBe(false)
          for (const left of conflict)
            expect([
              conflict,
              left,
              coexist(
                input,
                conflict.filter(name => name !== left),
              ),
            ]).toEqual([conflict, left, true])
        }
      }
    }))

  it('no smaller set of disconnects makes as much room', () =>
    check(input => {
      const {allocation, room, conflicts} = planStreams(input)
      expect(room === null).toBe(conflicts.length === 0)
      if (room === null) return
      const reachable = most(input, others(input))
      const enough = subsets(others(input)).filter(gone => most(input, gone) === reachable)
      expect(room.disconnect.length).toBe(Math.min(...enough.map(gone => gone.length)))
      expect(most(input, room.disconnect)).toBe(reachable)
      const left = new Set(room.conflicts.flatMap(({leftOut}) => leftOut))
      const fitting = names(input).filter(bdf => !left.has(bdf))
      expect(fitting.length).toBe(reachable)
      expect(connectAll(input, fitting, new Set(room.disconnect))).toBeDefined()
      const before = allocation.map(({bdf}) => bdf)
      expect(room.admits).toEqual(fitting.filter(bdf => !before.includes(bdf)))
    }))

  it('names for every single disconnect whom it frees', () =>
    check(input => {
      const {allocation, conflicts, disconnects} = planStreams(input)
      const planned = allocation.map(({bdf}) => bdf)
      const waiting = names(input).filter(bdf => conflicts.some(({leftOut}) => leftOut.includes(bdf)))
      const expected = others(input).flatMap(bdf => {
        const freed = waiting.filter(name => connectAll(input, [...planned, name], new Set([bdf])) !== undefined)
        return freed.length === 0 ? [] : [{bdf, frees: freed[0], others: freed.length - 1}]
      })
      expect([...disconnects].sort(byName)).toEqual(expected.sort(byName))
    }))
})
