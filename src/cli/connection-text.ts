/** What people read after connect and disconnect: the prediction, the writes of a dry run, before and after. */
import {harmless, printable} from '../errors.js'
import type {ConnectResult} from '../operations/connect.js'
import type {DisconnectResult} from '../operations/disconnect.js'
import {checkText, connectionText} from '../operations/host-state.js'
import type {PlannedWrite} from '../operations/transition.js'
import type {Preflight, PreflightCheck} from '../tsm/index.js'

const MARK: Readonly<Record<PreflightCheck['result'], string>> = {
  pass: 'ok',
  fail: 'FAIL',
  warn: 'warn',
  unknown: '?',
  'not-applicable': '-',
}

function checkLines(check: PreflightCheck): string[] {
  const {result, remedy} = check
  return [
    `  ${MARK[result].padEnd(4)}  ${checkText(check)}`,
    ...(remedy === null ? [] : [`        ${harmless(remedy, 300)}`]),
  ]
}

/** Where there is nothing to write to, one line says so instead of one for every check. */
function preflightLines({checks}: Preflight): string[] {
  const [first, ...rest] = checks
  const [{reason} = {reason: ''}] = rest
  const isPointless = rest.every(check => check.result === 'not-applicable' && check.reason === reason)
  return first !== undefined && isPointless
    ? [...checkLines(first), `  -     ${rest.length} more checks: ${reason}`]
    : checks.flatMap(checkLines)
}

function verdictLine({bdf, tsm, verdict: {outcome, errno}}: Preflight): string {
  const what = `${bdf}: connect to ${printable(tsm)}`
  if (outcome === 'will-fail') return `${what} will fail with ${errno}`
  return outcome === 'unknown'
    ? `${what} may succeed: nothing speaks against it for certain`
    : `${what} should succeed, as far as can be seen`
}

const writeLines = (writes: readonly PlannedWrite[]): string[] =>
  writes.length === 0
    ? ['would write nothing']
    : [
        'would write',
        ...writes.map(
          ({path, value, why}) => `  ${printable(value)} > ${printable(path, 300)}  (to ${harmless(why, 200)})`,
        ),
      ]

interface Told {
  readonly bdf: string
  readonly changed: boolean
  readonly before: ConnectResult['before']
  readonly after: ConnectResult['after']
  readonly notes: readonly string[]
}

const changeLines = ({bdf, changed, before, after, notes}: Told): string[] => [
  changed
    ? `${bdf}: ${connectionText(before)} -> ${connectionText(after)}`
    : `${bdf}: unchanged, ${connectionText(after)}`,
  ...(changed && after.pool !== null
    ? [
        `  ${after.pool.bridge}: ${before.pool?.available ?? '?'} -> ${after.pool.available ?? '?'} of ${after.pool.size ?? '?'} stream slots free`,
      ]
    : []),
  ...notes.map(note => `  note: ${harmless(note, 300)}`),
]

const text = (lines: readonly string[]): string => lines.map(line => `${line}\n`).join('')

/** A dry run shows every check, a refusal those that matter, a connect what changed. */
export function connectText(result: ConnectResult): string {
  const {dryRun, changed, preflight, writes, failure, before, tsm} = result
  const isConnected = before.tsm === tsm
  if (dryRun && !isConnected) return text([verdictLine(preflight), ...preflightLines(preflight), ...writeLines(writes)])
  if (!changed && !isConnected && failure !== null)
    return text([
      verdictLine(preflight),
      ...preflight.checks.filter(({result: found}) => found === 'fail' || found === 'warn').flatMap(checkLines),
    ])
  return text(changeLines(result))
}

export function disconnectText(result: DisconnectResult): string {
  const {bdf, dryRun, writes, before, tsm, leftovers} = result
  if (dryRun && tsm !== null) return text([`${bdf}: ${connectionText(before)}`, ...writeLines(writes)])
  return text([...changeLines(result), ...leftovers.map(left => `  finding: ${harmless(left, 300)}`)])
}
