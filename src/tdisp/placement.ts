/**
 * Where the ranges of a TDI report lie inside the device's BARs. The report hides physical addresses behind an offset
 * that only the TSM knows, and TSMs follow two conventions: an offset that keeps every BAR aligned to its size, or a
 * first range that starts at the BAR's beginning. "Fits into the BAR" proves neither, so a placement counts as anchored
 * only if everything it leaves out is explained: exactly the pages of an MSI-X table or PBA that is not locked, which
 * must not be reported (PCIe r7.0 §11.3.8, §11.3.11).
 */
import {LAST_BAR, type ReportRange} from './report-facts.js'

export const PAGE_SIZE = 4096n

export interface BarFacts {
  /** 0 to 5. */
  readonly bar: number
  readonly kind: 'memory' | 'io'
  /** Bytes, a power of two. */
  readonly size: bigint
}

export interface MsixFacts {
  readonly tableBar: number
  /** Bytes from the start of the BAR. */
  readonly tableOffset: bigint
  readonly pbaBar: number
  readonly pbaOffset: bigint
  /** Entries of the table, 1 to 2048. */
  readonly entries: number
  /** LOCK_MSIX was set when the interface was locked, so that table and PBA are part of the report. */
  readonly locked: boolean
}

export type OffsetMode = 'bar-aligned' | 'relative'

/** Pages `[first, end)` counted from the start of a BAR. */
export interface PageSpan {
  readonly first: bigint
  readonly end: bigint
}

export interface PlacedRange extends PageSpan {
  /** Position of the range in the report. */
  readonly index: number
}

export interface BarPlacement {
  readonly bar: number
  readonly pages: bigint
  readonly ranges: readonly PlacedRange[]
  /** Pages of the BAR that no range covers. */
  readonly gaps: readonly PageSpan[]
  /** Pages that must not be reported: the unlocked MSI-X table and PBA. */
  readonly hidden: readonly PageSpan[]
  /** The gaps are exactly the hidden pages. */
  readonly explained: boolean
}

export interface PlacementProblem {
  readonly kind: 'no-bar' | 'outside-bar' | 'unexplained-gap' | 'not-anchored' | 'ambiguous'
  readonly bar?: number
  /** Position of the range in the report. */
  readonly range?: number
  readonly message: string
}

export interface Placement {
  /** The placement is proven, not guessed; `bars` is then where the ranges are. */
  readonly anchored: boolean
  /** Convention that explains the report; `both` when every reported BAR is covered completely. */
  readonly mode: OffsetMode | 'both' | undefined
  /** Every memory BAR, under `mode` or else under the first convention that keeps all ranges inside. */
  readonly bars: readonly BarPlacement[]
  readonly problems: readonly PlacementProblem[]
}

const ENTRY_BYTES = 16n
/** One pending bit per entry in whole quadwords. */
const pbaBytes = (entries: number): bigint => BigInt(Math.ceil(entries / 64)) * 8n

const ascending = (a: PageSpan, b: PageSpan): number => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0)

/** Spans in ascending order, touching and overlapping ones joined. */
function join(spans: readonly PageSpan[]): PageSpan[] {
  const out: PageSpan[] = []
  for (const span of spans.toSorted(ascending)) {
    const last = out.at(-1)
    if (last !== undefined && span.first <= last.end)
      out[out.length - 1] = {first: last.first, end: span.end > last.end ? span.end : last.end}
    else out.push({first: span.first, end: span.end})
  }
  return out
}

function gapsOf(ranges: readonly PageSpan[], pages: bigint): PageSpan[] {
  const gaps: PageSpan[] = []
  let at = 0n
  for (const {first, end} of join(ranges)) {
    if (first > at) gaps.push({first: at, end: first})
    at = end
  }
  if (at < pages) gaps.push({first: at, end: pages})
  return gaps
}

const pagesOf = (offset: bigint, bytes: bigint): PageSpan => ({
  first: offset / PAGE_SIZE,
  end: (offset + bytes + PAGE_SIZE - 1n) / PAGE_SIZE,
})

