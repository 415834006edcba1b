/**
 * What an evidence bundle is made of. The manifest names every object by length and SHA-384, so that one digest D over
 * the manifest names the whole of the evidence (RATS evidence, packed as a CMW collection).
 */

import {EVIDENCE_TYPES} from '../kernel/index.js'
import type {TsmStatements} from './tsm-statements.js'

/** Labels of all objects a bundle may hold. Anything else in a bundle is refused. */
export const LABELS = [...EVIDENCE_TYPES, 'tsm', 'ide', 'pci', 'collection', 'platform'] as const
export type ObjectLabel = (typeof LABELS)[number]

export const PROVIDER_KINDS = ['device-evidence', 'pci-tsm', 'none', 'host-link', 'vendor-tool', 'file'] as const
export type ProviderKind = (typeof PROVIDER_KINDS)[number]

/** `sha384:` and 96 lower-case hexadecimal digits. */
export type Sha384 = string

export interface TsmDigest {
  /** `sha256`, `sha384`, `sha512`, or whatever name the TSM's interface gave. */
  readonly alg: string
  /** Lower-case hexadecimal. */
  readonly value: string
}

export interface ManifestObject {
  readonly label: ObjectLabel
  readonly mediaType: string
  /** Bytes. */
  readonly length: number
  readonly sha384: Sha384
  readonly tsmDigest?: TsmDigest | undefined
  /** Where the bytes came from: `pci-tsm`, `sysfs`, a file name. */
  readonly source: string
}

export interface HostFacts {
  readonly machineIdHash: string | null
  readonly bootId: string | null
  readonly kernel: string | null
  readonly tool: string
  readonly toolDigest: string | null
}

/** Identity that config space claims: proves nothing, selects a rule. Numbers as `0x…` strings. */
export interface DeviceFacts {
  /** Null for evidence of a device nobody has at hand. */
  readonly bdf: string | null
  readonly vendor: string | null
  readonly device: string | null
  /** `0xvvvv:0xdddd`. */
  readonly subsystem: string | null
  /** 24-bit class code, `0x030200`. */
  readonly class: string | null
  readonly revision: string | null
  readonly dsn?: string | undefined
}

export interface ProviderFacts {
  readonly kind: ProviderKind
  /** Interface and version, `pci-tsm/1`. */
  readonly abi: string
  readonly tsm: string | null
  readonly generation: number | null
}

export interface NonceFacts {
  /** 32 bytes, lower-case hexadecimal. */
  readonly value: string
  /** `random`; `relying-party` for SHA-256 over both inputs below; `external` when somebody else drew it. */
  readonly derivation: 'random' | 'relying-party' | 'external'
  readonly relyingPartyNonce?: string | undefined
  readonly localRandom?: string | undefined
}

export interface LockEpoch {
  readonly kind: 'lock-nonce' | 'report-counter' | 'generation' | 'none'
  readonly value: string | null
}

/** TDISP states (PCIe r7.0 §11.3.3), or unknown when nobody could say. */
export type TdiStateName = 'CONFIG_UNLOCKED' | 'CONFIG_LOCKED' | 'RUN' | 'ERROR' | 'unknown'

/** What the collector states about a collection; `freeze` adds the objects. */
export interface ManifestFacts {
  /** 128 random bits, hexadecimal. */
  readonly bundleId: string
  /** RFC 3339, UTC. */
  readonly collectedAt: string
  readonly clock: 'trusted' | 'untrusted'
  readonly host: HostFacts
  readonly device: DeviceFacts
  readonly provider: ProviderFacts
  /** Null when the evidence was not collected with a nonce. */
  readonly nonce: NonceFacts | null
  readonly lockEpoch: LockEpoch
  readonly tdiState: TdiStateName
  /** SPDM algorithms for evidence without VCA, named by whoever imported it: SPDM 1.1 transcripts carry none. */
  readonly spdm?: {readonly hash: string; readonly asym: string; readonly slot: number} | undefined
  /** D of the bundle that this one is, without what identifies its machine. */
  readonly redactedFrom?: Sha384 | undefined
}

export interface Manifest extends ManifestFacts {
  readonly version: 1
  readonly objects: readonly ManifestObject[]
}

