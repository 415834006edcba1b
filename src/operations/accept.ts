/**
 * `accept`: CONFIG_LOCKED to RUN, for evidence that was collected here and is appraised again now. Between the decision
 * and the write everything that was reviewed is read once more; whatever differs stops the transition.
 */
import {
  type Appraisal,
  type CheckResult,
  commitChecks,
  type CommitInput,
  type PlatformVerdict,
  type Policy,
  type SignedApproval,
} from '../appraisal/index.js'
import {toHex} from '../bits/index.js'
import {type Bundle, shortDigest} from '../evidence/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {chooseProvider, type EvidenceProvider, readTdi, type Tdi} from '../tsm/index.js'
import {approvalOf, type GivenApproval, needsApproval, rejectedByPerson, signedApprovals} from './approval.js'
import {committedEvidence, lockedSince, sinceDecision} from './audit.js'
import {keptBundle} from './collect.js'
import {acceptWrites, bindAgain, changedMeanwhile, checkRunning, commitNow} from './commit.js'
import {readPciFacts} from './device-facts.js'
import type {ExternalOptions} from './external-decision.js'
import {verdictDigest} from './export-verdict.js'
import {extendRegister} from './measurement-register.js'
import {isAuditDurable, recordAudit, recordFailure} from './record-audit.js'
import {appraiseLive} from './review.js'
import {exclusively, type PlannedWrite, type TransitionOptions} from './transition.js'

export interface AcceptOptions extends TransitionOptions, Pick<ExternalOptions, 'externalDecision'> {
  readonly policy: Policy
  readonly clockTrusted?: boolean | undefined
  /** What a relying party says about this machine. */
  readonly platform?: PlatformVerdict | undefined
  /** What a person typed, where the rule wants a person. */
  readonly approval?: GivenApproval | undefined
  /** What approvers signed elsewhere. */
  readonly approvals?: readonly SignedApproval[] | undefined
  /** Accept without pinning a device that is not pinned yet. */
  readonly once?: boolean | undefined
  /** Asks a person who can be reached now; asked only where the rule wants one. */
  readonly ask?: ((appraisal: Appraisal) => Promise<GivenApproval | 'rejected' | undefined>) | undefined
  /** Measurement register of this guest that is extended by the verdict before the device may run. */
  readonly measureInto?: number | undefined
  /** Bind the driver that lock had unbound, or let go of a device that had none. */
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
  readonly dryRun: boolean
  /** What was or would be written. */
  readonly writes: readonly PlannedWrite[]
  /** Why the device was not accepted; null when it was. */
  readonly failure: TsmctlError | null
}

export const accept = (kernel: Kernel, bdf: string, digest: string, options: AcceptOptions): Promise<AcceptResult> =>
  exclusively(
    kernel,
    bdf,
    async () => {
      const bundle = keptBundle(kernel, digest)
      if (bundle.manifest.device.bdf !== bdf)
        throw new TsmctlError({
          kind: 'usage',
          attempted: `accept ${bdf}`,
          subject: bdf,
          got: `evidence ${shortDigest(digest)} is of ${bundle.manifest.device.bdf ?? 'no device of this machine'}`,
          hint: 'Evidence of one device says nothing about another.',
        })
      const since = sinceDecision(kernel, digest, options.policy.digest ?? '')
      const appraisal = await appraiseLive(kernel, bundle, {...options, sinceDecision: since})
      return acceptHeld(kernel, bundle, appraisal, options, since)
    },
    options,
  )

/** Accepts on an appraisal just made, for a caller that has exclusive use of the device. */
export async function acceptHeld(
  kernel: Kernel,
  bundle: Bundle,
  appraisal: Appraisal,
  options: AcceptOptions,
  since = 0,
): Promise<AcceptResult> {
  const decided = kernel.monotonic()
  const bdf = bundle.manifest.device.bdf!
  const {dryRun = false} = options
  const before = await readTdi(kernel, bdf, options.signal)
  const result: AcceptResult = {
    bdf,
    changed: false,
    digest: bundle.digest,
    appraisal,
    commit: [],
    before,
    after: before,
    dryRun,
    writes: [],
    failure: null,
  }
  if (appraisal.decision === 'deny') return {...result, failure: denied(bdf, appraisal)}
  const provider = await chooseProvider(kernel, options.signal)
  if (dryRun) return rehearse(kernel, provider, result, bundle, options)
  if (before.state === 'RUN' && committedEvidence(kernel, bdf) === bundle.digest)
    return alreadyAccepted(kernel, provider, result, bundle, options)
  const {approvals: signed = []} = options
  const isAsked = signed.length === 0 && needsApproval(appraisal) && appraisal.human !== 'two-person'
  if (options.approval === undefined && isAsked && options.ask !== undefined)
    recordAudit(kernel, 'shown', {bdf, bundle, appraisal})
  const given = options.approval ?? (isAsked ? await options.ask?.(appraisal) : undefined)
  if (given === 'rejected') {
    recordAudit(kernel, 'rejected', {bdf, bundle, appraisal, result: {reason: 'wrong entries'}})
    return {...result, after: await stateNow(kernel, before), failure: rejectedByPerson(bdf)}
  }
  const approval = approvalOf(appraisal, bdf, given, kernel.now(), signed.length)
  if (approval instanceof TsmctlError) return {...result, after: await stateNow(kernel, before), failure: approval}
  if (approval !== null) recordAudit(kernel, 'approved', {bdf, bundle, appraisal, approval})
  const elapsed = since + Number(kernel.monotonic() - decided) / 1e9
  const commit = await readAndCheck(kernel, provider, {bundle, appraisal, approval, sinceDecision: elapsed}, options)
  const stopped = commit.find(({blocking}) => blocking)
  if (stopped !== undefined) {
    recordFailure(kernel, {bdf, bundle, appraisal, result: {check: stopped.id}})
    const failure = changedMeanwhile(bdf, stopped, approval !== null || signed.length > 0)
    return {...result, commit, after: await stateNow(kernel, before), failure}
  }
  // the commit step has found that all of them hold
  const approvals = [approval ?? [], signedApprovals(signed, options.policy, kernel.now())].flat()
  if (signed.length > 0) recordAudit(kernel, 'approved', {bdf, bundle, appraisal, approval: approvals})
  const measured = measurementOf(appraisal, options.measureInto)
  recordAudit(kernel, 'committing', {bdf, bundle, appraisal, approval: approvals, ...(measured && {result: measured})})
  try {
    if (options.measureInto !== undefined)
      await extendRegister(kernel, options.measureInto, verdictDigest(appraisal), options.signal)
  } catch (error) {
    recordFailure(kernel, {bdf, bundle, appraisal, result: {register: options.measureInto ?? null}})
    if (!(error instanceof TsmctlError) || error.kind === 'interrupted') throw error
    return {...result, commit, after: await stateNow(kernel, before), failure: error}
  }
  try {
    await validate(kernel, provider, bundle, options.signal)
  } catch (error) {
    recordFailure(kernel, {bdf, bundle, appraisal, result: {check: 'commit.generation'}})
    if (!(error instanceof TsmctlError) || error.kind === 'interrupted') throw error
    return {...result, commit, after: await stateNow(kernel, before), failure: error}
  }
  const by = approvals.length === 0 ? `rule ${appraisal.rule}` : approvals.map(item => item.by).join(', ')
  return commitNow(kernel, provider, bundle, {...result, commit}, {...options, by})
}

