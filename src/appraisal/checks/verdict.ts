/** What a check answers, and the few ways to say it. */
import {DecodeError} from '../../bits/index.js'
import type {CheckId} from '../registry/index.js'
import type {Place, SkipReason} from '../types.js'

export type Answer =
  | {readonly result: 'pass'; readonly text?: string | undefined; readonly relaxedBy?: string | undefined}
  | {
      readonly result: 'fail'
      /** Distinguishes causes of one check. */
      readonly code: string
      readonly got: string
      readonly expected?: string | undefined
      readonly place?: Place | undefined
    }
  | {
      readonly result: 'skip'
      readonly reason: SkipReason
      readonly text: string
      readonly relaxedBy?: string | undefined
    }
  | {readonly result: 'blocked'; readonly by: CheckId}

export const pass = (text?: string): Answer => ({result: 'pass', text})
/** Passed only because the rule asks for less than the default. */
export const relaxed = (key: string, text?: string): Answer => ({result: 'pass', text, relaxedBy: key})
export const fail = (code: string, got: string, more: {expected?: string; place?: Place} = {}): Answer => ({
  result: 'fail',
  code,
  got,
  ...more,
})
export const skip = (reason: SkipReason, text: string, relaxedBy?: string): Answer => ({
  result: 'skip',
  reason,
  text,
  relaxedBy,
})
export const blocked = (by: CheckId): Answer => ({result: 'blocked', by})

/** Passes unless there are problems; the first is told, the others are counted. */
export function failIfAny(
  problems: readonly {readonly code: string; readonly message: string; readonly place?: Place | undefined}[],
  expected?: string,
): Answer {
  const [first, ...others] = problems
  if (first === undefined) return pass()
  const more = others.length === 0 ? '' : `, and ${others.length} more`
  return {result: 'fail', code: first.code, got: `${first.message}${more}`, expected, place: first.place}
}

/** An object that does not decode. */
export const malformed = (object: string, error: DecodeError): Answer => {
  const {path, offset, expected, got} = error.where
  return fail('malformed', `${path === '' ? error.where.structure : path}: ${got}`, {
    expected,
    place: {object, offset},
  })
}
