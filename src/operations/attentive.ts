/** Says what is being waited for: one lock of the kernel serialises all TSM attributes of a machine. */
import {errnoOf, TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'

/** Milliseconds after which a reading of `tsm/*` is waiting for somebody: alone it takes microseconds. */
const LONG = 1000

const SOMEBODY_ELSE =
  'another TSM operation is in progress on this machine, and the kernel lets nobody look at tsm/ meanwhile: waiting'
const TOO_LATE = 'too late to stop: waiting for the kernel to finish what it has begun (Ctrl-C again abandons it)'

export interface Attention {
  /** Told what is waited for. */
  readonly onStep?: ((line: string) => void) | undefined
  /** When this is aborted during a write, the write is still waited for. */
  readonly signal?: AbortSignal | undefined
}

/** `kernel`, whose first long reading is told to `say`. */
export function announcingWaits(kernel: Kernel, say: (line: string) => void): Kernel {
  let announced = false
  const announce = (): void => {
    if (!announced) say(SOMEBODY_ELSE)
    announced = true
  }
  return {
    ...kernel,
    async query(path, signal) {
      const timer = setTimeout(announce, LONG)
      try {
        return await kernel.query(path, signal)
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** `kernel`, whose long readings and whose writes that outlast an interruption are told to `onStep`. */
export function attentive(kernel: Kernel, {onStep, signal: interruption}: Attention): Kernel {
  const tooLate = (): void => {
    if (!isTimeout(interruption)) onStep?.(TOO_LATE)
  }
  return {
    ...announcingWaits(kernel, line => onStep?.(line)),
    async write(path, bytes, signal) {
      interruption?.addEventListener('abort', tooLate, {once: true})
      try {
        await kernel.write(path, bytes, signal)
      } finally {
        interruption?.removeEventListener('abort', tooLate)
      }
    },
  }
}

/** The waiting ended because the user's time was up, not because the user pressed Ctrl-C. */
export const isTimeout = (signal: AbortSignal | undefined): boolean =>
  signal?.aborted === true && (signal.reason as {name?: unknown} | undefined)?.name === 'TimeoutError'

/** Says of an `act` that was ended from outside that nothing came of it: exit code 130, or 9 when the user's time was up. */
export async function inTime<T>(bdf: string, signal: AbortSignal | undefined, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (errnoOf(error) !== 'EINTR' || !signal?.aborted) throw error
    const late = isTimeout(signal)
    throw new TsmctlError({
      kind: late ? 'timeout' : 'interrupted',
      attempted: `look at ${bdf}`,
      subject: bdf,
      got: `${late ? 'another TSM operation of this machine did not end in time' : 'interrupted'}; nothing was written`,
      cause: error,
    })
  }
}
