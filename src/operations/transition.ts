/** What lock, unlock, accept and bind have in common: exclusive use, before and after, and plans that may stay dry. */
import {printable, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {type Plan, planLines, readTdi, runPlan, type Step, type Tdi} from '../tsm/index.js'

export interface TransitionOptions {
  readonly dryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  /** Told of every write before it is made. */
  readonly onStep?: ((line: string) => void) | undefined
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
}

/** tsmctl's own lock on a device. */
function lockDevice(kernel: Kernel, bdf: string): () => void {
  try {
    return kernel.lock(`device-${bdf}`)
  } catch (error) {
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
  if (dryRun || plan.steps.length === 0) return {bdf, changed: false, dryRun, before, after: before, writes}
  const line = stepLine(plan)
  try {
    await runPlan(kernel, plan, {signal, onStep: (step, index) => onStep?.(line(step, index))})
  } catch (error) {
    throw await leftIn(kernel, bdf, error)
  }
  return {bdf, changed: true, dryRun, before, after: await readTdi(kernel, bdf), writes}
}

export const stateText = ({state, lockedBy, driver}: Tdi): string =>
  `${state}${lockedBy === null ? '' : ` by ${printable(lockedBy)}`}, ${driver === null ? 'no driver bound' : `driver ${printable(driver)} bound`}`

/** The same failure, with the state the device was found in afterwards. */
export async function leftIn(kernel: Kernel, bdf: string, error: unknown): Promise<unknown> {
  if (!(error instanceof TsmctlError)) return error
  let left: string
  let after: Tdi | null = null
  try {
    after = await readTdi(kernel, bdf)
    left = stateText(after)
  } catch (second) {
    left = `unknown (${second instanceof TsmctlError ? (second.got ?? second.message) : String(second)})`
  }
  return new TsmctlError({
    kind: error.kind,
    attempted: error.attempted,
    subject: bdf,
    path: error.path,
    got: `${error.got ?? error.message}. The device was left ${left}`,
    hint: error.hint,
    details: {...error.details, after},
    cause: error,
  })
}
