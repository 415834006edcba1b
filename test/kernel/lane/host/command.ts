/** Programs of this system that the lane runs to their end. */
import {spawn} from 'node:child_process'
import {HINTS, LaneFailure} from './failure.js'

/** Lines of output that a failure shows. */
const LAST_LINES = 40

export interface CommandOptions {
  readonly signal: AbortSignal
  /** What to do about a failure; when it depends, on what the program printed. */
  readonly hint?: string | ((page: string) => string | undefined)
  readonly cwd?: string
  /** Seconds. */
  readonly limit?: number
}

/** Everything in its process group, which it leads. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // it has ended
  }
}

/**
 * Runs a program to its end and returns its standard output. Throws LaneFailure with the last page of what it printed when
 * it fails or takes too long, and when it is missing; throws the reason of `signal` when that aborts. What the program
 * started ends with it.
 */
export function runProgram(
  attempted: string,
  [program, ...args]: readonly [string, ...string[]],
  {signal, hint, cwd, limit = 600}: CommandOptions,
): Promise<string> {
  signal.throwIfAborted()
  const hintFor = (page: string): string | undefined => {
    if (page.includes('No space left on device')) return HINTS['ENOSPC']
    return typeof hint === 'function' ? hint(page) : hint
  }
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {...process.env, LC_ALL: 'C'},
    })
    let out = ''
    let all = ''
    let isLate = false
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      all += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (all += text))
    const onAbort = (): void => killGroup(child.pid)
    signal.addEventListener('abort', onAbort, {once: true})
    const timer = setTimeout(() => {
      isLate = true
      killGroup(child.pid)
    }, limit * 1000)
    const settle = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    child.on('error', error => {
      settle()
      const isMissing = 'code' in error && error.code === 'ENOENT'
      reject(
        new LaneFailure(attempted, isMissing ? `this system has no program ${program}` : error.message, hintFor('')),
      )
    })
    child.on('close', (code, killed) => {
      settle()
      if (signal.aborted) reject(signal.reason as Error)
      else if (code === 0) resolve(out)
      else {
        const end = isLate ? `was still at it after ${limit} s` : `ended with ${killed ?? `status ${code}`}`
        const page = all.trimEnd().split('\n').slice(-LAST_LINES).join('\n')
        reject(new LaneFailure(attempted, `${program} ${end}\n${page}`, hintFor(page)))
      }
    })
  })
}
