/** What the guest tells of its tests: lines of JSON in `out/events.ndjson`, so that what was told survives any end. */

export interface TestError {
  readonly message: string
  readonly stack: string
  /** What was expected and what was there, when they can be compared. */
  readonly diff?: string
}

export type TestEvent =
  | {readonly event: 'start'; readonly test: string}
  | {readonly event: 'pass'; readonly test: string; readonly ms: number}
  | {readonly event: 'skip'; readonly test: string; readonly why: string}
  | {readonly event: 'fail'; readonly test: string; readonly ms: number; readonly errors: readonly TestError[]}
  /** All tests have been run. */
  | {readonly event: 'end'}
