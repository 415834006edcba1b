/**
 * Cases that are not evidence with one thing replaced: something happens on a live device, or a file is not what it
 * should be. Each is a test of its own, found by the name that stands here.
 */
export interface Elsewhere {
  /** Number of the case and what is wrong: the beginning of the test's name. */
  readonly name: string
  readonly check: string
  /** File below `test/`. */
  readonly file: string
}

const at = (file: string, ...cases: readonly (readonly [name: string, check: string])[]): readonly Elsewhere[] =>
  cases.map(([name, check]) => ({name, check, file}))

export const ELSEWHERE: readonly Elsewhere[] = [...at('appraisal/tampering.test.ts')]
