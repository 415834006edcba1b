/** `verify DIR`: the verdicts of many bundles, printed as they come. */
import type {Policy} from '../appraisal/index.js'
import {TsmctlError} from '../errors.js'
import {appraiseFleet, noVerdicts} from '../operations/fleet/fleet.js'
import type {Outcome, Session} from './base-command.js'
import {offer, talk} from './emit.js'
import type {Envelope} from './envelope.js'
import {requirePolicy} from './policy-flag.js'
import {fleetEnd, fleetFailure, fleetLine, fleetSummary, fleetText} from './fleet-lines.js'

export interface FleetRun {
  readonly directory: string
  readonly policy: Policy
  readonly jobs: number | undefined
  /** The script of a thread; undefined where there is none, as in a checkout that was not built. */
  readonly script: URL | undefined
}

/** Milliseconds between two words of progress. */
const PACE = 200
const CLEAR_LINE = '\r\u001b[K'

/** Progress where a person sees it and nothing else is written: on a terminal, while the verdicts go elsewhere. */
function progress(counts: {readonly bundles: number}): {tell: () => void; clear: () => void} {
  const shows = process.stderr.isTTY && !process.stdout.isTTY
  const started = performance.now()
  let last = started
  return {
    tell() {
      const now = performance.now()
      if (!shows || now - last < PACE) return
      last = now
      const rate = Math.round((counts.bundles * 1000) / (now - started))
      talk(`${CLEAR_LINE}${counts.bundles} bundles, ${rate} each second`)
    },
    clear() {
      if (shows && last !== started) talk(CLEAR_LINE)
    },
  }
}

/** Prints one line for each bundle; the returned function makes the last line of `--json`. */
export async function verifyFleet(
  {kernel, signal, json}: Session,
  {directory, policy, jobs, script}: FleetRun,
): Promise<{outcome: Outcome; last: (answer: Envelope) => string}> {
  requirePolicy(policy, kernel)
  const now = kernel.now()
  const counts = noVerdicts()
  const closed = new AbortController()
  const stop = AbortSignal.any([signal, closed.signal])
  const {tell, clear} = progress(counts)
  let seq = 0
  for await (const verdict of appraiseFleet(directory, {policy, now, jobs, script, signal: stop}, counts)) {
    // whoever reads no more wants no more
    if (!(await offer(json ? fleetLine(seq, verdict) : fleetText(verdict)))) closed.abort()
    seq++
    tell()
  }
  clear()
  const interrupted =
    signal.aborted &&
    new TsmctlError({kind: 'interrupted', attempted: 'finish', got: `interrupted after ${counts.bundles} bundles`})
  return {
    outcome: {data: null, text: fleetSummary(counts), error: interrupted || fleetFailure(directory, counts)},
    last: ({error, warnings}) =>
      closed.signal.aborted ? '' : fleetEnd(seq, now, policy.digest, counts, error, warnings),
  }
}
