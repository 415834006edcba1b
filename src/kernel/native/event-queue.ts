/** What happens faster than it is looked at: a bounded queue between the kernel's events and their reader. */

/** Events that wait for the reader; beyond them everything has to be looked at again anyway. */
export const LONGEST_QUEUE = 4096

export interface EventQueue extends AsyncIterableIterator<Uint8Array | 'lost'> {
  push(event: Uint8Array | 'lost'): void
  /** Ends the iteration behind what is queued, with `error` if there is one. */
  end(error?: unknown): void
  return(): Promise<IteratorResult<Uint8Array | 'lost'>>
}

const DONE = {done: true, value: undefined} as const

/** A queue for one reader; `stop` is called once, when the reader leaves. */
export function eventQueue(stop: () => void, longest = LONGEST_QUEUE): EventQueue {
  const queued: (Uint8Array | 'lost')[] = []
  let waiting:
    {resolve: (result: IteratorResult<Uint8Array | 'lost'>) => void; reject: (error: unknown) => void} | undefined
  let ended: {readonly error: unknown} | undefined

  const queue: EventQueue = {
    [Symbol.asyncIterator]: () => queue,
    push(event) {
      if (ended !== undefined) return
      if (waiting !== undefined) {
        const {resolve} = waiting
        waiting = undefined
        resolve({done: false, value: event})
      } else if (event !== 'lost' && queued.length < longest) queued.push(event)
      else if (queued.at(-1) !== 'lost') queued.push('lost')
    },
    end(error) {
      if (ended !== undefined) return
      ended = {error}
      if (waiting === undefined) return
      const {resolve, reject} = waiting
      waiting = undefined
      if (error === undefined) resolve(DONE)
      else reject(error)
      ended = {error: undefined}
    },
    next() {
      const value = queued.shift()
      if (value !== undefined) return Promise.resolve({done: false, value})
      if (ended === undefined) return new Promise((resolve, reject) => (waiting = {resolve, reject}))
      const {error} = ended
      ended = {error: undefined}
      return error === undefined ? Promise.resolve(DONE) : Promise.reject(error as Error)
    },
    return() {
      queued.length = 0
      queue.end()
      stop()
      return Promise.resolve(DONE)
    },
  }
  return queue
}
