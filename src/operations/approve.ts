/** `approve`: an approver reviews a bundle on a machine of their own and signs that they mean it. */
import {createPrivateKey, type KeyObject} from 'node:crypto'
import {
  type Appraisal,
  type ApprovalClaims,
  approverKey,
  needsReason,
  type Policy,
  REASON_LENGTH,
  signApproval,
  type SignedApproval,
  WINDOW_SECONDS,
} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import type {Bundle} from '../evidence/index.js'

/** What only the machine that collected the evidence can say, and will say itself before it accepts. */
const LEFT_TO_THE_MACHINE = ['policy.age', 'acq.nonce.used']

/** The private key in `pem`. Throws TsmctlError for anything but an unencrypted Ed25519 key. */
export function readApproverKey(pem: Uint8Array, path: string): KeyObject {
  const refuse = (got: string, cause?: unknown): TsmctlError =>
    new TsmctlError({
      kind: 'usage',
      attempted: 'read the key to sign with',
      path,
      got,
      hint: 'openssl genpkey -algorithm ed25519 makes one; its public half stands under approvers in the policy.',
      cause,
    })
  let key: KeyObject
  try {
    key = createPrivateKey(Buffer.from(pem))
  } catch (error) {
    throw refuse('it is no private key in PEM', error)
  }
  if (key.asymmetricKeyType !== 'ed25519') throw refuse(`it is a key for ${key.asymmetricKeyType ?? 'something else'}`)
  return key
}

export interface ApproveRequest {
  readonly bundle: Bundle
  /** Made on this machine. */
  readonly appraisal: Appraisal
  readonly policy: Policy
  readonly key: KeyObject
  readonly reason: string | null
  readonly now: Date
}

const refusal = (subject: string, kind: 'denied' | 'usage' | 'policy', got: string, hint: string): TsmctlError =>
  new TsmctlError({kind, attempted: `approve ${subject}`, subject, got, hint})

/** Throws TsmctlError where there is nothing to approve, or the key is nobody's. */
export function requireApprovable({appraisal, bundle, policy, key, reason}: ApproveRequest): void {
  const {bdf} = bundle.manifest.device
  const subject = bdf ?? appraisal.shortD
  const name = approverKey(key)
  if (Object.values(policy.document.approvers ?? {}).every(approver => approver.key !== name))
    throw refusal(subject, 'policy', 'the policy names no approver with this key', `Its name is ${name}.`)
  if (bdf === null || appraisal.rule === null || appraisal.P === null)
    throw refusal(subject, 'denied', 'no rule of the policy is for this device', 'tsmctl verify shows why.')
  const against = appraisal.results.find(
    ({id, class: kind, blocking}) => kind === 'F' && blocking && !LEFT_TO_THE_MACHINE.includes(id),
  )
  if (against !== undefined)
    throw refusal(subject, 'denied', `${against.id}: ${against.text}`, 'No approval makes up for it.')
  if (needsReason(appraisal) && (reason?.trim().length ?? 0) < REASON_LENGTH)
    throw refusal(
      subject,
      'usage',
      'something is relaxed, and nothing is said about why',
      `Say it with --reason, in at least ${REASON_LENGTH} characters.`,
    )
}

/** What has to be typed. */
export const approveText = (bdf: string, {shortD}: Appraisal): string => `approve ${bdf} ${shortD}`

/** The signed approval of a request that `requireApprovable` let pass; good for ten minutes. */
export function approve({appraisal, bundle, key, reason, now}: ApproveRequest): SignedApproval {
  const claims: ApprovalClaims = {
    D: bundle.digest,
    P: appraisal.P!,
    bdf: bundle.manifest.device.bdf!,
    rule: appraisal.rule!,
    notAfter: new Date(now.getTime() + WINDOW_SECONDS * 1000).toISOString(),
    reason,
  }
  return signApproval(claims, key)
}
