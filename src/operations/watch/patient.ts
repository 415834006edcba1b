/**
 * Reading what may not answer for a long time: while somebody connects, a lock of the kernel keeps every reader of
 * `tsm/*` waiting. Attributes are asked one after the other, because that is fastest while all is well; one that does not
 * answer is left to answer later, and the next is asked.
 */
import {TsmctlError} from '../../errors.js'
import {attributeText, type Kernel} from '../../kernel/index.js'
import {isGone, known, type Known, refusal, unknown} from '../../known.js'

/** Milliseconds that one look waits for an answer at a time. */
const PATIENCE = 250
/** Questions left to answer later; a look asks nothing more when there are as many. */
const MOST_WAITING = 8
/** Nanoseconds after which a question is given up and its answer is unknown. */
const GIVE_UP = 60_000_000_000n

/** What asking gave: a fact, nothing there, or nothing yet. */
export type Reply = Known<string> | 'absent' | 'later'

interface Question {
  readonly since: bigint
  readonly controller: AbortController
  reply: Reply
}

export interface Patient {
  ask(path: string): Promise<Reply>
  /** Paths that have not answered yet, with the time since they were asked in nanoseconds. */
  waiting(): readonly {readonly path: string; readonly nanoseconds: bigint}[]
  /** Ends the clock of the look under way. */
  rest(): void
}

function failed(error: unknown, path: string): Reply {
  if (isGone(error)) return 'absent'
  if (error instanceof TsmctlError && !('errno' in error)) return unknown(error.got ?? error.message)
  return refusal(error, path)
}

/** Asks `kernel` until `signal` is aborted, which gives up all questions. */
export function patient(kernel: Kernel, signal: AbortSignal): Patient {
  const questions = new Map<string, Question>()
  let clock: {readonly rings: Promise<void>; readonly stop: AbortController} | undefined

  function patience(): Promise<void> {
    if (clock !== undefined) return clock.rings
    const stop = new AbortController()
    const over = (): void => {
      if (clock?.stop === stop) clock = undefined
    }
    clock = {stop, rings: kernel.sleep(PATIENCE, stop.signal).then(over, over)}
    return clock.rings
  }

  signal.addEventListener('abort', () => questions.forEach(({controller}) => controller.abort()), {once: true})

  function begin(path: string): {question: Question; settled: Promise<void>} {
    const question: Question = {since: kernel.monotonic(), controller: new AbortController(), reply: 'later'}
    questions.set(path, question)
    const settled = kernel.query(path, question.controller.signal).then(
      bytes => void (question.reply = known(attributeText(bytes))),
      (error: unknown) => {
        question.reply = question.controller.signal.aborted
          ? unknown(`${path} did not answer for a minute`)
          : failed(error, path)
      },
    )
    return {question, settled}
  }

  function collect(path: string, question: Question): Reply {
    if (question.reply !== 'later') questions.delete(path)
    else if (kernel.monotonic() - question.since > GIVE_UP) question.controller.abort()
    return question.reply
  }

  return {
    async ask(path) {
      signal.throwIfAborted()
      const before = questions.get(path)
      if (before !== undefined) return collect(path, before)
      if (questions.size >= MOST_WAITING) return 'later'
      const {question, settled} = begin(path)
      await Promise.race([settled, patience()])
      return collect(path, question)
    },
    waiting() {
      const now = kernel.monotonic()
      return [...questions].map(([path, {since}]) => ({path, nanoseconds: now - since}))
    },
    rest() {
      clock?.stop.abort()
      clock = undefined
    },
  }
}
