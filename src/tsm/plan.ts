/**
 * Plans: what a verb is going to write, as data, before anything is written. Running one reads every write back and, on
 * failure or interruption, undoes the completed steps in reverse, so that a device is never left between two states
 * without anybody saying so.
 */
import {dirname} from 'node:path/posix'
import {describeErrno, ErrnoError, printable, quoted, TsmctlError} from '../errors.js'
import {attributeBytes, type Kernel} from '../kernel/index.js'
import {observe} from './tdi.js'

export interface Write {
  readonly path: string
  readonly value: string
  /** What this write is for, in words: completes "to …". */
  readonly why: string
}

/** What must be readable: the text of an attribute, a link's last component, null for "nothing there". */
export interface Expectation {
  readonly path: string
  readonly reads: string | null
  /** Nothing there is as good. */
  readonly orGone?: true
}

/** A write that takes a step back. Its `why` says in the past tense what is then so. */
export interface Undo extends Write {
  /** Where this already holds there is nothing to take back; where it does not hold afterwards, nothing was. */
  readonly unless?: Expectation
  /** Milliseconds that `unless` may take to come true. */
  readonly within?: number
  /** Only while this holds may the step be taken back. Should it no longer hold afterwards, `retract` is written. */
  readonly onlyIf?: Expectation
  readonly retract?: Write
  /** Where this cannot be taken back, nothing before it is. */
  readonly first?: true
}

export interface Step {
  readonly write: Write
  /** What must hold directly before the write, or it is not made. */
  readonly before?: readonly Expectation[]
  readonly expect: readonly Expectation[]
  /** What may take some milliseconds to come true, while `expect` holds all the time. */
  readonly eventually?: Expectation & {readonly within: number}
  readonly undo?: Undo
  /** Undo this step even if the kernel refused its write, unless by one of these errnos, which mean it did nothing. */
  readonly undoIfRefused?: true | {readonly unless: readonly string[]}
  /** Refusals after which the step's aim may be met all the same; the expectations decide. */
  readonly tolerate?: readonly string[]
}

export interface Plan {
  readonly verb: string
  readonly subject: string
  readonly steps: readonly Step[]
}

/** Where a plan stopped. `undone` and `notUndone` list the completed steps' aims. */
export interface PlanFailure {
  readonly step: number
  /** Where that step writes. */
  readonly path: string
  readonly reason: string
  readonly errno: string | null
  /** The kernel refused the step's write; false when what failed is the reading back. */
  readonly refused: boolean
  readonly undone: readonly string[]
  readonly notUndone: readonly string[]
}

export class PlanError extends TsmctlError {
  readonly failure: PlanFailure

  constructor(plan: Plan, failure: PlanFailure, cause: unknown) {
    const clean = failure.notUndone.length === 0
    const kind = cause instanceof TsmctlError ? cause.kind : 'transition'
    const unmade = failure.undone.length === 0 ? '' : `; undone: ${failure.undone.join(', ')}`
    const left = clean ? '' : `; NOT undone: ${failure.notUndone.join(', ')}`
    super({
      kind: clean && kind !== 'not-found' && kind !== 'unsupported' ? kind : 'transition',
      attempted: `${plan.verb} ${plan.subject}`,
      subject: plan.subject,
      got: `${failure.reason} (step ${failure.step + 1} of ${plan.steps.length})${unmade}${left}`,
      cause,
      details: {...failure},
    })
    this.name = 'PlanError'
    this.failure = failure
  }
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined
  /** Gives up waiting for a write or reading that was begun; the kernel may still complete it. */
  readonly abandon?: AbortSignal | undefined
  readonly onStep?: ((step: Step, index: number) => void) | undefined
  /** Told of a failed step before anything is undone: the moment to look why. Must not throw. */
  readonly onFailure?: ((step: Step) => Promise<void>) | undefined
  /** Looks at the whole once more; what it throws fails the last step. */
  readonly conclude?: (() => Promise<void>) | undefined
}

const said = (text: string | null): string => (text === null ? 'nothing' : quoted(text))

