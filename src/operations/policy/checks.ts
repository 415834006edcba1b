/** `policy checks`: the registry, for whoever writes a policy. */
import {ATTACKS, CHECK_IDS, type CheckClass, type CheckId, REGISTRY, SKIP_NAMES} from '../../appraisal/index.js'
import {TsmctlError, quoted} from '../../errors.js'

export interface CheckRow {
  readonly id: CheckId
  readonly class: CheckClass
  /** Fatal where its answer is known; where nobody can know it, a rule may allow the skip. */
  readonly whereKnown: boolean
  /** Completes "passes when". */
  readonly passes: string
  readonly protectsFrom: readonly {readonly id: string; readonly text: string}[]
  /** Reasons a rule may name in `allowSkip`, or code decides itself (`not-applicable`). */
  readonly skips: readonly string[]
  readonly requires: readonly string[]
  readonly remedy: string | null
}

export const CLASSES: Readonly<Record<CheckClass, string>> = {
  F: 'fatal: never waived, skipped or forced',
  W: 'required',
  A: 'advisory',
}

function rowOf(id: CheckId): CheckRow {
  const {class: kind, whenKnown, passes, stops, skips = [], requires = [], remedy} = REGISTRY[id]
  return {
    id,
    class: kind,
    whereKnown: whenKnown === true,
    passes,
    protectsFrom: stops.map(attack => ({id: attack, text: ATTACKS[attack]})),
    skips: skips.map(skip => SKIP_NAMES[skip]),
    requires,
    remedy: remedy ?? null,
  }
}

/** All checks, or those whose id is `wanted` or begins with it. Throws TsmctlError `not-found` for none. */
export function checkRows(wanted = ''): readonly CheckRow[] {
  const rows = CHECK_IDS.filter(id => id === wanted || id.startsWith(wanted)).map(rowOf)
  if (rows.length > 0) return rows
  throw new TsmctlError({
    kind: 'not-found',
    attempted: `show check ${quoted(wanted)}`,
    got: 'no check has this id, or begins with it',
    hint: 'tsmctl policy checks lists all of them.',
  })
}

const line = (words: string, value: string | null): readonly string[] =>
  value === null || value === '' ? [] : [`    ${words}: ${value}`]

const block = ({id, class: kind, whereKnown, passes, protectsFrom, skips, remedy}: CheckRow): string =>
  [
    `${id}  ${kind}, ${CLASSES[kind]}${whereKnown ? ', where its answer is known' : ''}`,
    ...line('passes when', passes),
    ...protectsFrom.flatMap(({text}) => line('without it', text)),
    ...line('may be left out', skips.join(', ')),
    ...line('when it fails', remedy),
  ].join('\n')

export const checksText = (rows: readonly CheckRow[]): string => `${rows.map(block).join('\n\n')}\n`
