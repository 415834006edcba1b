/** `admit`: lock, evidence, verify, accept, bind: all or nothing. A device that is not admitted is given back unlocked. */
import type {Appraisal} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {acceptPlan, bindPlan, HOLD, isGone, readTdi, type Tdi} from '../tsm/index.js'
import {acceptHeld, type AcceptOptions} from './accept.js'
import {heldOf, recordOf, releaseDevice} from './held-devices.js'
import {lockHeld} from './lock.js'
import {recordAudit} from './record-audit.js'
import {alreadyRunning, reviewHeld, type ReviewOptions} from './review.js'
import {exclusively, leftIn, orGone, saidBy, type TransitionResult, writesOf} from './transition.js'
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

export interface AdmitOptions extends AcceptOptions {
  readonly beforeAppraisal?: ReviewOptions['beforeAppraisal']
}

export const admit = (kernel: Kernel, bdf: string, options: AdmitOptions): Promise<AdmitResult> =>
  exclusively(kernel, bdf, () => admitHeld(kernel, bdf, {...options, verb: 'admit', dryRun: false}))

/** What `admit` would write to `bdf` if its evidence, which only a locked device gives, is accepted. Changes nothing. */
export async function planAdmission(kernel: Kernel, bdf: string, options: AcceptOptions): Promise<TransitionResult> {
  const before = await readTdi(kernel, bdf, options.signal)
  if (before.state === 'RUN') throw alreadyRunning(bdf)
  const locking = await lockHeld(kernel, bdf, {...options, dryRun: true})
  const tsm = locking.writes.find(({path}) => path.endsWith('/tsm/lock'))?.value ?? before.lockedBy
  const locked: Tdi = {...before, state: 'CONFIG_LOCKED', lockedBy: tsm, driver: null, driverOverride: HOLD}
  const held = heldOf(kernel, bdf)
  const owners = before.driverOverride === HOLD ? held.driverOverride : before.driverOverride
  const writes = [
    ...locking.writes,
    ...writesOf(acceptPlan(locked)),
    ...writesOf(bindPlan({...locked, state: 'RUN'}, before.driver ?? held.driver, owners)),
  ]
  const notes = ['evidence is collected and appraised between lock and accept; what does not pass is unlocked instead']
  return {...locking, changed: false, dryRun: true, writes, notes}
}

/** A device that an interrupted admit left in RUN, or nearly: nobody has vouched for it, so it starts over. */
async function startOver(kernel: Kernel, before: Tdi, options: AcceptOptions): Promise<void> {
  const {bdf} = before
  const doing = recordOf(kernel, bdf)?.doing ?? null
  if (doing === null || before.driver !== null) {
    // all that was missing was to let go of it
    if (doing?.step === 'binding' && before.driverOverride !== HOLD) releaseDevice(kernel, bdf)
    throw alreadyRunning(bdf)
  }
  options.onStep?.(`${bdf}: tsmctl ${doing.verb} was interrupted while ${doing.step} it: starting over`)
  await unlockHeld(kernel, bdf, {verb: 'admit', keep: true, onStep: options.onStep})
}

async function admitHeld(kernel: Kernel, bdf: string, options: AdmitOptions): Promise<AdmitResult> {
  const before = await readTdi(kernel, bdf, options.signal)
  if (before.state === 'RUN') await startOver(kernel, before, options)
  // a lock that fails undoes itself; and what somebody else locked meanwhile is not ours to unlock
  const {after: locked} = await lockHeld(kernel, bdf, options)
  try {
    const {bundle, appraisal} = await reviewHeld(kernel, bdf, options)
    options.signal?.throwIfAborted()
    const accepted = await acceptHeld(kernel, bundle, appraisal, {...options, bind: true})
    const {failure} = accepted
    if (failure !== null) recordAudit(kernel, 'rejected', {bdf, bundle, appraisal, result: {reason: failure.kind}})
    const after = failure === null ? accepted.after : await giveBack(kernel, bdf, options)
    return {bdf, admitted: failure === null, digest: bundle.digest, appraisal, before, after, failure}
  } catch (error) {
    throw await afterGivingBack(kernel, locked, error, options)
  }
}

/** Unlocks and binds the old driver; not interruptible, because it is what an interruption ends in. */
async function giveBack(kernel: Kernel, bdf: string, {onStep}: AcceptOptions): Promise<Tdi> {
  const {after} = await unlockHeld(kernel, bdf, {force: true, rebind: true, verb: 'admit', onStep})
  return after
}

async function afterGivingBack(
  kernel: Kernel,
  {bdf, lockedBy}: Tdi,
  error: unknown,
  options: AcceptOptions,
): Promise<unknown> {
  const cause = await causeOf(kernel, bdf, lockedBy ?? '', error, options.signal)
  try {
    // with the function went the lock, the override and the binding
    if (isGone(kernel, bdf)) releaseDevice(kernel, bdf)
    else await giveBack(kernel, bdf, options)
  } catch (second) {
    if (!(cause instanceof TsmctlError)) return cause
    return leftIn(
      kernel,
      bdf,
      new TsmctlError({
        kind: 'transition',
        attempted: cause.attempted,
        subject: bdf,
        got: `${saidBy(cause)}; giving the device back failed too: ${saidBy(second)}`,
        hint: cause.hint,
        cause,
      }),
    )
  }
  return leftIn(kernel, bdf, cause)
}

/** What stopped the admission: the person, a device or TSM that went, or what the error says. */
async function causeOf(
  kernel: Kernel,
  bdf: string,
  tsm: string,
  error: unknown,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if (error instanceof TsmctlError) return error.kind === 'interrupted' ? error : orGone(kernel, bdf, tsm, error)
  return signal?.aborted
    ? new TsmctlError({kind: 'interrupted', attempted: `admit ${bdf}`, subject: bdf, got: 'interrupted', cause: error})
    : error
}
