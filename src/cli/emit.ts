/**
 * Output that survives pipes: blocking writes, and a reader of the data that closes early ends the program without a
 * word. Talk that cannot be written is lost and nothing else is: a half-done transition must still be finished.
 */
import {write, writeSync} from 'node:fs'
import {describeErrno, ErrnoError, EXIT_CODES} from '../errors.js'

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8')
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      const {code} = error as NodeJS.ErrnoException
      if (code !== 'EAGAIN') return giveUp(fd, code ?? 'unknown')
      // a full non-blocking pipe: give the reader a millisecond
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

function giveUp(fd: number, code: string): void {
  if (fd !== 1) return
  if (code === 'EPIPE') process.exit(process.exitCode ?? 0)
  talk(`tsmctl: cannot write standard output: ${describeErrno(code)}\n`)
  process.exit(process.exitCode || EXIT_CODES.unsupported)
}

/** Data, to standard output. */
export const emit = (text: string): void => writeAll(1, text)
/** Talk, to standard error. */
export const talk = (text: string): void => writeAll(2, text)

/** Milliseconds before a full pipe is tried again. */
const FULL = 5

const writeSome = (bytes: Uint8Array): Promise<number | string> =>
  new Promise(resolve =>
    write(1, bytes, (error, written) => resolve(error === null ? written : (error.code ?? 'unknown'))),
  )

/**
 * Data, to standard output, without keeping anything else waiting for a slow reader: for what goes on while it prints.
 * False when nobody reads any more; who asked then ends what it does, and nothing is said. Throws the errno of any other
 * failure.
 */
export async function offer(text: string): Promise<boolean> {
  const bytes = Buffer.from(text, 'utf8')
  for (let at = 0; at < bytes.length;) {
    // one piece after the other
    // oxlint-disable-next-line no-await-in-loop
    const outcome = await writeSome(bytes.subarray(at))
    if (typeof outcome === 'number') at += outcome
    else if (outcome === 'EPIPE') return false
    else if (outcome === 'EAGAIN') await new Promise(resolve => setTimeout(resolve, FULL))
    else throw new ErrnoError(outcome, 'write', 'standard output', {kind: 'unsupported'})
  }
  return true
}
