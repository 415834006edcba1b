/** `verify`, and the review step of `accept`, `admit` and the cockpit: frozen evidence in, appraisal out. */
import {type Appraisal, appraise, nonceHistory, type PlatformVerdict, type Policy} from '../appraisal/index.js'
import type {Bundle} from '../evidence/index.js'
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {readTdi} from '../tsm/index.js'
import {isPolicyOnRecord} from './audit.js'
import {BUILT} from './built.js'
import {collectHeld, type CollectOptions} from './collect.js'
import {consult, type ExternalOptions} from './external-decision.js'
import type {HeldVerb} from './held-devices.js'
import {lockHeld} from './lock.js'
import {pinReader} from './pin-store.js'
import {recordAudit} from './record-audit.js'
import {exclusively} from './transition.js'

export interface ReviewOptions extends CollectOptions, ExternalOptions {
  readonly policy: Policy
  /** Told of every step. */
  readonly onStep?: ((line: string) => void) | undefined
  /** Whose clock is believed; nobody vouches for it unless the caller does. */
  readonly clockTrusted?: boolean | undefined
  /** What a relying party says about this machine. */
  readonly platform?: PlatformVerdict | undefined
  /** Decide without recording it, because nothing follows from it. */
  readonly dryRun?: boolean | undefined
  readonly verb?: HeldVerb | undefined
  /** Seconds since this evidence was first decided about, where somebody has been reading since. */
  readonly sinceDecision?: number | undefined
  /** Sees the evidence before it is appraised; what it throws ends the review. */
  readonly beforeAppraisal?: ((bundle: Bundle) => void | Promise<void>) | undefined
}

export interface Review {
  readonly bundle: Bundle
  readonly appraisal: Appraisal
}

/** Appraises a bundle somebody brought: it can prove much, but never lead to accept. */
export async function verifyBundle(
  kernel: Kernel | undefined,
  bundle: Bundle,
  policy: Policy,
  now: Date,
  options: ExternalOptions & Pick<ReviewOptions, 'platform'> = {},
): Promise<Appraisal> {
  const appraisal = await appraise({
    platform: options.platform,
    bundle,
    policy,
    now,
    clockTrusted: false,
    mode: 'offline',
    built: BUILT,
    ...(kernel !== undefined && {nonces: nonceHistory(kernel.state), pins: pinReader(kernel.state)}),
  })
  return kernel === undefined ? appraisal : consult(kernel, appraisal, bundle, options)
}

/** Appraises evidence that this machine collected of a device that is still locked. */
export async function appraiseLive(kernel: Kernel, bundle: Bundle, options: ReviewOptions): Promise<Appraisal> {
  const {nonce, bundleId} = bundle.manifest
  const nonces = nonceHistory(kernel.state)
  const decided = await appraise({
    bundle,
    policy: options.policy,
    now: kernel.now(),
    clockTrusted: options.clockTrusted ?? false,
    mode: 'live',
    sinceDecision: options.sinceDecision,
    platform: options.platform,
    // evidence without a nonce is denied for that; here it has no age
    ageSeconds: nonce === null ? Infinity : nonces.ageOf(nonce.value, bundleId, kernel.monotonic()),
    built: BUILT,
    nonces,
    pins: pinReader(kernel.state),
  })
  const appraisal = await consult(kernel, decided, bundle, options)
  if (!options.dryRun) recordDecision(kernel, bundle, appraisal, options.policy)
  return appraisal
}

/** By which policy, where that is another than before, what was decided, and each waiver without which it would have been denied. */
function recordDecision(kernel: Kernel, bundle: Bundle, appraisal: Appraisal, {name, digest: P}: Policy): void {
  if (P !== null && !isPolicyOnRecord(kernel, P))
    recordAudit(kernel, 'policy-loaded', {bdf: null, clock: bundle.manifest.clock, policy: {name, P}})
  const about = {bdf: bundle.manifest.device.bdf, bundle, appraisal}
  recordAudit(kernel, 'decided', about)
  if (appraisal.decision === 'deny') return
  for (const {id, check} of appraisal.waivers ?? [])
    recordAudit(kernel, 'waiver-used', {...about, result: {waiver: id, check}})
}

/** Locks `bdf` if needed, collects its evidence and appraises it. The device stays locked whatever comes out. */
export const reviewDevice = (kernel: Kernel, bdf: string, options: ReviewOptions): Promise<Review> =>
  exclusively(kernel, bdf, () => reviewHeld(kernel, bdf, options))

/** `reviewDevice` for a caller that already has exclusive use of the device. */
export async function reviewHeld(kernel: Kernel, bdf: string, options: ReviewOptions): Promise<Review> {
  const {onStep} = options
  const tdi = await readTdi(kernel, bdf, options.signal)
  if (tdi.state === 'RUN') throw alreadyRunning(bdf)
  if (tdi.state === 'CONFIG_UNLOCKED') await lockHeld(kernel, bdf, {...options, dryRun: false})
  onStep?.(`${bdf}: collecting evidence`)
  const bundle = await collectHeld(kernel, bdf, options)
  await options.beforeAppraisal?.(bundle)
  onStep?.(`${bdf}: appraising evidence ${bundle.digest.slice(0, 'sha384:'.length + 12)}`)
  return {bundle, appraisal: await appraiseLive(kernel, bundle, options)}
}

export const alreadyRunning = (bdf: string): TsmctlError =>
  new TsmctlError({
    kind: 'busy',
    attempted: `review ${bdf}`,
    subject: bdf,
    got: 'it is already in RUN: what is locked in use can no longer be refused, only unlocked',
    hint: `tsmctl unlock ${bdf} gives it up; then lock and review it again.`,
  })
