/** What a watch tells. */
import type {TsmctlError} from '../../errors.js'
import type {Uevent} from '../../kernel/index.js'
import type {AnyWatched, Transition} from './differences.js'

/**
 * What came of a device under `--policy`:
 *
 * - `begun`: its admission begins;
 * - `admitted`: it runs, with its driver bound;
 * - `denied`: appraisal or policy said no, now or when the same evidence was seen before; not tried again;
 * - `review`: the policy wants a person; not tried again until something changes;
 * - `retry`: it failed for a reason that may pass, and is tried again;
 * - `failed`: it failed for a reason that does not pass by itself; not tried again until something changes;
 * - `stopped`: the watch ends, and the device was given back;
 * - `not-selected`: no rule of the policy selects it; it is not touched;
 * - `running`, `locked`: it was found so, by somebody else's doing, and is not touched;
 * - `fell-out`: it left RUN without this watch; not admitted again until it is plugged anew or the watch is restarted;
 * - `shut-out`: it was locked anew after it ran: its driver was unbound, and every driver is kept away.
 */
export const OUTCOMES = [
  'begun',
  'admitted',
  'denied',
  'review',
  'retry',
  'failed',
  'stopped',
  'not-selected',
  'running',
  'locked',
  'fell-out',
  'shut-out',
] as const
export type Outcome = (typeof OUTCOMES)[number]

export interface AdmissionNews {
  readonly kind: 'admission'
  readonly bdf: string
  readonly outcome: Outcome
  readonly message: string
  /** Evidence digest D, where evidence was appraised. */
  readonly digest: string | null
  readonly rule: string | null
  /** Checks that stand against the device. */
  readonly checks: readonly string[]
  readonly retryInMilliseconds: number | null
  readonly error: TsmctlError | null
}

/** `event`: the kernel said so; `poll`: it was seen; `rescan`: after lost events; `admission`: this watch did it. */
export const CAUSES = ['event', 'poll', 'rescan', 'admission'] as const
export type Cause = (typeof CAUSES)[number]

export type WatchNews =
  | {readonly kind: 'state'; readonly subject: Transition['subject']; readonly name: string; readonly now: AnyWatched}
  | {readonly kind: 'watching'; readonly functions: number; readonly tsms: number; readonly events: boolean}
  | {readonly kind: 'transition'; readonly transition: Transition; readonly cause: Cause}
  | {readonly kind: 'uevent'; readonly event: Uevent}
  | {readonly kind: 'lost'; readonly message: string}
  | {readonly kind: 'warning'; readonly code: string; readonly message: string}
  | AdmissionNews

export type WatchEvent = WatchNews & {readonly at: Date}