/** Input of `freeze`: one object as it was collected. */
export interface EvidenceObject {
  readonly label: ObjectLabel
  readonly bytes: Uint8Array
  readonly source: string
  readonly tsmDigest?: TsmDigest | undefined
  /** Only for `platform`: the configfs-tsm provider. */
  readonly mediaType?: string | undefined
}

/** Frozen evidence: from here on only these bytes are used. */
export interface Bundle {
  readonly manifest: Manifest
  readonly objects: ReadonlyMap<ObjectLabel, Uint8Array>
  /** The evidence digest D = SHA-384 of the manifest's canonical form. */
  readonly digest: Sha384
}

/** One BAR as the kernel shows it; size 0 where there is none. */
export interface BarFacts {
  readonly index: number
  /** Bytes, `0x…`. */
  readonly size: string
  /** `0x…`. */
  readonly address: string
  readonly kind: 'memory32' | 'memory64' | 'io' | 'upper-half' | 'none'
  readonly prefetchable: boolean
}

/** MSI-X capability (PCIe r6.2 §7.7.2): where table and PBA are. Offsets in bytes, `0x…`. */
export interface MsixFacts {
  readonly tableBar: number
  readonly tableOffset: string
  readonly pbaBar: number
  readonly pbaOffset: string
  /** Number of vectors. */
  readonly tableSize: number
  /** Message Control register as read, `0x…`, or null if it was not. */
  readonly control: string | null
}

/** Content of the `pci` object. Everything in it is the host's claim. */
export interface PciFacts extends Omit<DeviceFacts, 'bdf'> {
  readonly bdf: string
  readonly headerType: number | null
  readonly bars: readonly BarFacts[]
  /** Null: no MSI-X capability. `unknown`: config space could not be read that far. */
  readonly msix: MsixFacts | null | 'unknown'
  /** PCI Command register (PCIe r6.2 §7.5.1.1.3), `0x…`, or null if it was not readable. */
  readonly command: string | null
  readonly driver: string | null
  readonly iommuGroup: string | null
  readonly bootId: string | null
  readonly sriovVfs: number | null
  /** Other functions of the device that this host shows, with their drivers. */
  readonly siblings: readonly {readonly bdf: string; readonly driver: string | null}[]
}

/** Content of the `tsm` object: what the TSM, or the kernel in its name, states. */
export interface TsmFacts extends TsmStatements {
  readonly name: string | null
  readonly state: TdiStateName
  /** Null when there are no digests. */
  readonly digestAlgorithm: string | null
  /** Digest per object label, hexadecimal. */
  readonly digests: Readonly<Partial<Record<ObjectLabel, string>>>
}

/** Content of the `collection` object: what the collector saw around the reading. */
export interface CollectionFacts {
  /** The device before the lock; `pci` is the device after the last read. */
  readonly before: PciFacts
  /** Attribute types the evidence interface sent and nobody knows. */
  readonly unknownAttributes: readonly number[]
  /** Evidence generations in the data dump and then in the digest dump; null when the interface has none. */
  readonly generations: readonly number[] | null
  readonly driverOverride: string | null
  /** `/sys/bus/pci/drivers_autoprobe`; null when it was not readable. */
  readonly driversAutoprobe: boolean | null
  /** Mode of `/sys/kernel/security/lockdown`; null when the kernel has none or did not show it. */
  readonly lockdown?: string | null | undefined
  /** Is there a `/dev/mem`? */
  readonly devMem?: boolean | undefined
  /** Where the machine's memory is, of `/proc/iomem`; null when it does not say. */
  readonly systemRam?: readonly AddressRange[] | null | undefined
  /** Virtual functions of the device, when it was connected and now. Only the host sees them. */
  readonly sriov?: SriovFacts | undefined
}

/** Physical addresses, `0x…`, both inclusive. */
export interface AddressRange {
  readonly first: string
  readonly last: string
}

/** Number of VFs of a physical function. */
export interface SriovFacts {
  readonly physicalFunction: string
  /** Null when nobody recorded it. */
  readonly atConnect: number | null
  readonly now: number | null
}
