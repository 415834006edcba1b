/** What the screen needs from a machine. The screen knows nothing else: no files, no bytes, no policy. */
import type {Appraisal} from '../appraisal/index.js'
import type {Tone} from './lines.js'

export interface CockpitDevice {
  readonly bdf: string
  readonly id: string
  readonly className: string
  readonly driver: string | null
  /**
   * CONFIG_UNLOCKED, CONFIG_LOCKED, RUN or ERROR for a guest's TDI; connected or disconnected for a device that a host's
   * TSM can connect; anything else is shown as it is and offers no action.
   */
  readonly state: string
  readonly tsm: string | null
}

/** What a person typed to accept a device, and why. */
export interface TypedApproval {
  readonly typed: string
  readonly reason: string | null
}

export interface ViewLine {
  /** Stands before the text, which is wrapped beside it. */
  readonly lead?: string
  readonly text: string
  readonly tone: Tone
}

/** What a look at a host's device found, in lines of their own. */
export interface HostView {
  /** What connect would meet, check by check, and what is connected. */
  readonly connection: readonly ViewLine[]
  /** Streams and registers at both ends of the link. */
  readonly streams: readonly ViewLine[]
  /** Why connect will fail, as far as can be seen; null when nothing stands against it. */
  readonly refusal: string | null
}

/** What a host does with a device. */
export type HostVerb = 'connect' | 'disconnect'

export interface Cockpit {
  /** The machine, `sim:/tmp/x`. */
  readonly machine: string
  /** Name of the policy file; null: every review ends in deny. */
  readonly policy: string | null
  devices(): Promise<readonly CockpitDevice[]>
  /** Locks the device if needed, collects evidence and appraises it. `progress` hears every step. */
  review(bdf: string, progress: (line: string) => void): Promise<Appraisal>
  /** Accepts the device into RUN on the evidence named by `digest` (the full D); one line about how it ended. */
  accept(bdf: string, digest: string, approval: TypedApproval, progress: (line: string) => void): Promise<string>
  /** Unlocks the device and gives it back its driver. */
  reject(bdf: string, progress: (line: string) => void): Promise<string>
  /** Reads a host's device: what connect would meet, and both ends of its streams. Changes nothing. */
  look(bdf: string, progress: (line: string) => void): Promise<HostView>
  /** Carries out the verb; one line about how it ended. */
  host(verb: HostVerb, bdf: string, progress: (line: string) => void): Promise<string>
  /**
   * Ends what is under way: the operation that runs rolls back and fails, once the kernel has done what it has begun.
   * Called again, it does not wait for the kernel either.
   */
  close(): void
}
