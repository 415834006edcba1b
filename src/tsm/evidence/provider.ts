/**
 * How evidence of a locked TDI reaches user space: one provider per generation of the guest ABI. A provider carries
 * bytes; what they prove is for the appraisal.
 */
import type {EvidenceLabel, Kernel} from '../../kernel/index.js'

/** Everything one collection delivered. Bytes are private copies; absent and empty objects are not in the maps. */
export interface CollectedEvidence {
  readonly provider: EvidenceProvider['kind']
  readonly abi: string
  readonly objects: ReadonlyMap<EvidenceLabel, Uint8Array>
  /** The TSM's own digest of each object, where it gave one. */
  readonly digests: ReadonlyMap<EvidenceLabel, Uint8Array>
  /**
   * The generation of every object in the data dump and then of every digest, repetitions left out within each dump.
   * Null where the interface has none.
   */
  readonly generations: readonly number[] | null
  /** How often the TSM saw the evidence refreshed, when the digests were read. Null where nobody counts. */
  readonly count: bigint | null
  /** False where the provider cannot take one: then nothing shows that the evidence is of now. */
  readonly nonceTaken: boolean
  /** Attribute types in replies that the family does not define. */
  readonly unknownAttributes: readonly number[]
}

/** What the TSM holds now: what a commit compares with the frozen evidence. */
export interface EvidenceState {
  readonly digests: ReadonlyMap<EvidenceLabel, Uint8Array>
  readonly generation: number | null
  readonly count: bigint | null
}

export interface EvidenceProvider {
  readonly kind: 'device-evidence' | 'pci-tsm' | 'none'
  /** Interface and version, `pci-tsm/1`; whatever is not on the appraisal's list of known ones fails there. */
  readonly abi: string
  /**
   * One dump of all objects with `nonce` (32 bytes), then one of their digests. Throws TsmctlError with the kernel's
   * refusal explained, DecodeError when a reply is not what the family defines.
   */
  collect(kernel: Kernel, bdf: string, nonce: Uint8Array, signal?: AbortSignal): Promise<CollectedEvidence>
  /** Throws as `collect` does. */
  readDigests(kernel: Kernel, bdf: string, signal?: AbortSignal): Promise<EvidenceState>
  /**
   * Tells the kernel which generation was verified. Throws TsmctlError `busy` when it is no longer the current one. Null
   * where the interface has no such request.
   */
  readonly validate: ((kernel: Kernel, bdf: string, generation: number, signal?: AbortSignal) => Promise<void>) | null
}
