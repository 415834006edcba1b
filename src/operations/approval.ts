/** What a person's approval must look like, by the human mode of the rule that decided. */
import type {Appraisal, Approval} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'

export interface GivenApproval {
  /** Exactly what was typed. */
  readonly typed: string
  readonly reason: string | null
  /** Name of the person, as the system knows it. */
  readonly by: string
}

const REASON_LENGTH = 10

/** What has to be typed to approve this evidence of this device. */
export const approvalText = (appraisal: Appraisal, bdf: string): string =>
  appraisal.human === 'confirm' ? 'accept' : `${bdf} ${appraisal.shortD}`

export const needsApproval = ({decision, human}: Appraisal): boolean => decision === 'review' || human !== 'none'

/** Is a reason asked for? Whoever relaxes something says why. */
export const needsReason = ({relaxations, counters}: Appraisal): boolean => relaxations.length + counters.relaxed > 0

/**
 * The approval that this appraisal needs: null when none is, an error of kind `review` when it is missing or does not
 * name exactly this device and evidence.
 */
export function approvalOf(
  appraisal: Appraisal,
  bdf: string,
  given: GivenApproval | undefined,
  now: Date,
): Approval | null | TsmctlError {
  if (!needsApproval(appraisal)) return null
  const refuse = (got: string): TsmctlError =>
    new TsmctlError({
      kind: 'review',
      attempted: `accept ${bdf}`,
      subject: bdf,
      got,
      hint: `A person has to review it: tsmctl tui, or tsmctl accept ${bdf} on a terminal.`,
    })
  if (appraisal.human === 'two-person')
    return refuse('the rule asks for two people, which this version does not support')
  if (given === undefined) return refuse(`rule ${appraisal.rule ?? '(none)'} asks for a person's approval`)
  if (given.typed !== approvalText(appraisal, bdf))
    return refuse('what was typed does not name this device and evidence')
  if (needsReason(appraisal) && (given.reason?.trim().length ?? 0) < REASON_LENGTH)
    return refuse(`the policy relaxes something: a reason of at least ${REASON_LENGTH} characters is needed`)
  return {
    by: given.by,
    method: appraisal.human === 'confirm' ? 'confirm' : 'typed',
    at: now.toISOString(),
    reason: given.reason,
    digest: appraisal.D,
  }
}