async function unmet(
  kernel: Kernel,
  expectations: readonly Expectation[],
  abandon?: AbortSignal,
): Promise<string | undefined> {
  for (const {path, reads, orGone} of expectations) {
    const found = await observe(kernel, path, abandon)
    if (found !== reads && !(orGone && found === null))
      return `${printable(path, 300)} reads ${said(found)} instead of ${said(reads)}`
  }
  return undefined
}

const POLL_MS = 100

/** The same, where `eventually` may take up to `within` milliseconds as long as the others hold. */
async function unmetAfter(
  kernel: Kernel,
  expectations: readonly Expectation[],
  eventually: Expectation | undefined,
  within: number,
  abandon?: AbortSignal,
): Promise<string | undefined> {
  for (let waited = 0; ; waited += POLL_MS) {
    const problem = await unmet(kernel, expectations, abandon)
    if (problem !== undefined || eventually === undefined) return problem
    const pending = await unmet(kernel, [eventually], abandon)
    if (pending === undefined || waited >= within) return pending
    await kernel.sleep(POLL_MS, abandon)
  }
}

/**
 * Ctrl-C is not passed on: a write that was begun is let finish, because killing it tells us nothing. Returns the
 * refusal that was tolerated, if any.
 */
async function writeStep(
  kernel: Kernel,
  {write: {path, value}, tolerate}: Step,
  abandon?: AbortSignal,
): Promise<ErrnoError | undefined> {
  try {
    await kernel.write(path, attributeBytes(value), abandon)
    return undefined
  } catch (error) {
    if (error instanceof ErrnoError && tolerate?.includes(error.errno)) return error
    throw error
  }
}

async function checkStep(
  kernel: Kernel,
  {write: {path}, expect, eventually}: Step,
  tolerated: ErrnoError | undefined,
  abandon?: AbortSignal,
): Promise<void> {
  const problem = await unmetAfter(kernel, expect, eventually, eventually?.within ?? 0, abandon)
  if (problem === undefined) return
  throw (
    tolerated ??
    new TsmctlError({kind: 'transition', attempted: `write ${path}`, got: `the write had no effect: ${problem}`})
  )
}

async function checkBefore(kernel: Kernel, {write: {path}, before = []}: Step, abandon?: AbortSignal): Promise<void> {
  const problem = await unmet(kernel, before, abandon)
  if (problem !== undefined)
    throw new TsmctlError({
      kind: 'busy',
      attempted: `write ${path}`,
      got: `somebody else changed the device, so nothing was written to ${printable(path, 300)}: ${problem}`,
    })
}

/** Is there nothing to take back, or nothing left to take it back from? Where that cannot be read, it is tried. */
async function isMoot(kernel: Kernel, {path, unless}: Undo, abandon?: AbortSignal): Promise<boolean> {
  if (unless === undefined) return false
  if (kernel.stat(path) === undefined || kernel.stat(dirname(unless.path)) === undefined) return true
  try {
    return (await unmet(kernel, [unless], abandon)) === undefined
  } catch {
    return false
  }
}

const wordsOf = (error: unknown): string =>
  error instanceof ErrnoError ? describeErrno(error.errno) : error instanceof Error ? error.message : String(error)

/** Takes one step back; returns why not, or nothing. */
async function takeBack(kernel: Kernel, undo: Undo, abandon?: AbortSignal): Promise<string | undefined> {
  const {path, value, unless, within = 0, onlyIf, retract} = undo
  const always = onlyIf === undefined ? [] : [onlyIf]
  const forbidden = await unmet(kernel, always, abandon)
  if (forbidden !== undefined) return forbidden
  let refusal: unknown
  try {
    await kernel.write(path, attributeBytes(value), abandon)
  } catch (error) {
    refusal = error
  }
  // what was refused is not waited for
  const problem = await unmetAfter(kernel, always, unless, refusal === undefined ? within : 0, abandon)
  if (retract !== undefined && (await unmet(kernel, always, abandon)) !== undefined)
    await kernel.write(retract.path, attributeBytes(retract.value), abandon)
  return refusal !== undefined && (problem !== undefined || unless === undefined) ? wordsOf(refusal) : problem
}

