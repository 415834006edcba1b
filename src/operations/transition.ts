/** What lock, unlock, accept and bind have in common: exclusive use, before and after, and plans that may stay dry. */
import {printable, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {
  devicePath,
  explainGuestRefusal,
  type GuestAftermath,
  guestVerbOf,
  HOLD,
  type KernelTdiState,
  isGone,
  lookAfterRefusal,
  type Plan,
  PlanError,
  planLines,
  readTdi,
  readTdiOrOrphan,
  runPlan,
  type Step,
  type Tdi,
} from '../tsm/index.js'
import {type HeldVerb, recordOf} from './held-devices.js'

export interface TransitionOptions {
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Told of every write before it is made. */
  readonly onStep?: ((line: string) => void) | undefined
  /** The command this is a part of, for the record of what is being done; each verb's own name unless given. */
  readonly verb?: HeldVerb | undefined
}

export interface PlannedWrite {
  readonly path: string
  readonly value: string
  readonly why: string
}

export interface TransitionResult {
  readonly bdf: string
  readonly changed: boolean
  readonly dryRun: boolean
  readonly before: Tdi
  readonly after: Tdi
  readonly writes: readonly PlannedWrite[]
  /** What is worth knowing although nothing failed. */
  readonly notes: readonly string[]
}

/** tsmctl's own lock on a device. */
function lockDevice(kernel: Kernel, bdf: string): () => void {
  try {
    return kernel.lock(`device-${bdf}`)
  } catch (error) {
    if (error instanceof TsmctlError && error.kind === 'busy') throw busyWith(kernel, bdf, error)
    if (!(error instanceof TsmctlError) || error.kind !== 'not-permitted') throw error
    throw new TsmctlError({
      kind: error.kind,
      attempted: `keep other tsmctl away from ${bdf}`,
      subject: bdf,
      path: error.path,
      got: error.got,
      hint: 'Changing devices needs root, and a state directory that can be written (TSMCTL_STATE_DIR).',
      cause: error,
    })
  }
}

/** Who has the device, and what they are doing with it, as far as they said. */
function busyWith(kernel: Kernel, bdf: string, error: TsmctlError): TsmctlError {
  const doing = recordOf(kernel, bdf)?.doing ?? null
  const what = doing === null ? 'another tsmctl' : `tsmctl ${doing.verb}, which is ${doing.step} it`
  return new TsmctlError({
    kind: 'busy',
    attempted: `keep other tsmctl away from ${bdf}`,
    subject: bdf,
    path: error.path,
    got: `${error.got ?? 'EBUSY'}: ${what}`,
    hint: 'Wait for it to finish, then look with tsmctl show and try again.',
    details: {...error.details, doing},
    cause: error,
  })
}

/**
 * Runs `action` while this process alone may change `bdf`; EBUSY when another tsmctl is at it. A dry run changes nothing
 * and keeps nobody away.
 */
export async function exclusively<T>(
  kernel: Kernel,
  bdf: string,
  action: () => Promise<T>,
  {dryRun = false}: {readonly dryRun?: boolean | undefined} = {},
): Promise<T> {
  if (dryRun) return action()
  const release = lockDevice(kernel, bdf)
  try {
    return await action()
  } finally {
    release()
  }
}

export const writesOf = (plan: Plan): PlannedWrite[] =>
  plan.steps.map(({write}) => ({path: write.path, value: write.value.trimEnd(), why: write.why}))

const stepLine = (plan: Plan) => (_step: Step, index: number) => planLines(plan)[index]!

/** Runs `plan` unless it is to stay dry or has nothing to do. A failure says in which state the device was left. */
export async function carryOut(
  kernel: Kernel,
  before: Tdi,
  plan: Plan,
  {dryRun = false, signal, onStep}: TransitionOptions,
): Promise<TransitionResult> {
  const {bdf} = before
  const writes = writesOf(plan)
  if (dryRun || plan.steps.length === 0) return {bdf, changed: false, dryRun, before, after: before, writes, notes: []}
  const line = stepLine(plan)
  // a TSM that goes meanwhile fails the plan; one that had gone before is nothing to wait for
  const read = kernel.stat(`${devicePath(bdf)}/tsm/lock`) === undefined ? readTdiOrOrphan : readTdi
  let failed: GuestAftermath | undefined
  let after = before
  try {
    await runPlan(kernel, plan, {
      signal,
      onStep: (step, index) => onStep?.(line(step, index)),
      onFailure: async () => void (failed = await lookAfterRefusal(kernel, bdf, tsmOf(before, plan))),
      conclude: async () => refuseOther(plan, before, (after = await read(kernel, bdf))),
    })
  } catch (error) {
    throw await leftIn(kernel, bdf, explained(error, failed))
  }
  return {bdf, changed: true, dryRun, before, after, writes, notes: []}
}

/** What a device must be found in when a plan is done; in the state of before where the verb is not about states. */
const ENDS_IN: Readonly<Record<string, KernelTdiState>> = {
  lock: 'CONFIG_LOCKED',
  unlock: 'CONFIG_UNLOCKED',
  accept: 'RUN',
}

/** A success that the last look contradicts is none. */
function refuseOther({verb, subject}: Plan, before: Tdi, after: Tdi): void {
  const isExposed = after.state === 'CONFIG_LOCKED' && after.driver !== null
  if (after.state === (ENDS_IN[verb] ?? before.state) && !isExposed) return
  throw new TsmctlError({
    kind: 'busy',
    attempted: `${verb} ${subject}`,
    subject,
    got: `somebody else changed the device meanwhile: it is ${stateText(after)}`,
  })
}

/** The TSM that a plan is about: the one it locks with, or the one that has the device. */
const tsmOf = ({lockedBy}: Tdi, {steps}: Plan): string =>
  steps.find(({write}) => write.path.endsWith('/tsm/lock'))?.write.value ?? lockedBy ?? ''

/** A failed plan with what its last refusal meant, told from how the device was directly after it. */
function explained(error: unknown, after: GuestAftermath | undefined): unknown {
  if (!(error instanceof PlanError) || after === undefined) return error
  const {failure} = error
  const verb = guestVerbOf(failure.path)
  // Ctrl-C between two steps is no refusal, and neither is a reading that failed
  const said = failure.refused || failure.errno === null ? failure.errno : undefined
  if (verb === undefined || said === undefined || (error.kind === 'interrupted' && said === null)) return error
  const refusal = explainGuestRefusal(verb, said, after)
  if (refusal === undefined) return error
  const {key, kind, meaning, remedy} = refusal
  return new TsmctlError({
    kind: failure.notUndone.length === 0 ? (kind ?? error.kind) : 'transition',
    attempted: error.attempted,
    subject: error.subject,
    got: `${meaning}: ${error.got ?? ''}`,
    hint: remedy,
    details: {...error.details, key},
    cause: error,
  })
}

export const stateText = ({state, lockedBy, driver}: Tdi): string =>
  `${state}${lockedBy === null ? '' : ` by ${printable(lockedBy)}`}, ${driver === null ? 'no driver bound' : `driver ${printable(driver)} bound`}`

/** What a failure said before it was added how the device was left, which later looks correct. */
const saidBefore = new WeakMap<TsmctlError, string>()

/** What a failure says of itself, without how it left the device. */
export const saidBy = (error: unknown): string =>
  error instanceof TsmctlError ? (saidBefore.get(error) ?? error.got ?? error.message) : String(error)

/** The same failure, unless the device or its TSM went meanwhile, which explains whatever failed after that. */
export async function orGone(kernel: Kernel, bdf: string, tsm: string, error: TsmctlError): Promise<TsmctlError> {
  const refusal = explainGuestRefusal('bind', null, await lookAfterRefusal(kernel, bdf, tsm))
  const isGoneNow = refusal?.key === 'device-gone' || refusal?.key === 'tsm-gone'
  if (!isGoneNow || error.details?.['key'] === refusal.key) return error
  return new TsmctlError({
    kind: refusal.kind ?? error.kind,
    attempted: error.attempted,
    subject: bdf,
    got: `${refusal.meaning}: ${saidBy(error)}`,
    hint: refusal.remedy,
    details: {...error.details, key: refusal.key},
    cause: error,
  })
}

/** The same failure, with the state the device was found in afterwards. */
export async function leftIn(kernel: Kernel, bdf: string, error: unknown): Promise<unknown> {
  if (!(error instanceof TsmctlError)) return error
  let left: string
  let after: Tdi | null = null
  try {
    after = await readTdiOrOrphan(kernel, bdf)
    left = `was left ${stateText(after)}${after.driverOverride === HOLD ? `, driver_override still ${HOLD}` : ''}`
  } catch (second) {
    left = isGone(kernel, bdf) ? 'is gone' : `was left unknown (${saidBy(second)})`
  }
  const got = saidBy(error)
  const told = new TsmctlError({
    kind: error.kind,
    attempted: error.attempted,
    subject: bdf,
    path: error.path,
    got: `${got}. The device ${left}`,
    hint: error.hint,
    details: {...error.details, after},
    cause: error,
  })
  saidBefore.set(told, got)
  return told
}
