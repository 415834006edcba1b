/** Which machines are booted with which specs, and how each is expected to end. */
import {LaneFailure} from './failure.js'
import type {KernelSeries} from './kernels.js'
import type {Options} from './options.js'

export type Outcome = 'passed' | 'failed' | 'time limit' | 'died'

export interface Job {
  readonly kernel: KernelSeries
  /** Directory of `specs/`. */
  readonly specs: string
  /** Part of the names of the spec files. */
  readonly only: string | undefined
  /** Seconds. */
  readonly limit: number
  readonly expected: Outcome
}

/** What the lane must survive, each in a machine of its own: run on request only. */
const BAD_DAYS: readonly Pick<Job, 'only' | 'limit' | 'expected'>[] = [
  {only: 'blocked', limit: 60, expected: 'time limit'},
  {only: 'panic', limit: 150, expected: 'died'},
  {only: 'waiting', limit: 150, expected: 'failed'},
  {only: 'full-disk', limit: 150, expected: 'passed'},
]

/** The machines to boot. Throws LaneFailure. */
export function jobsOf(kernels: readonly KernelSeries[], {machine, only, limit}: Options): readonly Job[] {
  if (machine === 'bad-days')
    return kernels.flatMap(kernel =>
      BAD_DAYS.filter(day => (kernel.hasTsm || day.only !== 'full-disk') && day.only?.includes(only ?? '')).map(
        day => ({
          kernel,
          specs: 'bad-days',
          ...day,
        }),
      ),
    )
  const jobs = kernels.flatMap(kernel =>
    kernel.specs
      .filter(specs => machine === undefined || specs === machine)
      .map(specs => ({kernel, specs, only, limit, expected: 'passed' as const})),
  )
  if (jobs.length > 0) return jobs
  const known = kernels.map(({series, specs}) => `${series} has ${specs.join(' and ')}`).join('; ')
  throw new LaneFailure(`boot the machine ${machine}`, `there is none: ${known}`)
}
