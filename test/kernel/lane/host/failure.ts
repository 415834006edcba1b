/** Why the lane cannot go on, for the person who started it: what was attempted, what happened, what to do. */
export class LaneFailure extends Error {
  constructor(attempted: string, got: string, hint?: string) {
    super(`cannot ${attempted}: ${got}${hint === undefined ? '' : `\n${hint}`}`)
  }
}
