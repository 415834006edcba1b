/** What happened between two looks at a machine: pure, each difference once, in a fixed order. */
import type {Known} from '../../known.js'
import {compareBdf} from '../../pci/index.js'

/** What is watched of a function. Text as the kernel wrote it; null is what the kernel shows to be absent. */
export const FUNCTION_FACTS = ['id', 'driver', 'tsm', 'state', 'dsm', 'bound', 'authenticated', 'streams'] as const
export const TSM_FACTS = ['mode', 'parent'] as const

export type FunctionFact = (typeof FUNCTION_FACTS)[number]
export type TsmFact = (typeof TSM_FACTS)[number]
export type Fact = Known<string | null>
export type FactName = FunctionFact | TsmFact

export interface Watched<Name extends FactName> {
  /** Distinguishes what has the same name from what had it before and went. */
  readonly incarnation: number
  readonly facts: Readonly<Record<Name, Fact>>
}

/** A function or a TSM. */
export interface AnyWatched {
  readonly incarnation: number
  readonly facts: Readonly<Partial<Record<FactName, Fact>>>
}

export interface Snapshot {
  /** By name, `tsm0`. */
  readonly tsms: ReadonlyMap<string, Watched<TsmFact>>
  /** By BDF. */
  readonly functions: ReadonlyMap<string, Watched<FunctionFact>>
}

export const NOTHING: Snapshot = {tsms: new Map(), functions: new Map()}

export interface Transition {
  readonly subject: 'function' | 'tsm'
  /** BDF, or the TSM's name. */
  readonly name: string
  readonly change:
    | {readonly what: 'appeared'; readonly now: AnyWatched}
    | {readonly what: 'gone'}
    | {readonly what: FactName; readonly from: Fact; readonly to: Fact}
}

/** Why something is unknown may change with every look; that it is unknown is the fact. */
export const isSame = (a: Fact, b: Fact): boolean => (a.known ? b.known && a.value === b.value : !b.known)

type Kind<Name extends string> = {readonly subject: Transition['subject']; readonly facts: readonly Name[]}
const TSM: Kind<TsmFact> = {subject: 'tsm', facts: TSM_FACTS}
const FUNCTION: Kind<FunctionFact> = {subject: 'function', facts: FUNCTION_FACTS}

function* changesOf<Name extends FactName>(
  {subject, facts}: Kind<Name>,
  name: string,
  before: Watched<Name> | undefined,
  after: Watched<Name> | undefined,
): Generator<Transition> {
  const replaced = before !== undefined && after !== undefined && before.incarnation !== after.incarnation
  if (before !== undefined && (after === undefined || replaced)) yield {subject, name, change: {what: 'gone'}}
  if (after === undefined) return
  if (before === undefined || replaced) yield {subject, name, change: {what: 'appeared', now: after}}
  else
    for (const what of facts) {
      const [from, to] = [before.facts[what], after.facts[what]]
      if (!isSame(from, to)) yield {subject, name, change: {what, from, to}}
    }
}

const union = (a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): string[] => [
  ...new Set([...a.keys(), ...b.keys()]),
]

/**
 * From `before` to `after`: TSMs first, because what functions show follows from them; functions in BDF order; facts in
 * the order of `FUNCTION_FACTS`. What is the same object in both snapshots costs nothing.
 */
export function differences(before: Snapshot, after: Snapshot): Transition[] {
  const out: Transition[] = []
  for (const name of union(before.tsms, after.tsms).sort(compareBdf)) {
    const [a, b] = [before.tsms.get(name), after.tsms.get(name)]
    if (a !== b) out.push(...changesOf(TSM, name, a, b))
  }
  const changed = union(before.functions, after.functions).filter(
    bdf => before.functions.get(bdf) !== after.functions.get(bdf),
  )
  for (const bdf of changed.sort(compareBdf))
    out.push(...changesOf(FUNCTION, bdf, before.functions.get(bdf), after.functions.get(bdf)))
  return out
}
