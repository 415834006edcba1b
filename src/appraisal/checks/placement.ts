/** Report against BARs: does every range lie in a BAR, is it known where, and is anything left out? */
import type {PciFacts} from '../../evidence/index.js'
import {
  type BarFacts as TdispBar,
  type InterfaceReportFacts,
  type MsixFacts as TdispMsix,
  type OffsetMode,
  type Placement,
  placeRanges,
} from '../../tdisp/index.js'
import {type Facts, known} from '../facts.js'
import type {EffectiveRule} from '../policy/index.js'
import type {Check, Context} from './context.js'
import {fromReport, msixIsLocked, placeOfRange} from './interface-report.js'
import {type Answer, blocked, failIfAny, pass} from './verdict.js'

/** BARs the function implements, as the report's own room wants them. */
const barsOf = (pci: PciFacts): TdispBar[] =>
  pci.bars
    .filter(({kind, size}) => kind !== 'none' && kind !== 'upper-half' && BigInt(size) > 0n)
    .map(({index, kind, size}) => ({bar: index, kind: kind === 'io' ? 'io' : 'memory', size: BigInt(size)}))

function msixOf({msix}: PciFacts, report: InterfaceReportFacts): TdispMsix | undefined {
  if (msix === null || msix === 'unknown') return undefined
  return {
    tableBar: msix.tableBar,
    tableOffset: BigInt(msix.tableOffset),
    pbaBar: msix.pbaBar,
    pbaOffset: BigInt(msix.pbaOffset),
    entries: msix.tableSize,
    locked: msixIsLocked(report),
  }
}

export interface Placements {
  /** Under the rule's mode: proven or not. */
  readonly chosen: Placement
  /** Under each convention the rule leaves possible. */
  readonly possible: readonly Placement[]
}

/** Places the report's ranges in the device's BARs; undefined where one of them is not known. */
export function placementsOf(facts: Facts, rule: EffectiveRule): Placements | undefined {
  const [report, pci] = [known(facts.report)?.facts, known(facts.pci)]
  if (report === undefined || pci === undefined) return undefined
  const mode = rule.tdisp.offsetMode
  const modes: readonly OffsetMode[] = mode === 'auto' ? ['bar-aligned', 'relative'] : [mode]
  const place = (offsetMode: OffsetMode | 'auto'): Placement =>
    placeRanges(report.ranges, barsOf(pci), msixOf(pci, report), offsetMode)
  return {chosen: place(mode), possible: modes.map(place)}
}

const fromPlacements = (answer: (placements: Placements, context: Context) => Answer): Check =>
  fromReport((_, context) => {
    const placements = placementsOf(context.facts, context.rule)
    return placements === undefined ? blocked('pci.bar.sane') : answer(placements, context)
  })

const problemsOf = ({problems}: Placement, ...kinds: readonly string[]) =>
  problems
    .filter(({kind}) => kinds.includes(kind))
    .map(({kind, message, range}) => ({
      code: kind,
      message,
      place: range === undefined ? {object: 'report'} : placeOfRange(range),
    }))

const mmioBar = fromPlacements(({chosen}) => failIfAny(problemsOf(chosen, 'no-bar')))

/** "Fits" proves nothing as long as the convention is open: then it must fit under every one. */
const withinBars = fromPlacements(({chosen, possible}) =>
  chosen.anchored ? pass() : failIfAny(possible.flatMap(placement => problemsOf(placement, 'outside-bar')).slice(0, 1)),
)

const samePlaces = ([first, ...others]: readonly Placement[]): boolean =>
  others.every(other =>
    other.bars.every(({ranges}, i) => ranges.every(({first: page}, j) => page === first!.bars[i]?.ranges[j]?.first)),
  )

const placementText = ({mode}: Placement): string =>
  mode === undefined || mode === 'both' ? 'both offset conventions agree' : `offsets are ${mode}`

/**
 * Anchored when the placement explains everything, or when all conventions agree where the ranges are: then only what
 * is left out remains to be explained, by the next check.
 */
const anchored = fromPlacements(({chosen, possible}) =>
  chosen.anchored || samePlaces(possible)
    ? pass(placementText(chosen))
    : failIfAny(problemsOf(chosen, 'ambiguous', 'not-anchored')),
)

const coverage = fromPlacements(({chosen}) => failIfAny(problemsOf(chosen, 'unexplained-gap')))

export const PLACEMENT_CHECKS = {
  'tdisp.report.mmio-bar': mmioBar,
  'tdisp.report.mmio-within-bars': withinBars,
  'tdisp.report.mmio-anchored': anchored,
  'tdisp.report.mmio-coverage': coverage,
} satisfies Record<string, Check>
