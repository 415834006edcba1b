/** What is said about each of many bundles. */
import type {Decision, Tier} from '../../appraisal/index.js'
import type {ErrorKind} from '../../errors.js'

/** One bundle of a fleet's directory, or what lies where one should be. */
export interface FleetItem {
  /** Path below the directory, with slashes. */
  readonly name: string
  readonly path: string
  /** A `*.tsmb.json` or `*.tsmb.cbor` file, or a directory with a `manifest.json`. */
  readonly form: 'file' | 'directory'
}

export interface FleetFailure {
  readonly kind: ErrorKind
  readonly message: string
  readonly hint: string | null
}

/** The verdict on one bundle; or why there is none, and then everything but `file` and `error` is null. */
export interface FleetVerdict {
  readonly file: string
  readonly digest: string | null
  /** What the bundle says which function it is of: nobody's word. */
  readonly bdf: string | null
  readonly rule: string | null
  readonly decision: Decision | null
  readonly ear: Tier | null
  /** Checks that stand against the device by themselves, in the order of the registry. */
  readonly failed: readonly string[]
  readonly error: FleetFailure | null
}

export interface FleetSummary {
  readonly bundles: number
  readonly accept: number
  readonly review: number
  readonly deny: number
  /** Bundles without a verdict. */
  readonly errors: number
  /** Files and links that are no bundles. */
  readonly ignored: number
}
