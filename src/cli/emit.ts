/**
 * Output that survives pipes: blocking writes, and a reader of the data that closes early ends the program without a
 * word. Talk that cannot be written is lost and nothing else is: a half-done transition must still be finished.
 */
import {writeSync} from 'node:fs'
import {describeErrno, EXIT_CODES} from '../errors.js'

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
