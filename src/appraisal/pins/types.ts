/** Pins: what an accepted device was like, so that the next evidence can be compared with it. */
import type {Sha384} from '../../evidence/index.js'

/** What identifies and describes a device in evidence that verified: the content of a pin, and what a diff compares. */
export interface DeviceProfile {
  /** SHA-384 of the pinned certificate, or of the name where the name is pinned: names the pin. */
  readonly pinId: Sha384
  /** SHA-384 of the certificate of the device. */
  readonly certificate: Sha384
  /** SHA-384 of the leaf: another one for an alias certificate, which the firmware makes. */
  readonly leaf: Sha384
  /** DMTF device info of the verified leaf. */
  readonly san: string | null
  /** `manufacturer:product` of `san`. */
  readonly model: string | null
  readonly anchor: string
  readonly slot: number
  readonly spdm: {readonly version: string; readonly hash: string; readonly asym: string}
  /** How the evidence came, and which objects the TSM vouches for by a digest. */
  readonly platform: {
    readonly abi: string
    readonly digestAlgorithm: string | null
    readonly digests: readonly string[]
  }
  /** In order of index. */
  readonly measurements: readonly MeasuredBlock[]
  readonly dice: readonly DiceLayer[]
  /** SHA-384 of the report's normal form; null without a report. */
  readonly reportNormalForm: Sha384 | null
  /** SHA-384 of the device-specific bytes of the report; null where there are none. */
  readonly deviceSpecific: Sha384 | null
  /** Ranges of the normal form, for people. */
  readonly ranges: readonly PinnedRange[]
  /** Size of each memory BAR in bytes, `0x…`. */
  readonly bars: readonly {readonly bar: number; readonly size: string}[]
  /** `noFwUpdate`, `ats`, …: what is set. */
  readonly lockFlags: readonly string[]
  readonly debug: 'off' | 'on' | 'absent' | 'not proven'
  /** Greatest security version number, decimal; null where none is stated. */
  readonly maxSvn: string | null
}

export interface MeasuredBlock {
  readonly index: number
  readonly type: string
  readonly valueType: 'digest' | 'raw'
  /** Lower-case hexadecimal; `sha384:…` of a value of more than 1024 bytes. */
  readonly value: string
  /** What the block is about, where a vendor's adapter knows: blocks of one group are told as one. */
  readonly group?: string | undefined
}

export interface DiceLayer {
  readonly layer: number
  /** `alg:hex`. */
  readonly fwids: readonly string[]
  /** Decimal, because it may exceed 2^53. */
  readonly svn: string | null
  readonly flags: readonly string[]
}

export interface PinnedRange {
  readonly bar: number
  /** Pages from the first one reported of this BAR, `0x…`. */
  readonly firstPage: string
  readonly pages: number
  readonly tee: boolean
  readonly msix: boolean
  readonly updatable: boolean
}

/** Evidence that was accepted, or that a person enrolled. */
export interface Acceptance {
  readonly D: Sha384
  readonly P: Sha384
  /** RFC 3339. */
  readonly at: string
  readonly by: string
  /** Name and version of the tool that collected the evidence. */
  readonly tool: string
}

/** Least security versions that are no step back: the greatest ever accepted, decimal. */
export interface VersionFloor {
  readonly measurements: readonly {readonly index: number; readonly svn: string}[]
  readonly dice: readonly {readonly layer: number; readonly svn: string}[]
}

/** A pin as it is stored. */
export interface Pin extends DeviceProfile {
  readonly version: 1
  /** Where the device was last accepted. */
  readonly bdf: string
  readonly firstSeen: string
  /** The newest entry of `history`. */
  readonly lastAccepted: Acceptance
  /** `manual`: a person enrolled it; `auto`: an accepted device that was remembered. */
  readonly mode: 'auto' | 'manual'
  readonly floor: VersionFloor
  /** Nothing in it is ever changed. It begins with the first event and ends with the newest ones. */
  readonly history: readonly (Acceptance & {readonly event: 'enrolled' | 'accepted'})[]
}

/** The pins of a machine, as an appraisal reads them. */
export interface PinReader {
  /** Pin of a device certificate. */
  of(pinId: Sha384): Pin | undefined
  /** Pin of the device that was last accepted at this place. */
  at(bdf: string): Pin | undefined
}

/** One line of the comparison with the last accepted evidence. Text is escaped. */
export interface Change {
  readonly topic:
    | 'identity'
    | 'trust path'
    | 'platform'
    | 'debug'
    | 'svn'
    | 'measurement'
    | 'dice'
    | 'lock flags'
    | 'report'
    | 'device-specific'
    | 'bars'
    | 'spdm'
    | 'policy'
    | 'tool'
    | 'place'
  /** What is drawn first and red even under a waiver: another identity, a lower version, debug, memory that became shared. */
  readonly grave: boolean
  readonly text: string
  readonly before: string | null
  readonly after: string | null
}

export type Comparison =
  | {readonly kind: 'first-seen'}
  /** Another device was accepted here before. */
  | {readonly kind: 'other-device'; readonly was: Acceptance & {readonly pinId: Sha384; readonly san: string | null}}
  | {
      readonly kind: 'compared'
      readonly since: Acceptance
      readonly changes: readonly Change[]
      /** Measured values that are as they were. */
      readonly equalMeasurements: number
    }
