/** Placing report ranges into BARs: what is anchored is right, what cannot be proven is not anchored. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {
  type BarFacts,
  type MsixFacts,
  type OffsetMode,
  PAGE_SIZE,
  type PageSpan,
  placeRanges,
  type ReportRange,
} from '../../src/tdisp/index.js'

const range = (index: number, rangeId: number, firstPage: bigint, pages: bigint): ReportRange => ({
  index,
  rangeId,
  firstPage,
  pages,
  endPage: firstPage + pages,
  msixTable: false,
  msixPba: false,
  nonTee: false,
  updatable: false,
})
const memory = (bar: number, pages: bigint): BarFacts => ({bar, kind: 'memory', size: pages * PAGE_SIZE})

const msixAt = (bar: number, page: bigint, pbaPage: bigint, locked: boolean): MsixFacts => ({
  tableBar: bar,
  tableOffset: page * PAGE_SIZE,
  pbaBar: bar,
  pbaOffset: pbaPage * PAGE_SIZE,
  entries: 64,
  locked,
})

type Hole = 'none' | 'start' | 'middle' | 'end'

interface Machine {
  readonly bars: readonly BarFacts[]
  readonly msix: MsixFacts | undefined
  readonly ranges: readonly ReportRange[]
  /** Where each range truly lies, in pages from the start of its BAR. */
  readonly truth: ReadonlyMap<number, PageSpan>
  readonly relativeHolds: boolean
}

/** Pages of a BAR that are reported, split at random, given the hole of unlocked MSI-X (table and PBA, a page each). */
function reported(pages: bigint, hole: readonly bigint[], cuts: readonly bigint[]): PageSpan[] {
  const edges = new Set<bigint>([0n, pages])
  for (const page of hole) {
    edges.add(page)
    edges.add(page + 1n)
  }
  for (const cut of cuts) edges.add(cut % pages)
  const sorted = [...edges].toSorted((a, b) => (a < b ? -1 : 1))
  return sorted
    .slice(0, -1)
    .map((first, i) => ({first, end: sorted[i + 1]!}))
    .filter(({first}) => !hole.includes(first))
}

/** A random legal device and its report under a reporting offset that is a multiple of `alignment` pages. */
const machine = (hole: Hole, alignment: 'largest BAR' | 'page'): fc.Arbitrary<Machine> =>
  fc
    .record({
      logs: fc.array(fc.integer({min: 2, max: 20}), {minLength: 1, maxLength: 6}),
      holeBar: fc.nat(),
      cuts: fc.array(fc.bigInt({min: 0n, max: 1n << 20n}), {maxLength: 2}),
      offset: fc.bigInt({min: 1n, max: 1n << 28n}),
      bases: fc.array(fc.bigInt({min: 0n, max: 7n}), {minLength: 6, maxLength: 6}),
    })
    .map(({logs, holeBar, cuts, offset, bases}) => {
      const sizes = logs.map(log => 1n << BigInt(log))
      const largest = sizes.reduce((max, size) => (size > max ? size : max))
      const bars = sizes.map((size, bar) => memory(bar, size))
      const which = holeBar % bars.length
      const size = sizes[which]!
      const table = hole === 'start' ? 0n : hole === 'end' ? size - 2n : size / 2n - 1n
      const msix = hole === 'none' ? undefined : msixAt(which, table, table + 1n, false)
      const shift = alignment === 'largest BAR' ? offset * largest : offset
      const ranges: ReportRange[] = []
      const truth = new Map<number, PageSpan>()
      let at = 0n
      for (const [bar, pages] of sizes.entries()) {
        at = ((at + pages - 1n) / pages + bases[bar]!) * pages
        for (const span of reported(pages, msix && bar === which ? [table, table + 1n] : [], cuts)) {
          truth.set(ranges.length, span)
          ranges.push(range(ranges.length, bar, at + shift + span.first, span.end - span.first))
        }
        at += pages
      }
      return {bars, msix, ranges, truth, relativeHolds: hole !== 'start'}
    })

