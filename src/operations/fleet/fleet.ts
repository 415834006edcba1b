/**
 * Many bundles: appraised on all processors, told in the order of their names. At most a window of them is under way or
 * waits for one before it, so that memory does not grow with their number.
 */
import {processors, type WorkerPool, workerPool} from '../../kernel/index.js'
import {appraiseItem, type FleetTerms} from './appraise-item.js'
import {failureOf, withoutVerdict} from './failure.js'
import {findBundles, type Found} from './find.js'
import type {FleetItem, FleetSummary, FleetVerdict} from './types.js'

export interface FleetOptions extends FleetTerms {
  /** Threads; as many as there are processors unless given. */
  readonly jobs?: number | undefined
  /** The script of a thread; without one, bundles are appraised in this thread, one after the other. */
  readonly script?: URL | undefined
  readonly signal: AbortSignal
}

/** Bundles under way or waiting for one before them, per thread. */
const AHEAD = 16
/** Milliseconds one bundle may take; ten thousand times what one takes. */
const PATIENCE = 60_000
/** MiB of heap for one bundle: bundles have at most some tens. */
const HEAP = 768

type Judge = (item: FleetItem) => Promise<FleetVerdict>

const inThread =
  (pool: WorkerPool<FleetItem, FleetVerdict>): Judge =>
  item =>
    pool.run(item).catch((error: unknown) => withoutVerdict(item.name, failureOf(error)))

/** Settles when `signal` is aborted. */
const aborted = (signal: AbortSignal): Promise<null> =>
  new Promise(resolve => {
    if (signal.aborted) resolve(null)
    else signal.addEventListener('abort', () => resolve(null), {once: true})
  })

const verdictOn = (found: Exclude<Found, {ignored: string}>, judge: Judge): Promise<FleetVerdict> =>
  'item' in found ? judge(found.item) : Promise.resolve(withoutVerdict(found.name, found.failure))

/** Counts what was told so far. */
export const noVerdicts = (): {-readonly [K in keyof FleetSummary]: FleetSummary[K]} => ({
  bundles: 0,
  accept: 0,
  review: 0,
  deny: 0,
  errors: 0,
  ignored: 0,
})

/**
 * The verdict on every bundle below `root`, by name, as soon as those before it are known. Ends early, without the
 * rest, when `signal` is aborted. Throws TsmctlError only where `root` itself cannot be read. `counts` is kept up to date.
 */
export async function* appraiseFleet(
  root: string,
  {policy, now, jobs = processors(), script, signal}: FleetOptions,
  counts = noVerdicts(),
): AsyncGenerator<FleetVerdict> {
  const pool =
    script &&
    workerPool<FleetItem, FleetVerdict>(script, {policy, now}, {threads: jobs, patience: PATIENCE, heap: HEAP})
  const judge: Judge = pool ? inThread(pool) : item => appraiseItem(item, {policy, now})
  const most = pool ? jobs * AHEAD : 1
  const found = findBundles(root)
  const underWay: Promise<FleetVerdict>[] = []
  const stop = aborted(signal)
  const fill = (): void => {
    while (underWay.length < most) {
      const {done, value} = found.next()
      if (done) return
      if ('ignored' in value) counts.ignored++
      else underWay.push(verdictOn(value, judge))
    }
  }
  try {
    for (fill(); underWay.length > 0; fill()) {
      // in turn
      // oxlint-disable-next-line no-await-in-loop
      const verdict = await Promise.race([underWay.shift()!, stop])
      if (verdict === null || signal.aborted) return
      counts.bundles++
      counts[verdict.decision ?? 'errors']++
      yield verdict
    }
  } finally {
    await pool?.close()
  }
}
