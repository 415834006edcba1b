/** What the screen needs from a machine. The screen knows nothing else: no files, no bytes, no policy. */
import type {Appraisal} from '../appraisal/index.js'

export interface CockpitDevice {
  readonly bdf: string
  readonly id: string
  readonly className: string
  readonly driver: string | null
  /** CONFIG_UNLOCKED, CONFIG_LOCKED, RUN or ERROR for a TDI; anything else is shown as it is and cannot be reviewed. */
  readonly state: string
  readonly tsm: string | null
}

/** What a person typed to accept a device, and why. */
export interface TypedApproval {
  readonly typed: string
  readonly reason: string | null
}

export interface Cockpit {
  /** The machine, `sim:/tmp/x`. */
  readonly host: string
  /** Name of the policy file; null: every review ends in deny. */
  readonly policy: string | null
  devices(): Promise<readonly CockpitDevice[]>
  /** Locks the device if needed, collects evidence and appraises it. `progress` hears every step. */
  review(bdf: string, progress: (line: string) => void): Promise<Appraisal>
  /** Accepts the device into RUN on the evidence named by `digest` (the full D); one line about how it ended. */
  accept(bdf: string, digest: string, approval: TypedApproval, progress: (line: string) => void): Promise<string>
  /** Unlocks the device and gives it back its driver. */
  reject(bdf: string, progress: (line: string) => void): Promise<string>
  /** Ends what is under way: the operation that runs rolls back and fails. */
  close(): void
}
