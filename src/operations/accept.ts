/**
 * `accept`: CONFIG_LOCKED to RUN, for evidence that was collected here and is appraised again now. Between the decision
 * and the write everything that was reviewed is read once more; whatever differs stops the transition.
 */
import {
  type Appraisal,
  type Approval,
  type CheckResult,
  commitChecks,
  type Policy,
  postCommitChecks,
} from '../appraisal/index.js'
import {type Bundle, shortDigest} from '../evidence/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {
  acceptPlan,
  bindPlan,
  chooseProvider,
  devicePath,
  type EvidenceProvider,
  observe,
  readTdi,
  runPlan,
  type Tdi,
  unlockPlan,
} from '../tsm/index.js'
import {approvalOf, type GivenApproval, needsApproval} from './approval.js'
import {keptBundle} from './collect.js'
import {readPciFacts} from './device-facts.js'
import {heldOf, releaseDevice} from './held-devices.js'
import {isAuditDurable, recordAudit} from './record-audit.js'
import {appraiseLive} from './review.js'
import {carryOut, exclusively, leftIn, type TransitionOptions} from './transition.js'

export interface AcceptOptions extends TransitionOptions {
  readonly policy: Policy
  readonly clockTrusted?: boolean | undefined
  /** What a person typed, where the rule wants a person. */
  readonly approval?: GivenApproval | undefined
  /** Asks a person who can be reached now; asked only where the rule wants one. */
  readonly ask?: ((appraisal: Appraisal) => Promise<GivenApproval | undefined>) | undefined
  /** Bind the driver that lock had unbound. */
  readonly bind?: boolean | undefined
}

export interface AcceptResult {
  readonly bdf: string
  readonly changed: boolean
  readonly digest: string
  readonly appraisal: Appraisal
  /** The checks of the commit step. */
  readonly commit: readonly CheckResult[]
  readonly before: Tdi
  readonly after: Tdi
  /** Why the device was not accepted; null when it was. */
  readonly failure: TsmctlError | null
}

export const accept = (kernel: Kernel, bdf: string, digest: string, options: AcceptOptions): Promise<AcceptResult> =>
  exclusively(kernel, bdf, async () => {
    const bundle = keptBundle(kernel, digest)
    if (bundle.manifest.device.bdf !== bdf)
      throw new TsmctlError({
        kind: 'usage',
        attempted: `accept ${bdf}`,
        subject: bdf,
        got: `evidence ${shortDigest(digest)} is of ${bundle.manifest.device.bdf ?? 'no device of this machine'}`,
        hint: 'Evidence of one device says nothing about another.',
      })
    return acceptHeld(kernel, bundle, await appraiseLive(kernel, bundle, options), options)
  })

/** Accepts on an appraisal just made, for a caller that has exclusive use of the device. */
export async function acceptHeld(
  kernel: Kernel,
  bundle: Bundle,
  appraisal: Appraisal,
  options: AcceptOptions,
): Promise<AcceptResult> {
  const bdf = bundle.manifest.device.bdf!
  const before = await readTdi(kernel, bdf, options.signal)
  const result = {
    bdf,
    changed: false,
    digest: bundle.digest,
    appraisal,
    commit: [],
    before,
    after: before,
    failure: null,
  }
  if (appraisal.decision === 'deny') return {...result, failure: denied(bdf, appraisal)}
  const given = options.approval ?? (needsApproval(appraisal) ? await options.ask?.(appraisal) : undefined)
  const approval = approvalOf(appraisal, bdf, given, kernel.now())
  if (approval instanceof TsmctlError) return {...result, failure: approval}
  if (approval !== null) recordAudit(kernel, 'approved', {bdf, bundle, appraisal, approval})
  const provider = await chooseProvider(kernel, options.signal)
  const commit = await readAndCheck(kernel, provider, {bundle, appraisal, approval}, options)
  const stopped = commit.find(({blocking}) => blocking)
  if (stopped !== undefined) {
    recordAudit(kernel, 'commit-failed', {bdf, bundle, appraisal, result: {check: stopped.id}})
    return {...result, commit, failure: changedMeanwhile(bdf, stopped)}
  }
  recordAudit(kernel, 'committing', {bdf, bundle, appraisal, approval})
  try {
    await validate(kernel, provider, bundle, options.signal)
  } catch (error) {
    recordAudit(kernel, 'commit-failed', {bdf, bundle, appraisal, result: {check: 'commit.generation'}})
    if (!(error instanceof TsmctlError) || error.kind === 'interrupted') throw error
    return {...result, commit, failure: error}
  }
  return commitNow(kernel, provider, bundle, appraisal, {...result, commit}, options)
}

/** Everything that was reviewed, read once more and held against the frozen evidence. */
async function readAndCheck(
  kernel: Kernel,
  provider: EvidenceProvider,
  reviewed: {readonly bundle: Bundle; readonly appraisal: Appraisal; readonly approval: Approval | null},
  {signal}: AcceptOptions,
): Promise<readonly CheckResult[]> {
  const {bundle} = reviewed
  const bdf = bundle.manifest.device.bdf!
  const tdi = await readTdi(kernel, bdf, signal)
  return commitChecks({
    ...reviewed,
    ...(await provider.readDigests(kernel, bdf, signal)),
    abi: provider.abi,
    now: kernel.now(),
    state: tdi.state,
    driver: tdi.driver,
    pci: await readPciFacts(kernel, bdf, signal),
    auditDurable: isAuditDurable(kernel),
  })
}