const isRight = ({truth}: Machine, placement: ReturnType<typeof placeRanges>): boolean =>
  placement.bars.every(bar =>
    bar.ranges.every(
      ({index, first, end}) =>
        first === truth.get(index)!.first && end === truth.get(index)!.end && first >= 0n && end <= bar.pages,
    ),
  )

const HOLES: readonly Hole[] = ['none', 'start', 'middle', 'end']

describe.each(HOLES)('hole: %s', hole => {
  it('an offset aligned to the largest BAR is always recovered', () => {
    fc.assert(
      fc.property(machine(hole, 'largest BAR'), one => {
        for (const mode of ['auto', 'bar-aligned'] as const) {
          const placement = placeRanges(one.ranges, one.bars, one.msix, mode)
          expect(placement.problems).toEqual([])
          expect(placement.anchored).toBe(true)
          expect(isRight(one, placement)).toBe(true)
        }
      }),
      {numRuns: 300},
    )
  })

  it.each<OffsetMode | 'auto'>(['auto', 'bar-aligned', 'relative'])(
    'whatever the offset, %s anchors nothing in the wrong place',
    mode => {
      fc.assert(
        fc.property(machine(hole, 'page'), one => {
          const placement = placeRanges(one.ranges, one.bars, one.msix, mode)
          if (placement.anchored) {
            expect(isRight(one, placement)).toBe(true)
            expect(placement.problems).toEqual([])
          } else expect(placement.problems.length).toBeGreaterThan(0)
        }),
        {numRuns: 500},
      )
    },
  )

  it('relative placement is recovered exactly where it holds', () => {
    fc.assert(
      fc.property(machine(hole, 'page'), one => {
        expect(placeRanges(one.ranges, one.bars, one.msix, 'relative').anchored).toBe(one.relativeHolds)
      }),
      {numRuns: 300},
    )
  })
})

/** Where ranges lie for whoever only asks that they fit, with the lowest one at the start of its BAR. */
const fitsRelatively = ({bars, ranges}: Machine): boolean =>
  bars.every(({bar, size}) => {
    const own = ranges.filter(({rangeId}) => rangeId === bar)
    const first = own.reduce((low, {firstPage}) => (firstPage < low ? firstPage : low), own[0]?.firstPage ?? 0n)
    return own.every(({endPage}) => (endPage - first) * PAGE_SIZE <= size)
  })

it('P12 of 3000 layouts with a hole at offset 0 most would fit relatively, and none is accepted so', () => {
  const layouts = fc.sample(machine('start', 'page'), {numRuns: 3000, seed: 37})
  expect(layouts.filter(fitsRelatively)).toHaveLength(3000)
  const accepted = layouts.filter(({ranges, bars, msix}) => placeRanges(ranges, bars, msix, 'relative').anchored)
  expect(accepted).toEqual([])
  const wrong = layouts.filter(one => {
    const placement = placeRanges(one.ranges, one.bars, one.msix)
    return placement.anchored && !isRight(one, placement)
  })
  expect(wrong).toEqual([])
})

describe('two BARs whose offsets no one offset explains', () => {
  const bars = [memory(0, 4n), memory(2, 2n)]
  const hidden: MsixFacts = {...msixAt(2, 1n, 1n, false)}
  it.each<[string, bigint, boolean]>([
    ['even and even', 0x10n, true],
    ['even and odd', 0x11n, false],
  ])('%s', (_, first, anchored) => {
    const ranges = [range(0, 0, 0x1000n, 4n), range(1, 2, 0x1000n + first, 1n)]
    expect(placeRanges(ranges, bars, hidden, 'relative').anchored).toBe(anchored)
  })

  it('nothing depends on the offset where every BAR is covered', () => {
    const ranges = [range(0, 0, 0x1000n, 4n), range(1, 2, 0x1011n, 2n)]
    expect(placeRanges(ranges, bars).anchored).toBe(true)
  })
})

