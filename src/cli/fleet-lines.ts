/** What `verify DIR` tells of many bundles: a JSON document or a line of a table for each, and what it came to. */
import {EXIT_CODES, type ErrorKind, harmless, printable, TsmctlError} from '../errors.js'
import type {FleetSummary, FleetVerdict} from '../operations/fleet/types.js'
import {type EnvelopeError, jsonLine} from './envelope.js'
import type {Warning} from './envelope.js'

const SCHEMA = 'tsmctl.fleet-verdict/1'

export const fleetLine = (seq: number, {error, ...verdict}: FleetVerdict): string =>
  jsonLine({
    schema: SCHEMA,
    seq,
    kind: 'bundle',
    ...verdict,
    error: error && {kind: error.kind, exit: EXIT_CODES[error.kind], message: error.message, hint: error.hint},
  })

export const fleetEnd = (
  seq: number,
  decidedAt: Date,
  policyDigest: string | null,
  counts: FleetSummary,
  error: EnvelopeError | null,
  warnings: readonly Warning[],
): string =>
  jsonLine({
    schema: SCHEMA,
    seq,
    kind: 'summary',
    decidedAt: decidedAt.toISOString(),
    policy: policyDigest,
    ...counts,
    error,
    warnings,
  })

const LONGEST = 200
const WORD = {accept: 'ACCEPT', review: 'REVIEW', deny: 'DENY'} as const

/** `DENY    contraindicated  a.tsmb.json  spdm.meas.values (and 2 more)`. */
export function fleetText({file, decision, ear, failed, error}: FleetVerdict): string {
  const [first, ...more] = failed
  const why =
    error?.message ?? (first === undefined ? '' : first + (more.length === 0 ? '' : ` (and ${more.length} more)`))
  const cells = [
    (decision === null ? 'ERROR' : WORD[decision]).padEnd(6),
    (ear ?? '-').padEnd('contraindicated'.length),
    printable(file, LONGEST),
    harmless(why, 2 * LONGEST),
  ]
  return `${cells.join('  ').trimEnd()}\n`
}

export const fleetSummary = ({bundles, accept, review, deny, errors, ignored}: FleetSummary): string =>
  `${bundles} bundles: ${accept} accept, ${review} review, ${deny} deny, ${errors} without a verdict` +
  `${ignored === 0 ? '' : `; ${ignored} other files were not looked at`}\n`

/** What the worst bundle came to, or undefined when every one is accepted. No verdict is worse than a bad one. */
export function fleetFailure(directory: string, counts: FleetSummary): TsmctlError | undefined {
  const {bundles, accept, review, deny, errors} = counts
  const fails = (kind: ErrorKind, got: string): TsmctlError =>
    new TsmctlError({kind, attempted: `accept every bundle of ${printable(directory, LONGEST)}`, got})
  if (bundles === 0) return fails('not-found', 'there is none')
  if (errors > 0) return fails('malformed', `${errors} of ${bundles} have no verdict, ${deny} are denied`)
  if (deny > 0) return fails('denied', `${deny} of ${bundles} are denied`)
  return review > 0 ? fails('review', `${review} of ${bundles} need a review, ${accept} are accepted`) : undefined
}
