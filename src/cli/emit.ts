/** Output that survives pipes: blocking writes, and a reader that closes early ends the program without a word. */
import {writeSync} from 'node:fs'

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8')
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at)
    } catch (error) {
      const {code} = error as NodeJS.ErrnoException
      if (code === 'EPIPE') process.exit(process.exitCode ?? 0)
      if (code !== 'EAGAIN') throw error
      // a full non-blocking pipe: give the reader a millisecond
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

/** Data, to standard output. */
export const emit = (text: string): void => writeAll(1, text)
/** Talk, to standard error. */
export const talk = (text: string): void => writeAll(2, text)
