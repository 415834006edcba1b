/**
 * A review as a whole: the decision, what stands against it, what changed, then who, what, on which link, how wired, who
 * decided so, and the raw evidence. Text and screen draw the same blocks in the same order.
 */
import type {Appraisal} from '../types.js'
import {type Against, againstBlock} from './against.js'
import type {Block} from './block.js'
import {changedBlock} from './changed.js'
import {decidedBlock} from './decided.js'
import {linkBlock, rawBlock, runsBlock, whoBlock} from './subject-blocks.js'
import {wiringBlock} from './wiring.js'
import {BANNER} from './words.js'

/** Seconds between a decision and the end of its use. */
export const APPROVAL_SECONDS = 600

/** The facts of the banner; how they are put is for whoever draws them. */
export interface Banner {
  readonly verdict: string
  readonly decision: Appraisal['decision']
  /** Device name from the verified certificate, in quotes, or `unverified device`. */
  readonly name: string
  readonly bdf: string
  readonly rule: string
  readonly evidence: string
  readonly age: string
  /** Null where there is nothing to accept. */
  readonly left: string | null
  /** Nobody saw evidence: null where somebody did. */
  readonly unverified: string | null
  /** `matches policy x` and nothing stronger. */
  readonly policy: string
}

export interface ReviewBlocks {
  readonly banner: Banner
  /** Blocks 2 and 3: with the banner, what must have been on screen before anybody accepts. */
  readonly first: readonly [Against, Block]
  /** Blocks 4 to 9. */
  readonly others: readonly Block[]
}

export interface BlockOptions {
  /** Seconds since the decision. */
  readonly elapsedSeconds?: number
  readonly mostFindings?: number
}

/** `matches policy x` and nothing stronger: a decision is never better than the policy behind it. */
function policyText({decision, policy, unverified}: Appraisal): string {
  if (policy === null) return 'no usable policy'
  const name = `policy ${policy}`
  if (decision === 'deny') return `does not match ${name}`
  if (unverified) return `UNVERIFIED, this kernel has no evidence: ${name} leaves it to a person`
  return decision === 'accept' ? `matches ${name}` : `matches ${name}, if a person agrees`
}

/** `9 min 30 s left`, or that the time is over. */
function leftText(seconds: number): string {
  if (seconds <= 0) return 'no time left to accept'
  return seconds >= 60 ? `${Math.ceil(seconds / 60)} min left to accept` : `${Math.ceil(seconds)} s left to accept`
}

function bannerOf(appraisal: Appraisal, elapsed: number): Banner {
  const {decision, subject, rule, shortD, ageSeconds} = appraisal
  return {
    verdict: BANNER[decision],
    decision,
    name: subject.name === null ? 'unverified device' : `"${subject.name}"`,
    bdf: subject.bdf ?? 'no PCI function',
    rule: rule === null ? 'no rule' : `rule ${rule}`,
    evidence: `evidence ${shortD}`,
    age: ageSeconds === null ? 'of unknown age' : `${Math.round(ageSeconds + elapsed)} s old`,
    left: decision === 'deny' ? null : leftText(APPROVAL_SECONDS - elapsed),
    unverified: appraisal.unverified ? 'UNVERIFIED, this kernel has no evidence' : null,
    policy: policyText(appraisal),
  }
}

export function reviewBlocks(
  appraisal: Appraisal,
  {elapsedSeconds = 0, mostFindings}: BlockOptions = {},
): ReviewBlocks {
  return {
    banner: bannerOf(appraisal, elapsedSeconds),
    first: [againstBlock(appraisal, mostFindings), changedBlock(appraisal.comparison)],
    others: [
      whoBlock(appraisal),
      runsBlock(appraisal),
      linkBlock(appraisal),
      wiringBlock(appraisal),
      decidedBlock(appraisal),
      rawBlock(appraisal),
    ],
  }
}
