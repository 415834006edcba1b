/** Lets signals in between two of many reads: reading is synchronous, and a real function takes about a millisecond. */
import {ErrnoError} from '../errors.js'
import {DEVICES} from '../pci/index.js'

const BREATH = 64

/** To be called with the number of every function before it is read. Throws ErrnoError EINTR on abort. */
export async function breathe(index: number, signal: AbortSignal | undefined): Promise<void> {
  if (index % BREATH !== 0) return
  await new Promise(resolve => setImmediate(resolve))
  if (signal?.aborted) throw new ErrnoError('EINTR', 'read', DEVICES)
}
