/** Reference values of one appraisal, wherever they came from: what measured values are compared with. */
import type {Sha384} from '../../evidence/index.js'
import type {MeasurementValue} from '../policy/index.js'

/** Where reference values came from, for reviewers. All text is as its author wrote it: escape it where it is shown. */
export interface Provenance {
  /** `policy`, the name of a file, or `pin` and the beginning of its id. */
  readonly label: string
  /** Name of the signer set of the policy whose key signed it; null for what the policy itself says. */
  readonly signer: string | null
  readonly tagId: string | null
  /** Digest of the file. */
  readonly sha384: Sha384 | null
  /** RFC 3339. */
  readonly validity: {readonly notBefore: string | null; readonly notAfter: string} | null
}

/** One way to approve a measurement block: several references of one index are alternatives. */
export interface Reference extends Omit<MeasurementValue, 'type'> {
  /** Null where the source names no type. */
  readonly type: MeasurementValue['type'] | null
  /** The block may be missing: if it is there, this is what it must be. */
  readonly optional?: true
  readonly provenance: Provenance
}

/** Approved firmware ids of a DICE layer; null matches any layer. */
export interface FirmwareReference {
  readonly layer: number | null
  readonly index: number | null
  /** `sha384:…`. */
  readonly digests: readonly string[]
  /** Integrity registers of the layer are approved as well, of which this tool reads none. */
  readonly registers?: boolean
  readonly provenance: Provenance
}

export interface UsableReferences {
  readonly status: 'usable'
  readonly values: readonly Reference[]
  readonly firmware: readonly FirmwareReference[]
}

/** Not authentic, empty, expired, or with something in it that nobody understood: nothing of it is used. */
export interface UnusableReferences {
  readonly status: 'unusable'
  readonly code: string
  /** Escaped text. */
  readonly why: string
}

export type ReferenceSet =
  /** The rule compares nothing: `key` of the rule says so. */
  {readonly status: 'none'; readonly key: string; readonly why: string} | UnusableReferences | UsableReferences
