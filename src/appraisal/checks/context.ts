/** What a check may look at. */
import type {Facts} from '../facts.js'
import type {EffectiveRule, Policy, Rule} from '../policy/index.js'
import type {CheckId} from '../registry/index.js'
import type {CheckResult} from '../types.js'
import type {AnchorMatch} from '../trust-path.js'
import type {Pin, PinReader} from '../pins/index.js'
import type {ReferenceSet} from '../references/index.js'
import type {RevocationMaterial} from '../revocation/index.js'
import {type Answer, blocked} from './verdict.js'

/** What this machine knows about a nonce. */
export interface NonceHistory {
  /** It was drawn for another collection as well. */
  usedBefore(nonce: string, bundleId: string): boolean
  /** It was drawn here for this collection. */
  drawnFor(nonce: string, bundleId: string): boolean
}

/** What the TSM says of lock and report when the evidence is judged, to hold against what it said when it was collected. */
export interface TsmNow {
  /** Mark of the lock: big-endian bytes, hexadecimal. */
  readonly lock?: string | undefined
  /** Mark of the report. */
  readonly report?: string | undefined
}

/** What a relying party's verifier found about this machine's own TSM. Its signature was verified. */
export interface PlatformVerdict {
  /** Name of the key that signed it. */
  readonly verifier: string
  readonly status: 'affirming' | 'warning' | 'contraindicated' | 'none'
  /** What the platform's report was bound to, hexadecimal. */
  readonly bindings: readonly string[]
  readonly issuedAt: Date
  readonly expires?: Date | undefined
}

export interface Circumstances {
  readonly now: Date
  readonly clockTrusted: boolean
  /** `live`: the evidence was just collected on this machine and may lead to accept. */
  readonly mode: 'live' | 'offline'
  /** Seconds since the same evidence was first decided about under the same policy; absent where that is now. */
  readonly sinceDecision?: number | undefined
  /** Age by the monotonic clock, where the machine that collected decides. */
  readonly ageSeconds?: number | undefined
  readonly nonces?: NonceHistory | undefined
  /** Devices that were accepted on this machine before. */
  readonly pins?: PinReader | undefined
  readonly tsm?: TsmNow | undefined
  readonly platform?: PlatformVerdict | undefined
  /** When this tool was built: a lower bound of the present. */
  readonly built: Date
}

export interface Context {
  readonly facts: Facts
  readonly circumstances: Circumstances
  readonly policy: Policy | undefined
  /** The rules that match: exactly one is right. */
  readonly candidates: readonly Rule[]
  readonly rule: EffectiveRule
  /** Anchor of the rule that the chain leads to. */
  readonly anchor: AnchorMatch | undefined
  /** Pin of the device certificate, if the path to it verified. */
  readonly pin: Pin | undefined
  /** What the rule compares measured values with. */
  readonly references: ReferenceSet
  /** Revocation lists and OCSP responses that came with the policy. */
  readonly revocation: RevocationMaterial
  /** Result of another check; made now if it was not yet. */
  result(id: CheckId): CheckResult
  /** The other check's output may be relied on. */
  satisfied(id: CheckId): boolean
}

/** What stands in the way where the algorithms are not known: a negotiation that selects none, or none at all. */
export const withoutAlgorithms = ({vca}: Facts): Answer =>
  blocked(vca.kind === 'decoded' ? 'spdm.vca.algorithms' : 'spdm.vca.framing')

export type Check = (context: Context) => Answer
