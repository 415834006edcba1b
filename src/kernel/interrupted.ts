import {ErrnoError} from '../errors.js'

/** An aborted call does nothing and says so as the kernel would. */
export function refuseIfAborted(signal: AbortSignal | undefined, verb: string, path: string): void {
  if (signal?.aborted) throw new ErrnoError('EINTR', verb, path)
}
