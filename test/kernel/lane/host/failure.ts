/** Why the lane cannot go on, for the person who started it: what was attempted, what happened, what to do. */
export class LaneFailure extends Error {
  constructor(attempted: string, got: string, hint?: string) {
    super(`cannot ${attempted}: ${got}${hint === undefined ? '' : `\n${hint}`}`)
  }
}

/** Signals that end the lane, and its exit code then. */
export const ENDING = {SIGHUP: 129, SIGINT: 130, SIGTERM: 143} as const

/** The lane was told to stop. */
export class Interrupted extends Error {
  readonly exitCode: number
  constructor(signal: keyof typeof ENDING) {
    super(`interrupted by ${signal}`)
    this.exitCode = ENDING[signal]
  }
}

/** What to do, by errno. */
export const HINTS: Readonly<Record<string, string>> = {
  ENOSPC:
    'Make room, or name other directories with TSMCTL_KERNEL_CACHE (about 1 GiB) and TMPDIR (some MiB): docs/kernel-lane.md.',
  EDQUOT: 'Make room, or name another directory with TSMCTL_KERNEL_CACHE.',
  EACCES: 'Name directories of your own with TSMCTL_KERNEL_CACHE and TMPDIR.',
  EROFS: 'Name directories that can be written to with TSMCTL_KERNEL_CACHE and TMPDIR.',
}

/** What a failure of any kind means to the user; undefined for a fault of the lane itself. */
export function explain(error: unknown): string | undefined {
  if (error instanceof LaneFailure || error instanceof Interrupted) return error.message
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined
  const hint = HINTS[String(error.code)]
  return `cannot go on: ${error.message}${hint === undefined ? '' : `\n${hint}`}`
}
