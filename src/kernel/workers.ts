/**
 * A pool of threads that run one script. A thread that dies, runs out of memory or takes too long costs its task and
 * nothing else: the next task gets a new one.
 */
import {availableParallelism} from 'node:os'
import {Worker} from 'node:worker_threads'
import {printable, TsmctlError} from '../errors.js'

/** Threads this machine can run at once. */
export const processors = (): number => availableParallelism()

export interface WorkerLimits {
  readonly threads: number
  /** Milliseconds one task may take. */
  readonly patience: number
  /** MiB of heap a thread may have. */
  readonly heap: number
}

export interface WorkerPool<Task, Answer> {
  /** Waits for a thread, and for its answer. Rejects with a TsmctlError when the thread ended instead. */
  run(task: Task): Promise<Answer>
  /** Ends all threads at once; tasks under way are rejected. */
  close(): Promise<void>
}

interface Job<Task, Answer> {
  readonly task: Task
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: TsmctlError) => void
}

const ended = (kind: 'timeout' | 'unsupported' | 'interrupted', got: string): TsmctlError =>
  new TsmctlError({kind, attempted: 'finish in a thread of its own', got})

/**
 * Threads are started when there is something to do. `script` answers every message with one message; `workerData` is what
 * it finds when it starts.
 */
export function workerPool<Task, Answer>(
  script: URL,
  workerData: unknown,
  {threads, patience, heap}: WorkerLimits,
): WorkerPool<Task, Answer> {
  const idle: Worker[] = []
  const all = new Set<Worker>()
  const waiting: Job<Task, Answer>[] = []
  let closed = false

  function start(): Worker {
    const worker = new Worker(script, {workerData, resourceLimits: {maxOldGenerationSizeMb: heap}, stdin: false})
    all.add(worker)
    worker.once('exit', () => {
      all.delete(worker)
      const at = idle.indexOf(worker)
      if (at >= 0) idle.splice(at, 1)
    })
    return worker
  }

  function give(worker: Worker, {task, resolve, reject}: Job<Task, Answer>): void {
    const settle = (conclude: () => void, isAlive: boolean): void => {
      clearTimeout(timer)
      worker.removeAllListeners('message').removeAllListeners('error').off('exit', onExit)
      // what it says after its end concerns nobody
      worker.on('error', () => undefined)
      if (isAlive) idle.push(worker)
      else {
        all.delete(worker)
        void worker.terminate()
      }
      conclude()
      next()
    }
    const dies = (error: TsmctlError): void => settle(() => reject(error), false)
    const onExit = (code: number): void =>
      dies(closed ? ended('interrupted', 'interrupted') : ended('unsupported', `its thread ended with code ${code}`))
    const timer = setTimeout(() => dies(ended('timeout', `no answer within ${patience / 1000} s`)), patience)
    worker
      .once('message', (answer: Answer) => settle(() => resolve(answer), true))
      .once('error', (error: unknown) => dies(ended('unsupported', printable(String(error), 200))))
      .once('exit', onExit)
      .postMessage(task, [])
  }

  function next(): void {
    while (waiting.length > 0) {
      const worker = idle.pop() ?? (all.size < threads ? start() : undefined)
      if (worker === undefined) return
      give(worker, waiting.shift()!)
    }
  }

  return {
    run: task =>
      new Promise((resolve, reject) => {
        if (closed) reject(ended('interrupted', 'interrupted'))
        else {
          waiting.push({task, resolve, reject})
          next()
        }
      }),
    async close() {
      closed = true
      for (const {reject} of waiting.splice(0)) reject(ended('interrupted', 'interrupted'))
      await Promise.all([...all].map(worker => worker.terminate()))
    },
  }
}
