/**
 * Helper processes that can be killed: what blocks in the kernel blocks there, while the caller's own thread and Node's
 * four pool threads stay free, and Ctrl-C works. A killed helper says nothing about what the kernel did: the command may
 * still complete, so read back. One idle helper is kept, because starting one costs far more than a call; it keeps
 * nobody alive and ends with its parent, whose end closes its standard input.
 */
import type {ChildProcess} from 'node:child_process'
import type {Socket} from 'node:net'
import type {Readable, Writable} from 'node:stream'
import {describeErrno, ErrnoError, printablePath, TsmctlError} from '../errors.js'
import {errnoError} from './errno.js'

/** Serves one line after the other: a request as JSON on standard input, its answer as JSON on standard output. */
const LOOP = `
const fs = require('node:fs')
const piece = Buffer.alloc(65536)
for (let lines = []; ; ) {
  const got = fs.readSync(0, piece, 0, piece.length, null)
  if (got === 0) break
  lines.push(Buffer.from(piece.subarray(0, got)))
  if (piece[got - 1] !== 10) continue
  const answer = Buffer.from(JSON.stringify(serve(JSON.parse(Buffer.concat(lines).toString()))) + '\\n')
  for (let at = 0; at < answer.length; ) at += fs.writeSync(1, answer, at)
  lines = []
}
`
const NEWLINE = 0x0a

/** Completes "cannot …" when a call is interrupted. */
export interface About {
  readonly verb: string
  readonly subject: string
}

/** One request to a helper, and its answer. */
export type Ask = <Answer>(request: unknown) => Promise<Answer>

export interface Helper extends ChildProcess {
  readonly stdin: Writable
  readonly stdout: Readable
}

/** Whether the event loop waits for this helper. */
function hold(helper: Helper, isHeld: boolean): void {
  const change = isHeld ? 'ref' : 'unref'
  helper[change]()
  for (const pipe of [helper.stdin, helper.stdout]) (pipe as unknown as Socket)[change]()
}

/**
 * Starts a helper for what `about` says. `script` is JavaScript that defines `serve`, from a request to its answer;
 * `inherited` are file descriptors it finds as 3 and following. Throws ErrnoError when no process can be had.
 */
export async function startHelper(
  {verb, subject}: About,
  script: string,
  inherited: readonly number[] = [],
): Promise<Helper> {
  const {spawn} = await import('node:child_process')
  try {
    const helper = spawn(process.execPath, ['--input-type=commonjs', '-e', `${script}\n${LOOP}`], {
      stdio: ['pipe', 'pipe', 'ignore', ...inherited],
      // Ctrl-C in a terminal goes to the whole process group: a write that was begun must outlive it to be answered
      detached: true,
      env: {...process.env, NODE_OPTIONS: ''},
    })
    // without open files to spare there are no pipes either, and the reason comes later
    if (helper.pid === undefined) throw await new Promise(resolve => helper.once('error', resolve))
    return settled(helper as unknown as Helper)
  } catch (error) {
    throw errnoError(error, `start a helper process to ${verb}`, subject)
  }
}

/** What happens to a helper while nobody asks concerns nobody; whoever asks hears of its end by 'close'. */
function settled(helper: Helper): Helper {
  helper.on('error', () => undefined)
  helper.stdin.on('error', () => undefined)
  hold(helper, false)
  return helper
}

const isAlive = ({exitCode, signalCode, pid, killed}: Helper): boolean =>
  pid !== undefined && exitCode === null && signalCode === null && !killed

/** The answer in a line. Throws TsmctlError for what no helper of ours writes. */
function answerIn<Answer>(line: string, {verb, subject}: About): Answer {
  try {
    return JSON.parse(line) as Answer
  } catch (cause) {
    const got = 'its helper process answered nonsense'
    throw new TsmctlError({kind: 'malformed', attempted: `${verb} ${printablePath(subject)}`, got, cause})
  }
}

/**
 * One request and its answer. Rejects with EINTR when aborted, or when the helper is ended from outside, before or while
 * it is asked. A helper that was aborted, or that answered nonsense, is ended and must not be asked again.
 */
export function exchange<Answer>(helper: Helper, about: About, request: unknown, signal?: AbortSignal) {
  const {verb, subject} = about
  return new Promise<Answer>((resolve, reject) => {
    const answer: Buffer[] = []
    const settle = (outcome: () => void): void => {
      signal?.removeEventListener('abort', onAbort)
      helper.off('close', onClose)
      helper.stdout.off('data', onData)
      hold(helper, false)
      outcome()
    }
    const onAbort = (): void => {
      // a process stuck in the kernel may outlive its killing; nobody waits for it
      helper.kill('SIGKILL')
      settle(() => reject(new ErrnoError('EINTR', verb, subject)))
    }
    const onClose = (): void => settle(() => reject(new ErrnoError('EINTR', verb, subject, {got: endOf(helper)})))
    const onData = (chunk: Buffer): void => {
      answer.push(chunk)
      if (chunk.at(-1) !== NEWLINE) return
      settle(() => {
        try {
          resolve(answerIn<Answer>(Buffer.concat(answer).toString('latin1'), about))
        } catch (error) {
          helper.kill('SIGKILL')
          reject(error)
        }
      })
    }
    hold(helper, true)
    helper.on('close', onClose)
    helper.stdout.on('data', onData)
    signal?.addEventListener('abort', onAbort, {once: true})
    if (signal?.aborted) onAbort()
    else if (isAlive(helper)) helper.stdin.write(`${JSON.stringify(request)}\n`)
    else onClose()
  })
}

/** How a helper ended that was to answer. */
function endOf({exitCode, signalCode}: Helper): string {
  const how = signalCode ?? (exitCode === null ? undefined : `exit code ${exitCode}`)
  return `${describeErrno('EINTR')}: its helper process ended${how === undefined ? '' : ` (${how})`}`
}

export interface HelperPool {
  /** Gives `work` a helper of its own. Its requests reject with EINTR when `signal` fires, which kills the helper. */
  use<T>(about: About, signal: AbortSignal | undefined, work: (ask: Ask) => Promise<T>): Promise<T>
  /** Ends the idle helper. */
  close(): void
}

/** Helpers that run `script`, started as they are needed. */
export function helperPool(script: string): HelperPool {
  let idle: Helper | undefined
  return {
    async use(about, signal, work) {
      const reused = idle
      idle = undefined
      const helper = reused !== undefined && isAlive(reused) ? reused : await startHelper(about, script)
      try {
        return await work(request => exchange(helper, about, request, signal))
      } finally {
        if (idle === undefined && isAlive(helper)) idle = helper
        else helper.stdin.end()
      }
    },
    close() {
      idle?.stdin.end()
      idle = undefined
    },
  }
}
