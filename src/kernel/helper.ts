/** Attribute access that may block for seconds, in helper processes that can be killed (`helper-process.ts`). */
import {ErrnoError} from '../errors.js'
import {checkWritten} from './attribute-io.js'
import {errnoName} from './errno.js'
import {helperPool} from './helper-process.js'

/**
 * Runs in the helper: request `{path, data}`, answer `{data | written | errno}`; or `{path, call}` with a call that takes
 * a path and gives nothing. A path Node refuses to hand to the kernel (NUL inside) has no errno: EINVAL.
 */
const SCRIPT = `
const readAll = fd => {
  const chunks = []
  for (let got; (got = fs.readSync(fd, piece, 0, piece.length, null)) > 0; )
    chunks.push(Buffer.from(piece.subarray(0, got)))
  return Buffer.concat(chunks)
}
const serve = ({path, data, call}) => {
  let fd
  try {
    if (call !== undefined) return fs[call](path), {}
    fd = fs.openSync(path, data === null ? fs.constants.O_RDONLY : fs.constants.O_WRONLY)
    if (data === null) return {data: readAll(fd).toString('base64')}
    return {written: fs.writeSync(fd, Buffer.from(data, 'base64'))}
  } catch (error) {
    return {errno: error.errno ?? -22}
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}
`

interface Answer {
  readonly data?: string
  readonly written?: number
  /** Negative, as Node reports it. */
  readonly errno?: number
}

export interface Helpers {
  /** Reads the whole of `path`. Throws ErrnoError; EINTR when `signal` fires. */
  read(path: string, signal?: AbortSignal): Promise<Uint8Array>
  /** One write of `bytes` to `path`. Throws ErrnoError; EINTR when `signal` fires. */
  write(path: string, bytes: Uint8Array, signal?: AbortSignal): Promise<void>
  /** Makes a directory. Throws ErrnoError; EINTR when `signal` fires. */
  makeDirectory(path: string, signal?: AbortSignal): Promise<void>
  /** Removes one. Throws ErrnoError; EINTR when `signal` fires. */
  removeDirectory(path: string, signal?: AbortSignal): Promise<void>
  /** Ends the idle helper. */
  close(): void
}

/** What is asked of a helper about a path. */
type Wish = {readonly data: string | null} | {readonly call: 'mkdirSync' | 'rmdirSync'}

export function helperProcesses(): Helpers {
  const pool = helperPool(SCRIPT)

  async function ask(verb: string, path: string, wish: Wish, signal?: AbortSignal): Promise<Answer> {
    const answer = await pool.use({verb, subject: path}, signal, request => request<Answer>({path, ...wish}))
    if (answer.errno !== undefined) throw new ErrnoError(errnoName(-answer.errno), verb, path)
    return answer
  }

  return {
    async read(path, signal) {
      const {data} = await ask('read', path, {data: null}, signal)
      return new Uint8Array(Buffer.from(data ?? '', 'base64'))
    },
    async write(path, bytes, signal) {
      const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
      const {written} = await ask('write', path, {data}, signal)
      checkWritten(written ?? 0, bytes, path)
    },
    async makeDirectory(path, signal) {
      await ask('make', path, {call: 'mkdirSync'}, signal)
    },
    async removeDirectory(path, signal) {
      await ask('remove', path, {call: 'rmdirSync'}, signal)
    },
    close: () => pool.close(),
  }
}
