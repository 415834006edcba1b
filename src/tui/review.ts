/** A review the cockpit holds: an appraisal, and what became of it since. */
import type {Appraisal} from '../appraisal/index.js'

export interface Review {
  readonly appraisal: Appraisal
  /** `void`: accepting failed, or the device left the state that was reviewed without our doing. */
  readonly standing: 'open' | 'accepted' | 'rejected' | 'void'
  /** Milliseconds on the cockpit's own clock. */
  readonly receivedAt: number
  /** How many lines of its document have been on screen, from the first. */
  readonly seen: number
}