function hiddenPages(bar: number, msix: MsixFacts | undefined): PageSpan[] {
  if (msix === undefined || msix.locked) return []
  const spans: PageSpan[] = []
  if (msix.tableBar === bar) spans.push(pagesOf(msix.tableOffset, BigInt(msix.entries) * ENTRY_BYTES))
  if (msix.pbaBar === bar) spans.push(pagesOf(msix.pbaOffset, pbaBytes(msix.entries)))
  return join(spans)
}

const sameSpans = (a: readonly PageSpan[], b: readonly PageSpan[]): boolean =>
  a.length === b.length && a.every((span, i) => span.first === b[i]!.first && span.end === b[i]!.end)

const sizeOf = (spans: readonly PageSpan[]): bigint => spans.reduce((sum, {first, end}) => sum + end - first, 0n)

interface Bar {
  readonly bar: number
  readonly pages: bigint
  readonly ranges: readonly ReportRange[]
  readonly hidden: readonly PageSpan[]
}

/** Reported page of the BAR's beginning under a convention. */
function originOf({pages, ranges}: Bar, mode: OffsetMode): bigint {
  const lowest = ranges.reduce((low, {firstPage}) => (firstPage < low ? firstPage : low), ranges[0]!.firstPage)
  return mode === 'relative' ? lowest : lowest - (lowest % pages)
}

function place(bar: Bar, mode: OffsetMode): BarPlacement {
  const origin = bar.ranges.length === 0 ? 0n : originOf(bar, mode)
  const ranges = bar.ranges.map(({index, firstPage, endPage}) => ({
    index,
    first: firstPage - origin,
    end: endPage - origin,
  }))
  const gaps = gapsOf(ranges, bar.pages)
  // ranges that overlap or leave the BAR make the sum too large
  const disjoint = sizeOf(ranges) + sizeOf(gaps) === bar.pages
  const explained = disjoint && sameSpans(gaps, bar.hidden)
  return {bar: bar.bar, pages: bar.pages, ranges, gaps, hidden: bar.hidden, explained}
}

const isInside = ({ranges, pages}: BarPlacement): boolean => ranges.every(({end}) => end <= pages)

/** No two BARs can lie over each other in the reported address space. */
function windowsAreDisjoint(bars: readonly Bar[], mode: OffsetMode): boolean {
  const windows = bars
    .map(bar => ({first: originOf(bar, mode), end: originOf(bar, mode) + bar.pages}))
    .toSorted(ascending)
  return windows.every((window, i) => i === 0 || window.first >= windows[i - 1]!.end)
}

/**
 * Could one offset explain all BARs? A BAR lies at a multiple of its size, so the reported page of its beginning tells
 * the offset modulo that size, and of two BARs modulo the smaller one. Where every BAR is covered completely nothing
 * depends on the offset.
 */
function offsetsAgree(bars: readonly Bar[], mode: OffsetMode): boolean {
  const ascendingBySize = bars.toSorted((a, b) => (a.pages < b.pages ? -1 : a.pages > b.pages ? 1 : 0))
  return ascendingBySize.every((bar, i) => {
    const smaller = ascendingBySize[i - 1]
    return smaller === undefined || (originOf(bar, mode) - originOf(smaller, mode)) % smaller.pages === 0n
  })
}

interface Candidate {
  readonly mode: OffsetMode
  readonly bars: readonly BarPlacement[]
  readonly inside: boolean
  readonly proven: boolean
}

function candidate(bars: readonly Bar[], mode: OffsetMode): Candidate {
  const placed = bars.map(bar => place(bar, mode))
  const reported = placed.filter(({ranges}) => ranges.length > 0)
  const inside = reported.every(isInside)
  const used = bars.filter(({ranges}) => ranges.length > 0)
  const proven =
    inside &&
    reported.length > 0 &&
    reported.every(({explained}) => explained) &&
    windowsAreDisjoint(used, mode) &&
    (reported.every(({gaps}) => gaps.length === 0) || offsetsAgree(used, mode))
  return {mode, bars: placed, inside, proven}
}