/** Undoes steps in reverse order; tells which aims were undone and which were not. */
async function rollBack(
  kernel: Kernel,
  done: readonly Step[],
  abandon?: AbortSignal,
): Promise<Pick<PlanFailure, 'undone' | 'notUndone'>> {
  const undone: string[] = []
  const notUndone: string[] = []
  let stopped = false
  for (const {undo} of done.toReversed()) {
    if (undo === undefined) continue
    if (stopped) {
      notUndone.push(undo.why)
      continue
    }
    try {
      if (await isMoot(kernel, undo, abandon)) continue
      const problem = await takeBack(kernel, undo, abandon)
      if (problem === undefined) undone.push(undo.why)
      else notUndone.push(`${undo.why} (${problem})`)
      stopped = problem !== undefined && undo.first === true
    } catch (error) {
      notUndone.push(`${undo.why} (${wordsOf(error)})`)
      stopped = undo.first === true
    }
  }
  return {undone, notUndone}
}

const mayHaveActed = ({undoIfRefused}: Step, errno: string): boolean =>
  undoIfRefused === true || (undoIfRefused !== undefined && !undoIfRefused.unless.includes(errno))

const reasonOf = ({write: {path, value}}: Step, error: unknown, refused: boolean): string => {
  if (error instanceof ErrnoError)
    return refused
      ? `writing ${quoted(value.trimEnd())} to ${printable(path, 300)} failed with ${describeErrno(error.errno)}`
      : `cannot ${error.attempted}: ${describeErrno(error.errno)}`
  return error instanceof TsmctlError ? (error.got ?? error.message) : String(error)
}

/**
 * Runs the steps in order. Ctrl-C stops after the current step and rolls back. Throws PlanError; its kind is that of the
 * refusal when everything could be undone, `transition` otherwise.
 */
export async function runPlan(
  kernel: Kernel,
  plan: Plan,
  {signal, abandon, onStep, onFailure, conclude}: RunOptions = {},
): Promise<void> {
  const done: Step[] = []
  for (const [index, step] of plan.steps.entries()) {
    onStep?.(step, index)
    let reached: 'nothing' | 'begun' | 'written' = 'nothing'
    let tolerated: ErrnoError | undefined
    try {
      if (signal?.aborted)
        throw new TsmctlError({kind: 'interrupted', attempted: `${plan.verb} ${plan.subject}`, got: 'interrupted'})
      await checkBefore(kernel, step, abandon)
      reached = 'begun'
      tolerated = await writeStep(kernel, step, abandon)
      reached = 'written'
      await checkStep(kernel, step, tolerated, abandon)
      if (index === plan.steps.length - 1) await conclude?.()
      done.push(step)
    } catch (error) {
      await onFailure?.(step)
      // a write that took effect only in part, or whose effect could not be read back, is undone like a completed one
      const refused = error instanceof ErrnoError && (reached === 'begun' || error === tolerated)
      const mayHaveTakenEffect = reached !== 'nothing' && !(refused && !mayHaveActed(step, error.errno))
      const tookEffect = mayHaveTakenEffect ? [...done, step] : done
      const {undone, notUndone} = await rollBack(kernel, tookEffect, abandon)
      throw new PlanError(
        plan,
        {
          step: index,
          path: step.write.path,
          reason: reasonOf(step, error, refused),
          errno: error instanceof ErrnoError ? error.errno : null,
          refused,
          undone,
          notUndone,
        },
        error,
      )
    }
  }
}

/** The plan as `--dry-run` prints it: one `echo value > path  # why` line per write. */
export const planLines = (plan: Plan): string[] =>
  plan.steps.map(
    ({write}) =>
      `echo ${printable(write.value.trimEnd()) || "''"} > ${printable(write.path, 300)}  # to ${printable(write.why, 200)}`,
  )
