/**
 * Why a check has the result it has: one line for people, and the same for programs. Every text in it was escaped when
 * the check was settled.
 */
import type {CheckClass, CheckResult, Place} from '../types.js'

/** A reason as programs read it: `tsmctl verify --json` lists one per check that is not simply ok. */
export interface Reason {
  readonly id: string
  /** `pass`, `fail`, `error`, `skip:<reason>`, `blocked:<id>`, `waived:<waiver>`. */
  readonly result: string
  readonly class: CheckClass
  /** Different causes of one check have different codes. */
  readonly code: string
  readonly expected: string | null
  readonly actual: string | null
  readonly object: string | null
  /** Bytes from the start of the object. */
  readonly offset: number | null
  readonly length: number | null
}

/** The outcome with what it depends on: reason of a skip, cause of a block, waiver. */
export function outcomeText({result, reason, blockedBy, waiver}: CheckResult): string {
  if (result === 'skip' && reason !== null) return `skip:${reason}`
  if (result === 'blocked' && blockedBy !== null) return `blocked:${blockedBy}`
  return result === 'waived' && waiver !== null ? `waived:${waiver}` : result
}

export const machineReason = (result: CheckResult): Reason => ({
  id: result.id,
  result: outcomeText(result),
  class: result.class,
  code: result.code,
  expected: result.expected,
  actual: result.got,
  object: result.place?.object ?? null,
  offset: result.place?.offset ?? null,
  length: result.place?.length ?? null,
})

/** `[report@16+16]`: object, offset and length in bytes, as far as they are known. */
export function placeText({object, offset, length}: Place): string {
  const at = offset === undefined ? '' : `@${offset}${length === undefined ? '' : `+${length}`}`
  return `[${object}${at}]`
}

/** `expected E, got G` as far as `text` does not say it already; null when it says all. */
export function comparisonText({text, expected, got}: CheckResult): string | null {
  const news = [
    ...(expected === null || text.includes(expected) ? [] : [`expected ${expected}`]),
    ...(got === null || text.includes(got) ? [] : [`got ${got}`]),
  ]
  return news.length === 0 ? null : news.join(', ')
}

/** What was found, what was expected, and where: a reason without the check's id. */
export function findingText(result: CheckResult): string {
  const {text, place} = result
  const comparison = comparisonText(result)
  return `${text}${comparison === null ? '' : `; ${comparison}`}${place === null ? '' : ` ${placeText(place)}`}`
}

/** `<id>: <what was found>; expected <E>, got <G> [<object>@<offset>+<length>]`. */
export const reasonText = (result: CheckResult): string => `${result.id}: ${findingText(result)}`

/** Needs no reason: it passed, or does not apply. */
export const isQuiet = ({word}: CheckResult): boolean => word === 'ok' || word === 'not applicable'

/** The reasons of everything that is not simply ok. */
export const reasonsOf = (results: readonly CheckResult[]): readonly Reason[] =>
  results.filter(result => !isQuiet(result)).map(machineReason)
