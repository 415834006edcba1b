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

/**
 * `signal`, or the end of `seconds`. The platform's AbortSignal.any holds its sources weakly: a timeout that nobody else
 * refers to may be collected and never strike.
 */
export function within(signal: AbortSignal, seconds: number): AbortSignal {
  const controller = new AbortController()
  const late = (): void => controller.abort(new DOMException('the time is up', 'TimeoutError'))
  const timer = setTimeout(late, seconds * 1000).unref()
  const stop = (): void => {
    clearTimeout(timer)
    controller.abort(signal.reason)
  }
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, {once: true})
  return controller.signal
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
  const limited = (given: AbortSignal): AbortSignal =>
    flags.timeout === undefined ? given : within(given, flags.timeout)
  return {
    tsm: flags.tsm,
    dryRun: flags['dry-run'],
    force: flags.force,
    signal: limited(signal),
    abandon: limited(abandon),
    onStep: progress,
  }
}
