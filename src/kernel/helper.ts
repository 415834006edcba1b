/**
 * Attribute access that may block for seconds, in a helper process that can be killed: the caller's own thread and
 * Node's four pool threads stay free, and Ctrl-C works. A killed helper says nothing about what the kernel did: the
 * command may still complete, so read back.
 */
import {ErrnoError} from '../errors.js'
import {checkWritten} from './attribute-io.js'
import {errnoError, errnoName} from './errno.js'

/**
 * Runs in the helper: request `{path, data}` on standard input, answer `{data | written | errno}` on standard
 * output. A path Node refuses to hand to the kernel (NUL inside) has no errno: EINVAL.
 */
const SCRIPT = `
const fs = require('node:fs')
const {path, data} = JSON.parse(fs.readFileSync(0, 'utf8'))
let answer
try {
  const fd = fs.openSync(path, data === null ? fs.constants.O_RDONLY : fs.constants.O_WRONLY)
  if (data === null) {
    const chunks = []
    for (;;) {
      const chunk = Buffer.alloc(65536)
      const got = fs.readSync(fd, chunk, 0, chunk.length, null)
      if (got === 0) break
      chunks.push(chunk.subarray(0, got))
    }
    answer = {data: Buffer.concat(chunks).toString('base64')}
  } else answer = {written: fs.writeSync(fd, Buffer.from(data, 'base64'))}
} catch (error) {
  answer = {errno: error.errno ?? -22}
}
const text = Buffer.from(JSON.stringify(answer) + '\\n')
for (let at = 0; at < text.length; ) at += fs.writeSync(1, text, at)
`

interface Answer {
  readonly data?: string
  readonly written?: number
  /** Negative, as Node reports it. */
  readonly errno?: number
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')

/** Reads the whole of `path`. Throws ErrnoError; EINTR when `signal` fires. */
export async function readInHelper(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  const {data} = await ask('read', path, null, signal)
  return new Uint8Array(Buffer.from(data ?? '', 'base64'))
}

/** One write of `bytes` to `path`. Throws ErrnoError; EINTR when `signal` fires. */
export async function writeInHelper(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
  const {written} = await ask('write', path, base64(bytes), signal)
  checkWritten(written ?? 0, bytes, path)
}

async function ask(verb: string, path: string, data: string | null, signal?: AbortSignal): Promise<Answer> {
  const {spawn} = await import('node:child_process')
  const answer = await new Promise<Answer>((resolve, reject) => {
    const interrupted = (): ErrnoError => new ErrnoError('EINTR', verb, path)
    const helper = spawn(process.execPath, ['--input-type=commonjs', '-e', SCRIPT], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {...process.env, NODE_OPTIONS: ''},
    })
    const kill = (): void => {
      helper.kill('SIGKILL')
      // a process stuck in the kernel may outlive its killing; do not wait for it
      helper.stdin.destroy()
      helper.stdout.destroy()
      helper.unref()
      reject(interrupted())
    }
    if (signal?.aborted) kill()
    signal?.addEventListener('abort', kill, {once: true})
    const output: Buffer[] = []
    helper.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    helper.stdin.on('error', () => undefined) // a helper that died early is reported by 'close'
    helper.on('error', error => reject(errnoError(error, 'start a helper process to ' + verb, path)))
    helper.on('close', () => {
      signal?.removeEventListener('abort', kill)
      const text = Buffer.concat(output).toString('utf8')
      // without a complete answer it was ended from outside: Ctrl-C reaches the whole process group
      if (!text.endsWith('\n')) reject(interrupted())
      else resolve(JSON.parse(text) as Answer)
    })
    helper.stdin.end(JSON.stringify({path, data}))
  })
  if (answer.errno !== undefined) throw new ErrnoError(errnoName(-answer.errno), verb, path)
  return answer
}