/** What is noted before a register is extended, so that its value can be explained. */
const measurementOf = (appraisal: Appraisal, register: number | undefined) =>
  register === undefined ? undefined : {register, ear: `sha384:${toHex(verdictDigest(appraisal))}`}

/** How a device is that was not accepted because somebody changed it. Nothing was written, so failing to look is no failure. */
const stateNow = (kernel: Kernel, before: Tdi): Promise<Tdi> => readTdi(kernel, before.bdf).catch(() => before)

/** What accepting would write, and what stands against it now; a person is asked only when it is meant. */
async function rehearse(
  kernel: Kernel,
  provider: EvidenceProvider,
  result: AcceptResult,
  bundle: Bundle,
  options: AcceptOptions,
): Promise<AcceptResult> {
  const {bdf, before, appraisal} = result
  const commit = await readAndCheck(kernel, provider, {bundle, appraisal, approval: null}, options)
  const stopped = commit.find(({id, blocking}) => blocking && id !== 'commit.human')
  return {
    ...result,
    commit,
    writes: stopped === undefined ? acceptWrites(kernel, before, options.bind) : [],
    failure: stopped === undefined ? null : changedMeanwhile(bdf, stopped),
  }
}

/** Never accepted twice; what an interrupted accept did not come to is done now, if the device is still the same. */
async function alreadyAccepted(
  kernel: Kernel,
  provider: EvidenceProvider,
  result: AcceptResult,
  bundle: Bundle,
  options: AcceptOptions,
): Promise<AcceptResult> {
  const {bdf, before} = result
  const commit = await checkRunning(kernel, provider, bundle, result.appraisal, before.state, options.signal)
  const stopped = commit.find(({blocking}) => blocking)
  if (stopped !== undefined)
    return {...result, commit, after: await stateNow(kernel, before), failure: changedMeanwhile(bdf, stopped)}
  if (!options.bind || before.driver !== null) return {...result, commit}
  const bound = await bindAgain(kernel, before, options)
  return {...result, commit, changed: bound.writes.length > 0, ...bound}
}

const NO_EVIDENCE = {digests: new Map<string, Uint8Array>(), generation: null, count: null}

/** Everything that was reviewed, read once more and held against the frozen evidence. */
async function readAndCheck(
  kernel: Kernel,
  provider: EvidenceProvider,
  reviewed: Pick<CommitInput, 'bundle' | 'appraisal' | 'approval' | 'sinceDecision'>,
  {signal, approvals, policy}: AcceptOptions,
): Promise<readonly CheckResult[]> {
  const {bundle} = reviewed
  const bdf = bundle.manifest.device.bdf!
  const tdi = await readTdi(kernel, bdf, signal)
  // of a device that was unlocked meanwhile there is no evidence to ask for
  const evidence = tdi.state === 'CONFIG_LOCKED' ? await provider.readDigests(kernel, bdf, signal) : NO_EVIDENCE
  return commitChecks({
    ...reviewed,
    ...evidence,
    signed: approvals,
    approvers: policy.document.approvers,
    // asked only where nothing that every lock changes can be compared: the log may be long
    lockedSince: !evidence.digests.has('measurements') && lockedSince(kernel, bdf, bundle.digest),
    abi: provider.abi,
    now: kernel.now(),
    state: tdi.state,
    lockedBy: tdi.lockedBy,
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

/** What a program of the site has against it. */
const objectionText = ({external}: Appraisal): string | undefined =>
  external?.answer === 'deny' ? `external decision ${external.command}: ${external.reason}` : undefined

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
        ? (objectionText(appraisal) ?? `rule ${appraisal.rule ?? '(none)'} denies it`)
        : `${first.text}${more > 0 ? ` (and ${more} more finding${more > 1 ? 's' : ''})` : ''}`,
    hint: first?.remedy ?? 'tsmctl verify shows every check.',
    details: {digest: appraisal.D, rule: appraisal.rule, checks: against.map(({id}) => id)},
  })
}
