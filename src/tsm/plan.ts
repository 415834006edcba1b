/**
 * Plans: what a verb is going to write, as data, before anything is written. Running one reads every write back and, on
 * failure or interruption, undoes the completed steps in reverse, so that a device is never left between two states
 * without anybody saying so.
 */
import {describeErrno, ErrnoError, printable, quoted, TsmctlError} from '../errors.js'
import {attributeBytes, type Kernel} from '../kernel/index.js'
import {observe} from './tdi.js'

export interface Write {
  readonly path: string
  readonly value: string
  /** What this write is for, in words: completes "to …". */
  readonly why: string
}

/** What must be readable after a write: the text of an attribute, a link's last component, null for "nothing there". */
export interface Expectation {
  readonly path: string
  readonly reads: string | null
}

/** A write that takes a step back. Its `why` says in the past tense what is then so. */
export interface Undo extends Write {
  /** Where this already holds there is nothing to take back. */
  readonly unless?: Expectation
}

export interface Step {
  readonly write: Write
  readonly expect: readonly Expectation[]
  readonly undo?: Undo
  /** Undo this step even if the kernel refused its write. */
  readonly undoIfRefused?: true
  /** Refusals that mean the step's aim is already met; the expectations decide. */
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
}

const said = (text: string | null): string => (text === null ? 'nothing' : quoted(text))

async function unmet(
  kernel: Kernel,
  expectations: readonly Expectation[],
  abandon?: AbortSignal,
): Promise<string | undefined> {
  for (const {path, reads} of expectations) {
    const found = await observe(kernel, path, abandon)
    if (found !== reads) return `${printable(path, 300)} reads ${said(found)} instead of ${said(reads)}`
  }
  return undefined
}

/** Ctrl-C is not passed on: a write that was begun is let finish, because killing it tells us nothing. */
async function writeStep(kernel: Kernel, {write: {path, value}, tolerate}: Step, abandon?: AbortSignal): Promise<void> {
  try {
    await kernel.write(path, attributeBytes(value), abandon)
  } catch (error) {
    if (!(error instanceof ErrnoError) || !tolerate?.includes(error.errno)) throw error
  }
}

async function checkStep(kernel: Kernel, {write: {path}, expect}: Step, abandon?: AbortSignal): Promise<void> {
  const problem = await unmet(kernel, expect, abandon)
  if (problem !== undefined)
    throw new TsmctlError({kind: 'transition', attempted: `write ${path}`, got: `the write had no effect: ${problem}`})
}

/** Is there nothing to take back, or nothing left to take it back from? Where that cannot be read, it is tried. */
async function isMoot(kernel: Kernel, {path, unless}: Undo, abandon?: AbortSignal): Promise<boolean> {
  if (unless === undefined) return false
  if (kernel.stat(path) === undefined) return true
  try {
    return (await unmet(kernel, [unless], abandon)) === undefined
  } catch {
    return false
  }
}

/** Undoes steps in reverse order; tells which aims were undone and which were not. */
async function rollBack(
  kernel: Kernel,
  done: readonly Step[],
  abandon?: AbortSignal,
): Promise<Pick<PlanFailure, 'undone' | 'notUndone'>> {
  const undone: string[] = []
  const notUndone: string[] = []
  for (const {undo} of done.toReversed()) {
    if (undo === undefined) continue
    try {
      if (await isMoot(kernel, undo, abandon)) continue
      await kernel.write(undo.path, attributeBytes(undo.value), abandon)
      undone.push(undo.why)
    } catch (error) {
      notUndone.push(`${undo.why} (${error instanceof ErrnoError ? describeErrno(error.errno) : String(error)})`)
    }
  }
  return {undone, notUndone}
}

const reasonOf = (step: Step, error: unknown): string =>
  error instanceof ErrnoError
    ? `writing ${quoted(step.write.value.trimEnd())} to ${printable(step.write.path, 300)} failed with ${describeErrno(error.errno)}`
    : error instanceof TsmctlError
      ? (error.got ?? error.message)
      : String(error)

/**
 * Runs the steps in order. Ctrl-C stops after the current step and rolls back. Throws PlanError; its kind is that of the
 * refusal when everything could be undone, `transition` otherwise.
 */
export async function runPlan(kernel: Kernel, plan: Plan, {signal, abandon, onStep}: RunOptions = {}): Promise<void> {
  const done: Step[] = []
  for (const [index, step] of plan.steps.entries()) {
    onStep?.(step, index)
    let reached: 'nothing' | 'begun' | 'written' = 'nothing'
    try {
      if (signal?.aborted)
        throw new TsmctlError({kind: 'interrupted', attempted: `${plan.verb} ${plan.subject}`, got: 'interrupted'})
      reached = 'begun'
      await writeStep(kernel, step, abandon)
      reached = 'written'
      await checkStep(kernel, step, abandon)
      done.push(step)
    } catch (error) {
      // a write that took effect only in part, or whose effect could not be read back, is undone like a completed one
      const refused = reached === 'begun' && error instanceof ErrnoError
      const mayHaveTakenEffect = reached !== 'nothing' && !(refused && step.undoIfRefused !== true)
      const tookEffect = mayHaveTakenEffect ? [...done, step] : done
      const {undone, notUndone} = await rollBack(kernel, tookEffect, abandon)
      throw new PlanError(
        plan,
        {
          step: index,
          path: step.write.path,
          reason: reasonOf(step, error),
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