const samePlaces = (a: Candidate, b: Candidate): boolean =>
  a.bars.every((bar, i) => sameSpans(bar.ranges, b.bars[i]!.ranges))

const spansText = (spans: readonly PageSpan[]): string =>
  spans.length === 0
    ? 'none'
    : spans.map(({first, end}) => `0x${first.toString(16)}-0x${(end - 1n).toString(16)}`).join(', ')

/** Ranges whose ID names no memory BAR. IDs above 7 are device specific and have no place in a BAR. */
function idProblems(ranges: readonly ReportRange[], memory: ReadonlyMap<number, unknown>): PlacementProblem[] {
  return ranges
    .filter(({rangeId}) => !memory.has(rangeId))
    .map(({index, rangeId}) => ({
      kind: 'no-bar',
      range: index,
      ...(rangeId <= LAST_BAR ? {bar: rangeId} : {}),
      message: `range ${index} has id ${rangeId}, which is no memory BAR`,
    }))
}

function barProblems({bar, pages, ranges, gaps, hidden, explained}: BarPlacement): PlacementProblem[] {
  const outside = ranges.filter(({end}) => end > pages)
  if (outside.length > 0)
    return outside.map(({index, end}) => ({
      kind: 'outside-bar',
      bar,
      range: index,
      message: `range ${index} ends at page 0x${end.toString(16)} of BAR${bar}, which has 0x${pages.toString(16)}`,
    }))
  if (explained) return []
  return [
    {
      kind: 'unexplained-gap',
      bar,
      message: `BAR${bar} leaves out pages ${spansText(gaps)}; unlocked MSI-X explains ${spansText(hidden)}`,
    },
  ]
}

function bestOf(candidates: readonly Candidate[]): {best: Candidate; proven: readonly Candidate[]} {
  const proven = candidates.filter(item => item.proven)
  return {best: proven[0] ?? candidates.find(item => item.inside) ?? candidates[0]!, proven}
}

/**
 * Places `ranges` into `bars`. `bars` are the memory and I/O BARs the function implements (upper halves of 64-bit BARs
 * and unimplemented BARs left out); `msix` is the MSI-X capability, if the function has one. `auto` tries both
 * conventions and accepts what only one placement explains.
 */
export function placeRanges(
  ranges: readonly ReportRange[],
  bars: readonly BarFacts[],
  msix?: MsixFacts,
  offsetMode: OffsetMode | 'auto' = 'auto',
): Placement {
  const memory = new Map(bars.filter(({kind, size}) => kind === 'memory' && size > 0n).map(bar => [bar.bar, bar]))
  const layoutBars: Bar[] = [...memory.values()]
    .toSorted((a, b) => a.bar - b.bar)
    .map(({bar, size}) => ({
      bar,
      pages: (size + PAGE_SIZE - 1n) / PAGE_SIZE,
      ranges: ranges.filter(({rangeId, pages}) => rangeId === bar && pages > 0n),
      hidden: hiddenPages(bar, msix),
    }))
  const modes: readonly OffsetMode[] = offsetMode === 'auto' ? ['bar-aligned', 'relative'] : [offsetMode]
  const candidates = modes.map(mode => candidate(layoutBars, mode))
  const {best, proven} = bestOf(candidates)
  const ambiguous = proven.length > 1 && !samePlaces(proven[0]!, proven[1]!)
  const problems = [...idProblems(ranges, memory), ...best.bars.flatMap(barProblems)]
  if (ambiguous)
    problems.push({kind: 'ambiguous', message: 'both offset conventions explain the report, with different placements'})
  else if (proven.length === 0)
    problems.push({
      kind: 'not-anchored',
      message: `no ${offsetMode === 'auto' ? '' : `${offsetMode} `}placement explains the report`,
    })
  const anchored = proven.length > 0 && !ambiguous
  const mode = !anchored ? undefined : proven.length > 1 ? 'both' : best.mode
  return {anchored, mode, bars: best.bars, problems}
}
