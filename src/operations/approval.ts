/** What a person's approval must look like, by the human mode of the rule that decided. */
import {
  type Appraisal,
  type Approval,
  needsReason,
  type Policy,
  REASON_LENGTH,
  type SignedApproval,
} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'

export interface GivenApproval {
  /** Exactly what was typed. */
  readonly typed: string
  readonly reason: string | null
  /** Name of the person, as the system knows it. */
  readonly by: string
}

const BY_A_PERSON = (bdf: string): string =>
  `A person has to review it: tsmctl tui, or tsmctl accept ${bdf} on a terminal.`
const BY_TWO = 'Each of them signs with tsmctl approve --bundle FILE; give both files with --approval.'

/** What has to be typed to approve this evidence of this device. */
export const approvalText = (appraisal: Appraisal, bdf: string): string =>
  appraisal.human === 'confirm' ? 'accept' : `${bdf} ${appraisal.shortD}`

export const needsApproval = ({decision, human}: Appraisal): boolean => decision === 'review' || human !== 'none'

/**
 * The approval that this appraisal needs of a person here: null when none is, or when `signed` says that approvers signed
 * elsewhere, which is judged at the commit; an error of kind `review` when it is missing or does not
 * name exactly this device and evidence.
 */
export function approvalOf(
  appraisal: Appraisal,
  bdf: string,
  given: GivenApproval | undefined,
  now: Date,
  signed: number = 0,
): Approval | null | TsmctlError {
  if (!needsApproval(appraisal)) return null
  const refuse = (got: string, hint = BY_A_PERSON(bdf)): TsmctlError =>
    new TsmctlError({kind: 'review', attempted: `accept ${bdf}`, subject: bdf, got, hint})
  if (given === undefined && signed > 0) return null
  if (appraisal.human === 'two-person')
    return refuse(`rule ${appraisal.rule ?? '(none)'} asks for two approvers`, BY_TWO)
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

/** How signed approvals are recorded. Only for those that the commit step found to hold. */
export const signedApprovals = (
  signed: readonly SignedApproval[],
  {document: {approvers = {}}}: Policy,
  now: Date,
): readonly (Approval & {readonly key: string})[] =>
  signed.map(({approval: {D, reason}, key}) => ({
    by: Object.entries(approvers).find(([, approver]) => approver.key === key)?.[0] ?? key,
    method: 'signed',
    at: now.toISOString(),
    reason,
    digest: D,
    key,
  }))

/** Who cannot name the device and its evidence three times over is not reading. */
export const rejectedByPerson = (bdf: string): TsmctlError =>
  new TsmctlError({
    kind: 'review',
    attempted: `accept ${bdf}`,
    subject: bdf,
    got: 'three wrong entries: taken as a no',
    hint: `It stays locked. tsmctl unlock ${bdf} gives it back; or collect evidence and review it again.`,
  })