/**
 * Tells the kernel which generation was verified, immediately before the write: from here on the kernel itself can see
 * that it is told to accept something else. Throws TsmctlError `busy` when it no longer has that generation.
 */
async function validate(
  kernel: Kernel,
  provider: EvidenceProvider,
  {manifest}: Bundle,
  signal: AbortSignal | undefined,
): Promise<void> {
  const {generation} = manifest.provider
  if (generation !== null) await provider.validate?.(kernel, manifest.device.bdf!, generation, signal)
}

/**
 * The write itself. From here on the device is either in RUN, recorded as such, or unlocked. Nothing keeps another root
 * process from locking anew between the last look and the write, so the evidence is looked at once more in RUN.
 */
async function commitNow(
  kernel: Kernel,
  provider: EvidenceProvider,
  bundle: Bundle,
  appraisal: Appraisal,
  result: AcceptResult,
  options: AcceptOptions,
): Promise<AcceptResult> {
  const {bdf, before} = result
  let accepted: AcceptResult
  try {
    // the plan reads back RUN, and unlocks where it does not find it
    const {after} = await carryOut(kernel, before, acceptPlan(before), {...options, dryRun: false})
    const now = await provider.readDigests(kernel, bdf, options.signal)
    const post = postCommitChecks({bundle, appraisal, ...now, abi: provider.abi, state: after.state})
    const stopped = post.find(({blocking}) => blocking)
    if (stopped !== undefined) throw changedMeanwhile(bdf, stopped)
    const validated = provider.validate !== null && bundle.manifest.provider.generation !== null
    recordAudit(kernel, 'committed', {bdf, bundle, appraisal, result: {validated}})
    const earlier = result.commit.filter(({id}) => post.every(later => later.id !== id))
    accepted = {...result, commit: [...earlier, ...post], changed: true, after}
  } catch (error) {
    throw await afterWithdrawal(kernel, before, {bdf, bundle, appraisal}, error)
  }
  return options.bind ? {...accepted, after: await bindAgain(kernel, accepted.after, options)} : accepted
}

/** Unlocks a device that may run after `error`. False when that failed; what it was left in is for others to say. */
async function withdraw(kernel: Kernel, before: Tdi, error: unknown): Promise<'unlocked' | 'untouched' | false> {
  const {bdf} = before
  try {
    // what cannot be read may be RUN; and a reading that denies it is believed only where nothing was written
    const found = await readTdi(kernel, bdf).catch(async (): Promise<Tdi> => {
      const driver = await observe(kernel, `${devicePath(bdf)}/driver`).catch(() => null)
      return {...before, state: 'RUN', driver}
    })
    const interrupted = error instanceof TsmctlError && error.kind === 'interrupted'
    if (found.state === 'CONFIG_UNLOCKED' || (found.state === 'CONFIG_LOCKED' && interrupted)) return 'untouched'
    // the hold stays: without driver_override in the facts the plan has nothing to release
    const tdi = {...found, driverOverride: null}
    await runPlan(kernel, unlockPlan(tdi, tdi))
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
  try {
    const reason = error instanceof TsmctlError ? error.kind : 'bug'
    recordAudit(kernel, 'commit-failed', {...of, result: {reason}})
  } catch {
    // a log that cannot be written is no reason to hide why
  }
  return told
}

/** Releases the hold, and binds the driver that was bound before the lock. A device without one stays free. */
async function bindAgain(kernel: Kernel, tdi: Tdi, options: AcceptOptions): Promise<Tdi> {
  const held = heldOf(kernel, tdi.bdf)
  if (held.driver === null) return tdi
  const {after} = await carryOut(kernel, tdi, bindPlan(tdi, held.driver, held.driverOverride), {
    ...options,
    dryRun: false,
  })
  releaseDevice(kernel, tdi.bdf)
  return after
}

/** The first findings that stand against the device, in the order a reviewer sees them. */
export function denied(bdf: string, appraisal: Appraisal): TsmctlError {
  const against = appraisal.results.filter(({blocking}) => blocking)
  const [first] = against.filter(({result}) => result === 'fail').concat(against)
  const more = against.length - 1
  return new TsmctlError({
    kind: 'denied',
    attempted: `accept ${bdf}`,
    subject: bdf,
    got:
      first === undefined
        ? `rule ${appraisal.rule ?? '(none)'} denies it`
        : `${first.text}${more > 0 ? ` (and ${more} more finding${more > 1 ? 's' : ''})` : ''}`,
    hint: first?.remedy ?? 'tsmctl verify shows every check.',
    details: {digest: appraisal.D, rule: appraisal.rule, checks: against.map(({id}) => id)},
  })
}

const changedMeanwhile = (bdf: string, check: CheckResult): TsmctlError =>
  new TsmctlError({
    kind: check.id === 'commit.human' ? 'review' : 'busy',
    attempted: `accept ${bdf}`,
    subject: bdf,
    got: check.text,
    hint: check.remedy ?? 'The device changed since it was reviewed: collect and verify again.',
    details: {check: check.id},
  })
