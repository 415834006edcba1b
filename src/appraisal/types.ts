/** What an appraisal consists of: results of checks, a decision, and the facts a reviewer is shown. */
import type {Sha384} from '../evidence/index.js'
import type {Comparison, DeviceProfile} from './pins/types.js'

/** F: fatal, never waived or forced. W: required, may be waived or skipped by policy. A: advisory. */
export type CheckClass = 'F' | 'W' | 'A'

/**
 * Why a check could not be made. `abs` absent in the device, `tsm` no statement by the TSM, `kern` no kernel support,
 * `clk` clock untrusted, `off` offline, `na` structurally not applicable: only code decides that.
 */
export type SkipReason = 'abs' | 'tsm' | 'kern' | 'clk' | 'off' | 'na'

export type Outcome = 'pass' | 'fail' | 'skip' | 'blocked' | 'error' | 'waived'

/**
 * The only words a review uses. WARNING is an advisory check that failed and that the rule does not require; it is
 * counted among what is not proven.
 */
export type Word = 'FAIL' | 'RELAXED' | 'NOT PROVEN' | 'WARNING' | 'ok' | 'not applicable'

/** Where in the evidence a finding is. */
export interface Place {
  /** Object label, `report`. */
  readonly object: string
  /** Bytes from the start of the object. */
  readonly offset?: number | undefined
  readonly length?: number | undefined
}

/** Result of one check. All text is already escaped: it can be printed as it is. */
export interface CheckResult {
  readonly id: string
  readonly class: CheckClass
  readonly result: Outcome
  /** For `skip`; kept when a waiver or the rule covers it. */
  readonly reason: SkipReason | null
  /** For `blocked`: the check that did not pass. */
  readonly blockedBy: string | null
  readonly waiver: string | null
  /** Key of the rule, or `allowSkip`, without which this result would stand against acceptance. */
  readonly relaxedBy: string | null
  /** Does this result stand against acceptance? Decided by class, rule and result together. */
  readonly blocking: boolean
  /** What reviewers are told in one word. */
  readonly word: Word
  /** What the check is about, in a few words. */
  readonly title: string
  /** One line: what was found. Device text in it is quoted and escaped. */
  readonly text: string
  /** Different causes of the same check have different codes. */
  readonly code: string
  readonly expected: string | null
  readonly got: string | null
  readonly place: Place | null
  /** What it would mean to accept all the same. */
  readonly consequence: string
  /** The next step, for results that stand against acceptance. */
  readonly remedy: string | null
}

export type Decision = 'accept' | 'review' | 'deny'
export type HumanMode = 'none' | 'confirm' | 'typed' | 'two-person'

/** How often each of the four words of the review is said. */
export interface Counters {
  readonly fail: number
  readonly relaxed: number
  readonly notProven: number
  readonly ok: number
}

export interface MeasurementRow {
  readonly index: number
  /** Name of the value type, `firmware`, or `0x…`. */
  readonly type: string
  readonly representation: 'digest' | 'raw'
  readonly value: string
  readonly status: 'approved' | 'not approved' | 'no reference' | 'informational' | 'not evaluated'
  /** What approved it, `"rim/gpu.corim", signer "gpu-rim"`; null where nothing did. */
  readonly approvedBy: string | null
}

export interface RangeRow {
  readonly rangeId: number
  readonly firstPage: string
  readonly pages: number
  /** Byte offset inside the BAR, or null where placement could not be proven. */
  readonly barOffset: string | null
  readonly tee: boolean
  readonly msix: boolean
  readonly updatable: boolean
}

/** What a reviewer sees besides the checks. Everything is escaped text or a number. */
export interface Subject {
  /** Device name from the verified certificate, or null: an unverified device has no name. */
  readonly name: string | null
  readonly bdf: string | null
  /** What config space claims, `0x10de:0x2901 rev 0xa1 class 0x030200`. */
  readonly claimed: string
  readonly anchor: string | null
  /** Subjects of the verified path, anchor first. Empty when it did not verify. */
  readonly path: readonly string[]
  /** SHA-384 of the pinned certificate. */
  readonly certificate: Sha384 | null
  readonly slot: number | null
  readonly spdm: {readonly version: string; readonly hash: string; readonly asym: string} | null
  readonly measurements: readonly MeasurementRow[]
  readonly debug: 'off' | 'on' | 'absent' | 'not proven'
  readonly report: {
    readonly noFwUpdate: boolean
    readonly ats: boolean
    readonly prs: boolean
    readonly pasid: boolean
    readonly msix: string
    readonly ranges: readonly RangeRow[]
    /** Memory BARs, sizes in bytes as `0x...`; absent where nobody recorded them. */
    readonly bars?: readonly {readonly bar: number; readonly size: string}[]
  } | null
  readonly placement: 'bar-aligned' | 'relative' | 'complete' | 'ambiguous' | null
}

/** A waiver that took effect. Text is escaped. */
export interface UsedWaiver {
  readonly id: string
  readonly check: string
  readonly reason: string
  readonly approvedBy: readonly string[]
  /** RFC 3339. */
  readonly expires: string
  readonly daysLeft: number
}

/** What a program of the site said to the decision. It can only object. Text is escaped. */
export interface ExternalDecision {
  /** Path of the program. */
  readonly command: string
  readonly answer: 'deny' | 'abstain'
  /** Why it objects, or why it counts as an objection that it did not answer. */
  readonly reason: string | null
}

export interface Appraisal {
  readonly decision: Decision
  readonly human: HumanMode
  /** Id of the one rule that matched. */
  readonly rule: string | null
  /** There can be no evidence, and the rule leaves that to a person: nothing about this device is verified. */
  readonly unverified: boolean
  readonly results: readonly CheckResult[]
  readonly counters: Counters
  /** Evidence digest. */
  readonly D: Sha384
  /** First 12 hexadecimal digits of D. */
  readonly shortD: string
  /** Policy digest; null without a usable policy. */
  readonly P: Sha384 | null
  readonly policy: string | null
  readonly collectedAt: string
  readonly decidedAt: string
  readonly ageSeconds: number | null
  readonly subject: Subject
  /** What the device is, if its evidence verified: what a pin remembers of it. */
  readonly profile: DeviceProfile | null
  /** With what was accepted before; null where nothing verified that could be compared. */
  readonly comparison: Comparison | null
  /** Relaxing keys of the matched rule, in words. */
  readonly relaxations: readonly string[]
  /** Waivers that took effect. */
  readonly waivers?: readonly UsedWaiver[]
  /** What a program of the site said; absent where none was asked. */
  readonly external?: ExternalDecision
  /** Skips the rule allows; those of `commit.*` apply after the appraisal. */
  readonly allowSkip?: readonly {readonly check: string; readonly because: string}[]
}
