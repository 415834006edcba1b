/**
 * `--external-decision`: a program of the site's own is asked about every decision and may object to it. What is no
 * abstention objects: an answer of another form, none in time, too much, an exit code, a signal, a program that cannot
 * be started.
 */
import {
  type Appraisal,
  earOf,
  externalAnswer,
  externalQuestion,
  type ExternalDecision,
  objection,
  withExternal,
} from '../appraisal/index.js'
import {mask} from '../bits/index.js'
import {errnoOf, printablePath, TsmctlError} from '../errors.js'
import type {Bundle} from '../evidence/index.js'
import {type Kernel, type ProgramResult, statUserFile} from '../kernel/index.js'
import {VERIFIER} from './verifier.js'

/** How long the program may take, and how much it may say. */
const LIMITS = {timeoutMs: 10_000, mostBytes: 64 * 1024}

export interface ExternalOptions {
  /** Absolute path of the program; nobody is asked without. */
  readonly externalDecision?: string | undefined
  readonly signal?: AbortSignal | undefined
}

function answerOf(command: string, {ended, code, output}: ProgramResult): ExternalDecision {
  if (ended === 'timeout') return objection(command, `no answer in ${LIMITS.timeoutMs / 1000} seconds`)
  if (ended === 'too-much') return objection(command, `it said more than ${LIMITS.mostBytes} bytes`)
  if (ended === 'signal') return objection(command, 'it was ended by a signal')
  return code === 0 ? externalAnswer(command, output) : objection(command, `it ended with exit code ${code}`)
}

/** Write permission of group and others, POSIX `S_IWGRP | S_IWOTH`. */
const WRITABLE_BY_OTHERS = mask(4, 4) | mask(1, 1)

/** Programs are named in full: what a name means must not depend on where tsmctl was started. */
export function checkExternal(command: string | undefined): void {
  if (command === undefined) return
  if (command.startsWith('/')) {
    const {type, mode = 0} = statUserFile(command) ?? {}
    if (type !== 'file' || (mode & WRITABLE_BY_OTHERS) === 0) return
    throw new TsmctlError({
      kind: 'not-permitted',
      attempted: 'ask an external decision',
      path: command,
      got: 'others may write to its program',
      hint: `chmod go-w ${printablePath(command)}`,
    })
  }
  throw new TsmctlError({
    kind: 'usage',
    attempted: 'ask an external decision',
    got: 'its program is not named by an absolute path',
    hint: 'It is run without a shell and without arguments: name a script by its whole path.',
  })
}

/**
 * The appraisal with what the program said to it, or as it is where none is asked. Throws TsmctlError `interrupted` on
 * abort, and for nothing the program does.
 */
export async function consult(
  kernel: Kernel,
  appraisal: Appraisal,
  bundle: Bundle,
  {externalDecision: command, signal}: ExternalOptions,
): Promise<Appraisal> {
  checkExternal(command)
  // nothing can be added to a denial
  if (command === undefined || appraisal.decision === 'deny') return appraisal
  const question = externalQuestion(appraisal, bundle, earOf(appraisal, VERIFIER))
  try {
    return withExternal(appraisal, answerOf(command, await kernel.runProgram([command], question, LIMITS, signal)))
  } catch (error) {
    if (!(error instanceof TsmctlError) || (errnoOf(error) === 'EINTR' && signal?.aborted)) throw error
    return withExternal(appraisal, objection(command, `it could not be run: ${error.got ?? error.message}`))
  }
}
