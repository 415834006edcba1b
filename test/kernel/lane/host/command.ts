/** Programs of the host that the lane runs to their end. */
import {spawn} from 'node:child_process'
import {LaneFailure} from './failure.js'

/** Lines of output that a failure shows. */
const LAST_LINES = 40

/**
 * Runs a program to its end and returns its standard output. Throws LaneFailure with the last page of what it printed
 * when it fails, and when it is missing, with `hint`.
 */
export function runProgram(
  attempted: string,
  [program, ...args]: readonly [string, ...string[]],
  {hint, ...options}: {readonly hint?: string; readonly cwd?: string; readonly signal?: AbortSignal} = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {...options, stdio: ['ignore', 'pipe', 'pipe']})
    let out = ''
    let all = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      all += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (all += text))
    child.on('error', error => reject(new LaneFailure(attempted, error.message, hint)))
    child.on('close', (code, signal) => {
      if (code === 0) resolve(out)
      else {
        const page = all.trimEnd().split('\n').slice(-LAST_LINES).join('\n')
        reject(new LaneFailure(attempted, `${program} ended with ${signal ?? `status ${code}`}\n${page}`, hint))
      }
    })
  })
}
