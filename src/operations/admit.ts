/** `admit`: lock, evidence, verify, accept, bind: all or nothing. A device that is not admitted is given back unlocked. */
import type {Appraisal} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {readTdi, type Tdi} from '../tsm/index.js'
import {acceptHeld, type AcceptOptions} from './accept.js'
import {lockHeld} from './lock.js'
import {recordAudit} from './record-audit.js'
import {alreadyRunning, reviewHeld} from './review.js'
import {exclusively, leftIn} from './transition.js'
import {unlockHeld} from './unlock.js'

export interface AdmitResult {
  readonly bdf: string
  readonly admitted: boolean
  readonly digest: string
  readonly appraisal: Appraisal
  readonly before: Tdi
  readonly after: Tdi
  /** Why the device was not admitted; null when it was. */
  readonly failure: TsmctlError | null
}

export const admit = (kernel: Kernel, bdf: string, options: AcceptOptions): Promise<AdmitResult> =>
  exclusively(kernel, bdf, () => admitHeld(kernel, bdf, options))

async function admitHeld(kernel: Kernel, bdf: string, options: AcceptOptions): Promise<AdmitResult> {
  const before = await readTdi(kernel, bdf, options.signal)
  if (before.state === 'RUN') throw alreadyRunning(bdf)
  // a lock that fails undoes itself; and what somebody else locked meanwhile is not ours to unlock
  if (before.state === 'CONFIG_UNLOCKED') await lockHeld(kernel, bdf, options)
  try {
    const {bundle, appraisal} = await reviewHeld(kernel, bdf, options)
    options.signal?.throwIfAborted()
    const accepted = await acceptHeld(kernel, bundle, appraisal, {...options, bind: true})
    const {failure} = accepted
    if (failure !== null) recordAudit(kernel, 'rejected', {bdf, bundle, appraisal, result: {reason: failure.kind}})
    const after = failure === null ? accepted.after : await giveBack(kernel, bdf, options)
    return {bdf, admitted: failure === null, digest: bundle.digest, appraisal, before, after, failure}
  } catch (error) {
    throw await afterGivingBack(kernel, bdf, error, options)
  }
}

/** Unlocks and binds the old driver; not interruptible, because it is what an interruption ends in. */
async function giveBack(kernel: Kernel, bdf: string, {onStep}: AcceptOptions): Promise<Tdi> {
  const {after} = await unlockHeld(kernel, bdf, {force: true, rebind: true, onStep})
  return after
}

async function afterGivingBack(kernel: Kernel, bdf: string, error: unknown, options: AcceptOptions): Promise<unknown> {
  const cause =
    options.signal?.aborted && !(error instanceof TsmctlError)
      ? new TsmctlError({
          kind: 'interrupted',
          attempted: `admit ${bdf}`,
          subject: bdf,
          got: 'interrupted',
          cause: error,
        })
      : error
  try {
    await giveBack(kernel, bdf, options)
  } catch (second) {
    if (!(cause instanceof TsmctlError)) return cause
    const why = second instanceof TsmctlError ? (second.got ?? second.message) : String(second)
    return leftIn(
      kernel,
      bdf,
      new TsmctlError({
        kind: 'transition',
        attempted: cause.attempted,
        subject: bdf,
        got: `${cause.got ?? cause.message}; giving the device back failed too: ${why}`,
        hint: cause.hint,
        cause,
      }),
    )
  }
  return leftIn(kernel, bdf, cause)
}
