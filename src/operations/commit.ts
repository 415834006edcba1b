/**
 * The write that accepts, and what comes after it. From here on a device is either in RUN, recorded as such, or
 * unlocked. Accept is never written twice: where its outcome is unknown the device is unlocked.
 */
import {type Appraisal, type CheckResult, postCommitChecks} from '../appraisal/index.js'
import type {Bundle} from '../evidence/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {
  acceptPlan,
  bindPlan,
  devicePath,
  type EvidenceProvider,
  HOLD,
  isGone,
  observe,
  readTdiOrOrphan,
  runPlan,
  type Tdi,
  unlockPlan,
} from '../tsm/index.js'
import type {AcceptOptions, AcceptResult} from './accept.js'
import {readPciFacts} from './device-facts.js'
import {heldOf, noteDoing, releaseDevice} from './held-devices.js'
import {rememberAcceptance} from './pin-store.js'
import {recordAudit, recordFailure} from './record-audit.js'
import {carryOut, leftIn, type PlannedWrite, writesOf} from './transition.js'

/** What accepting `before` writes, with the binding where it is wanted. */
export function acceptWrites(kernel: Kernel, before: Tdi, bind = false): PlannedWrite[] {
  const held = heldOf(kernel, before.bdf)
  const running: Tdi = {...before, state: 'RUN'}
  return [
    ...writesOf(acceptPlan(before)),
    ...(bind ? writesOf(bindPlan(running, held.driver, held.driverOverride)) : []),
  ]
}

/** The checks after the write. Whoever locked anew between the last look and the write is found out here. */
export async function checkRunning(
  kernel: Kernel,
  provider: EvidenceProvider,
  bundle: Bundle,
  appraisal: Appraisal,
  state: string,
  signal?: AbortSignal,
): Promise<readonly CheckResult[]> {
  const bdf = bundle.manifest.device.bdf!
  const now = await provider.readDigests(kernel, bdf, signal)
  const pci = await readPciFacts(kernel, bdf, signal)
  return postCommitChecks({bundle, appraisal, ...now, lockedSince: false, pci, abi: provider.abi, state})
}

/**
 * The write itself. Nothing keeps another root process from locking anew between the last look and the write, so the
 * evidence is looked at once more in RUN.
 */
export async function commitNow(
  kernel: Kernel,
  provider: EvidenceProvider,
  bundle: Bundle,
  result: AcceptResult,
  options: AcceptOptions & {readonly by?: string},
): Promise<AcceptResult> {
  const {bdf, before, appraisal} = result
  const {verb = 'accept'} = options
  const of = {bdf, bundle, appraisal}
  let accepted: AcceptResult
  noteDoing(kernel, bdf, {verb, step: 'committing'})
  try {
    // the plan reads back RUN, and unlocks where it does not find it
    const {after, writes} = await carryOut(kernel, before, acceptPlan(before), options)
    const post = await checkRunning(kernel, provider, bundle, appraisal, after.state, options.signal)
    const stopped = post.find(({blocking}) => blocking)
    if (stopped !== undefined) throw changedMeanwhile(bdf, stopped)
    // what runs and cannot be remembered would be of first use again, and any version of it new
    await rememberAcceptance(kernel, {bundle, appraisal, by: options.by ?? '', once: options.once})
    const validated = provider.validate !== null && bundle.manifest.provider.generation !== null
    recordAudit(kernel, 'committed', {...of, result: {validated}})
    const earlier = result.commit.filter(({id}) => post.every(later => later.id !== id))
    accepted = {...result, commit: [...earlier, ...post], changed: true, after, writes}
  } catch (error) {
    const told = await afterWithdrawal(kernel, before, of, error)
    noteDoing(kernel, bdf, verb === 'accept' ? null : {verb, step: 'unlocking'})
    throw told
  }
  if (!options.bind) {
    noteDoing(kernel, bdf, null)
    return accepted
  }
  const bound = await bindAgain(kernel, accepted.after, options)
  return {...accepted, after: bound.after, writes: [...accepted.writes, ...bound.writes]}
}

/**
 * Unlocks a device that may run after `error`, and lets go of one that was unlocked. False when that failed; what it was
 * left in is for others to say.
 */
async function withdraw(kernel: Kernel, before: Tdi, error: unknown): Promise<'unlocked' | 'untouched' | false> {
  const {bdf} = before
  try {
    // what cannot be read may be RUN; and a reading that denies it is believed only where nothing was written
    if (isGone(kernel, bdf)) return 'untouched'
    const found = await readTdiOrOrphan(kernel, bdf).catch(async (): Promise<Tdi> => {
      const driver = await observe(kernel, `${devicePath(bdf)}/driver`).catch(() => null)
      return {...before, state: 'RUN', driver}
    })
    const interrupted = error instanceof TsmctlError && error.kind === 'interrupted'
    if (found.state === 'CONFIG_LOCKED' && interrupted) return 'untouched'
    if (found.state === 'CONFIG_UNLOCKED' && found.driverOverride !== HOLD) return 'untouched'
    await runPlan(kernel, unlockPlan(found, heldOf(kernel, bdf)))
    return 'unlocked'
  } catch {
    return false
  }
}

/** `error`, once a device that runs without having been committed was unlocked and the failure recorded. */
async function afterWithdrawal(
  kernel: Kernel,
  before: Tdi,
  of: {readonly bdf: string; readonly bundle: Bundle; readonly appraisal: Appraisal},
  error: unknown,
): Promise<unknown> {
  // twice: a driver that somebody bound in between is unbound the second time
  const withdrawn = (await withdraw(kernel, before, error)) || (await withdraw(kernel, before, error))
  const told = withdrawn === 'untouched' ? error : await leftIn(kernel, of.bdf, error)
  recordFailure(kernel, {...of, result: {reason: error instanceof TsmctlError ? error.kind : 'bug'}})
  return told
}

/** Releases the hold, and binds the driver that was bound before the lock, if any was. */
export async function bindAgain(
  kernel: Kernel,
  tdi: Tdi,
  options: AcceptOptions,
): Promise<{readonly after: Tdi; readonly writes: readonly PlannedWrite[]}> {
  const {bdf} = tdi
  const {driver, driverOverride} = heldOf(kernel, bdf)
  noteDoing(kernel, bdf, {verb: options.verb ?? 'accept', step: 'binding'})
  const {after, writes} = await carryOut(kernel, tdi, bindPlan(tdi, driver, driverOverride), options)
  releaseDevice(kernel, bdf)
  return {after, writes}
}

/** Checks of the commit step that are not about the device. */
const NOT_THE_DEVICE = ['commit.human', 'commit.audit-durable', 'commit.mmio-validated']

/** `read`: a person approved it, and learns now that it was not what is there. */
export const changedMeanwhile = (bdf: string, check: CheckResult, read = false): TsmctlError =>
  new TsmctlError({
    kind: check.id === 'commit.human' ? 'review' : 'busy',
    attempted: `accept ${bdf}`,
    subject: bdf,
    got:
      read && !NOT_THE_DEVICE.includes(check.id)
        ? `the device changed while you were reading: ${check.text}`
        : check.text,
    hint: check.remedy ?? 'The device changed since it was reviewed: collect and verify again.',
    details: {check: check.id},
  })
