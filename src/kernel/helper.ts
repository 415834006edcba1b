/**
 * Attribute access that may block for seconds, in helper processes that can be killed: the caller's own thread and
 * Node's four pool threads stay free, and Ctrl-C works. A killed helper says nothing about what the kernel did: the
 * command may still complete, so read back. One idle helper is kept, because starting one costs far more than a read;
 * it keeps nobody alive and ends with its parent, whose end closes its standard input.
 */
import type {ChildProcessByStdio} from 'node:child_process'
import type {Socket} from 'node:net'
import type {Readable, Writable} from 'node:stream'
import {ErrnoError} from '../errors.js'
import {checkWritten} from './attribute-io.js'
import {errnoError, errnoName} from './errno.js'

/**
 * Runs in the helper, one line at a time: request `{path, data}` on standard input, answer `{data | written | errno}` on
 * standard output. A path Node refuses to hand to the kernel (NUL inside) has no errno: EINVAL.
 */
const SCRIPT = `
const fs = require('node:fs')
const piece = Buffer.alloc(65536)
const readAll = fd => {
  const chunks = []
  for (let got; (got = fs.readSync(fd, piece, 0, piece.length, null)) > 0; )
    chunks.push(Buffer.from(piece.subarray(0, got)))
  return Buffer.concat(chunks)
}
const serve = ({path, data}) => {
  let fd
  try {
    fd = fs.openSync(path, data === null ? fs.constants.O_RDONLY : fs.constants.O_WRONLY)
    if (data === null) return {data: readAll(fd).toString('base64')}
    return {written: fs.writeSync(fd, Buffer.from(data, 'base64'))}
  } catch (error) {
    return {errno: error.errno ?? -22}
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}
for (let line = ''; ; ) {
  const got = fs.readSync(0, piece, 0, piece.length, null)
  if (got === 0) break
  line += piece.toString('latin1', 0, got)
  if (!line.endsWith('\\n')) continue
  const answer = Buffer.from(JSON.stringify(serve(JSON.parse(Buffer.from(line, 'latin1').toString()))) + '\\n')
  for (let at = 0; at < answer.length; ) at += fs.writeSync(1, answer, at)
  line = ''
}
`

interface Answer {
  readonly data?: string
  readonly written?: number
  /** Negative, as Node reports it. */
  readonly errno?: number
}

const NEWLINE = 0x0a

type Helper = ChildProcessByStdio<Writable, Readable, null>

export interface Helpers {
  /** Reads the whole of `path`. Throws ErrnoError; EINTR when `signal` fires. */
  read(path: string, signal?: AbortSignal): Promise<Uint8Array>
  /** One write of `bytes` to `path`. Throws ErrnoError; EINTR when `signal` fires. */
  write(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void>
  /** Ends the idle helper. */
  close(): void
}

/** Whether the event loop waits for this helper. */
function hold(helper: Helper, isHeld: boolean): void {
  const change = isHeld ? 'ref' : 'unref'
  helper[change]()
  for (const pipe of [helper.stdin, helper.stdout]) (pipe as unknown as Socket)[change]()
}

async function start(): Promise<Helper> {
  const {spawn} = await import('node:child_process')
  const helper = spawn(process.execPath, ['--input-type=commonjs', '-e', SCRIPT], {
    stdio: ['pipe', 'pipe', 'ignore'],
    // Ctrl-C in a terminal goes to the whole process group: a write that was begun must outlive it to be answered
    detached: true,
    env: {...process.env, NODE_OPTIONS: ''},
  })
  // what happens to it while nobody asks concerns nobody; whoever asks hears of its end by 'close'
  helper.on('error', () => undefined)
  helper.stdin.on('error', () => undefined)
  return helper
}

const isAlive = ({exitCode, signalCode, pid}: Helper): boolean =>
  pid !== undefined && exitCode === null && signalCode === null

/** One request and its answer. Rejects with EINTR when aborted, or when the helper is ended from outside. */
function exchange(helper: Helper, verb: string, path: string, data: string | null, signal?: AbortSignal) {
  return new Promise<Answer>((resolve, reject) => {
    const answer: Buffer[] = []
    const settle = (outcome: () => void): void => {
      signal?.removeEventListener('abort', onAbort)
      helper.off('error', onError).off('close', onClose)
      helper.stdout.off('data', onData)
      hold(helper, false)
      outcome()
    }
    const onAbort = (): void => {
      // a process stuck in the kernel may outlive its killing; nobody waits for it
      helper.kill('SIGKILL')
      settle(() => reject(new ErrnoError('EINTR', verb, path)))
    }
    const onError = (error: Error): void =>
      settle(() => reject(errnoError(error, `start a helper process to ${verb}`, path)))
    // ended from outside
    const onClose = (): void => settle(() => reject(new ErrnoError('EINTR', verb, path)))
    const onData = (chunk: Buffer): void => {
      answer.push(chunk)
      if (chunk.at(-1) === NEWLINE)
        settle(() => resolve(JSON.parse(Buffer.concat(answer).toString('latin1')) as Answer))
    }
    hold(helper, true)
    helper.on('error', onError).on('close', onClose)
    helper.stdout.on('data', onData)
    signal?.addEventListener('abort', onAbort, {once: true})
    if (signal?.aborted) onAbort()
    else helper.stdin.write(`${JSON.stringify({path, data})}\n`)
  })
}

export function helperProcesses(): Helpers {
  let idle: Helper | undefined

  async function ask(verb: string, path: string, data: string | null, signal?: AbortSignal): Promise<Answer> {
    const reused = idle
    idle = undefined
    const helper = reused !== undefined && isAlive(reused) ? reused : await start()
    const answer = await exchange(helper, verb, path, data, signal)
    if (idle === undefined) idle = helper
    else helper.stdin.end()
    if (answer.errno !== undefined) throw new ErrnoError(errnoName(-answer.errno), verb, path)
    return answer
  }

  return {
    async read(path, signal) {
      const {data} = await ask('read', path, null, signal)
      return new Uint8Array(Buffer.from(data ?? '', 'base64'))
    },
    async write(path, bytes, signal) {
      const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
      const {written} = await ask('write', path, data, signal)
      checkWritten(written ?? 0, bytes, path)
    },
    close() {
      idle?.stdin.end()
      idle = undefined
    },
  }
}
