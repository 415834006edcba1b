/**
 * Another program, asked one question: bytes on its standard input, an answer on its standard output. No shell, an
 * environment of nothing but PATH and LANG, and an end to it whatever the program does: it and the children it keeps in
 * its process group are killed when its time is over.
 */
import {ErrnoError} from '../errors.js'
import {errnoError} from './errno.js'
import type {ProgramCommand, ProgramLimits, ProgramResult} from './port.js'

const ENVIRONMENT = {PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C'}

/**
 * Runs `command`, the path of a program and its arguments. Throws ErrnoError when it cannot be started, EINTR when `signal` fires; everything that
 * the program does, also its death, is a result.
 */
export async function runProgram(
  [path, ...given]: ProgramCommand,
  input: Uint8Array,
  {timeoutMs, mostBytes}: ProgramLimits,
  signal?: AbortSignal,
): Promise<ProgramResult> {
  const {spawn} = await import('node:child_process')
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new ErrnoError('EINTR', 'run', path))
    const chunks: Buffer[] = []
    let length = 0
    let settled = false
    const child = spawn(path, given, {stdio: ['pipe', 'pipe', 'ignore'], detached: true, env: ENVIRONMENT, cwd: '/'})
    const settle = (act: () => void): void => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      // a child that left the process group may hold the pipes open: nobody waits for it
      for (const stream of [child.stdin, child.stdout]) stream?.destroy()
      act()
    }
    const end = (act: () => void): void => {
      if (child.pid !== undefined) killGroup(child.pid)
      settle(act)
    }
    const output = (): Uint8Array => new Uint8Array(Buffer.concat(chunks))
    const onAbort = (): void => end(() => reject(new ErrnoError('EINTR', 'run', path)))
    const timer = setTimeout(() => end(() => resolve({ended: 'timeout', code: null, output: output()})), timeoutMs)
    signal?.addEventListener('abort', onAbort, {once: true})
    child.on('error', error => settle(() => reject(errnoError(error, 'run', path))))
    child.stdout?.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= mostBytes) chunks.push(chunk)
      else end(() => resolve({ended: 'too-much', code: null, output: output()}))
    })
    child.on('close', (code, killedBy) =>
      end(() => resolve({ended: killedBy === null ? 'exit' : 'signal', code, output: output()})),
    )
    // whoever needs no input may close it unread
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // nobody of it is left
  }
}