describe('by hand', () => {
  it('a BAR that is covered completely is anchored under any offset', () => {
    const placement = placeRanges([range(0, 0, 0x12345n, 16n)], [memory(0, 16n)])
    expect(placement).toMatchObject({anchored: true, mode: 'relative', problems: []})
    expect(placement.bars).toEqual([
      {bar: 0, pages: 16n, ranges: [{index: 0, first: 0n, end: 16n}], gaps: [], hidden: [], explained: true},
    ])
    expect(placeRanges([range(0, 0, 0x12340n, 16n)], [memory(0, 16n)]).mode).toBe('both')
  })

  it('an unlocked MSI-X table at offset 0 is not mistaken for the end of the BAR', () => {
    const bars = [memory(0, 16n)]
    const msix = msixAt(0, 0n, 1n, false)
    const ranges = [range(0, 0, 0x102n, 14n)]
    expect(placeRanges(ranges, bars, msix)).toMatchObject({anchored: true, mode: 'bar-aligned'})
    const relative = placeRanges(ranges, bars, msix, 'relative')
    expect(relative.anchored).toBe(false)
    expect(relative.problems.map(({kind}) => kind)).toEqual(['unexplained-gap', 'not-anchored'])
    // locked MSI-X must be reported, so nothing explains the hole
    expect(placeRanges(ranges, bars, msixAt(0, 0n, 1n, true)).anchored).toBe(false)
    expect(placeRanges(ranges, bars).anchored).toBe(false)
  })

  it('a range that reaches beyond its BAR is named', () => {
    const {anchored, problems} = placeRanges([range(0, 0, 0x10n, 17n)], [memory(0, 16n)])
    expect(anchored).toBe(false)
    expect(problems[0]).toMatchObject({kind: 'outside-bar', bar: 0, range: 0})
  })

  it.each([
    ['an I/O BAR', 1, 1],
    ['no BAR at all', 3, 3],
    ['the expansion ROM', 6, undefined],
    ['a device-specific id', 9, undefined],
  ])('a range of %s has no place', (_, id, bar) => {
    const bars: BarFacts[] = [memory(0, 16n), {bar: 1, kind: 'io', size: 4096n}]
    const {problems} = placeRanges([range(0, 0, 0x10n, 16n), range(1, id, 0x40n, 1n)], bars)
    const {kind, range: at, bar: named} = problems[0]!
    expect([kind, at, named]).toEqual(['no-bar', 1, bar])
  })

  it('overlapping ranges explain nothing', () => {
    const ranges = [range(0, 0, 0x10n, 10n), range(1, 0, 0x18n, 8n)]
    expect(placeRanges(ranges, [memory(0, 16n)]).anchored).toBe(false)
  })

  it('BARs that would lie over each other are not anchored', () => {
    const ranges = [range(0, 0, 0x10n, 16n), range(1, 1, 0x18n, 8n)]
    expect(placeRanges(ranges, [memory(0, 16n), memory(1, 8n)]).anchored).toBe(false)
  })

  it('a BAR without any range is a gap that is reported, whether or not the others are anchored', () => {
    const {anchored, problems} = placeRanges([range(0, 0, 0x10n, 16n)], [memory(0, 16n), memory(2, 8n)])
    expect(anchored).toBe(true)
    expect(problems).toMatchObject([{kind: 'unexplained-gap', bar: 2}])
  })

  it('no range, nothing anchored', () => {
    expect(placeRanges([], [memory(0, 16n)]).anchored).toBe(false)
  })

  it('a BAR smaller than a page is one page', () => {
    const {anchored, bars} = placeRanges([range(0, 0, 0x7n, 1n)], [{bar: 0, kind: 'memory', size: 256n}])
    expect(anchored).toBe(true)
    expect(bars[0]!.pages).toBe(1n)
  })
})
