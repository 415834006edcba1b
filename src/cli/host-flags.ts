/** Flags that connect and disconnect share, and the signals they make of them. */
import {Flags} from '@oclif/core'
import type {HostOptions} from '../operations/connect.js'
import type {Session} from './base-command.js'

export const hostFlags = {
  'dry-run': Flags.boolean({description: 'print the prediction and the writes instead of making them'}),
  timeout: Flags.integer({
    description: 'seconds to wait for each device; what the kernel has begun it may still complete',
    min: 1,
    max: 86_400,
  }),
}

/** Options of one device: its time starts now. */
export function hostOptions(
  {signal, abandon, progress}: Session,
  flags: {
    readonly 'dry-run': boolean
    readonly force: boolean
    readonly timeout?: number | undefined
    readonly tsm?: string | undefined
  },
): HostOptions {
  const late = flags.timeout === undefined ? [] : [AbortSignal.timeout(flags.timeout * 1000)]
  return {
    tsm: flags.tsm,
    dryRun: flags['dry-run'],
    force: flags.force,
    signal: AbortSignal.any([signal, ...late]),
    abandon: AbortSignal.any([abandon, ...late]),
    onStep: progress,
  }
}
