/** A rule of the specification as a row of a table: where it is said, and what people are told when it is broken. */
export interface Rule<T> {
  readonly spec: string
  /** First and last SPDMVersion it holds for; absent means all. */
  readonly since?: number
  readonly until?: number
  readonly problem: string
  readonly broken: (facts: T) => boolean
}

/** What rows of `rules` that hold for `version` find wrong, in table order. */
export const broken = <T>(rules: readonly Rule<T>[], version: number, facts: T): string[] =>
  rules
    .filter(({since = 0, until = version, ...rule}) => version >= since && version <= until && rule.broken(facts))
    .map(({problem}) => problem)
