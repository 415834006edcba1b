/** The form of a registry entry. Ids are append-only: a check that changes its meaning gets a new id. */
import type {CheckClass, SkipReason} from '../types.js'
import type {AttackId} from './attacks.js'

export interface CheckSpec {
  readonly class: CheckClass
  /** Fatal where the answer is known; where nobody can know it, required: a rule may allow the skip. */
  readonly whenKnown?: true
  /** When it passes, in words: completes "passes when …". */
  readonly passes: string
  /** What is said when it fails; `{expected}` and `{got}` are filled in. */
  readonly fails: string
  /** Attacks it stops, most important first. */
  readonly stops: readonly AttackId[]
  /** Reasons for which it may be left out. */
  readonly skips?: readonly SkipReason[]
  /** Checks whose output this one consumes: unless they passed, it is blocked. */
  readonly requires?: readonly string[]
  /** The next step after a failure, where it is not the group's. */
  readonly remedy?: string
}

/** Keeps the literal keys, so that ids are a union type and a repeated id does not compile. */
export const checks = <const T extends Readonly<Record<string, CheckSpec>>>(table: T): T => table
