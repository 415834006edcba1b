/** A diagnosis for people: groups of checks, causes first, what failed with its devices and its next step. */
import {harmless} from '../errors.js'
import type {Diagnosis} from '../operations/doctor.js'

type Result = Diagnosis['checks'][number]
type Status = Result['status']

const STATUS_WIDTH = 'UNKNOWN'.length + 2
const INDENT = ' '.repeat(2 + STATUS_WIDTH)
/** Devices named below a check unless all are asked for; why each could not be read is mostly the same. */
const NAMED: Readonly<Record<Status, number>> = {FAIL: 6, UNKNOWN: 1, PASS: 0, SKIP: 0}
/** A remedy as short as this is sooner read again than looked up. */
const SHORT = 40

function itemsOf({items, status}: Result, verbose: boolean): string[] {
  const shown = verbose ? items : items.slice(0, NAMED[status])
  const more = shown.length === 0 ? 0 : items.length - shown.length
  return [...shown, ...(more > 0 ? [`and ${more} more (--verbose names them)`] : [])]
}

function linesOf(result: Result, verbose: boolean): string[] {
  const {id, status, title, reason, passes, remedy} = result
  return [
    `  ${status.padEnd(STATUS_WIDTH)}${title}: ${reason}`,
    ...(verbose ? [`${INDENT}${id} passes when ${passes}`] : []),
    ...itemsOf(result, verbose).map(item => `${INDENT}- ${item}`),
    ...(remedy === null ? [] : [`${INDENT}-> ${remedy}`]),
  ]
}

/** A group that has nothing to do with this machine takes one line. */
function groupLines(name: string, results: readonly Result[], verbose: boolean): string[] {
  const [first] = results
  const same = results.every(({status, reason}) => status === 'SKIP' && reason === first!.reason)
  if (same && results.length > 1 && !verbose)
    return [`${name}`, `  ${'SKIP'.padEnd(STATUS_WIDTH)}${results.length} checks: ${first!.reason}`]
  return [name, ...results.flatMap(result => linesOf(result, verbose))]
}

/** The same step for several checks is written once. */
function onceEach(lines: readonly string[]): string[] {
  const seen = new Set<string>()
  return lines.map(line => {
    if (!line.startsWith(`${INDENT}->`) || line.length < INDENT.length + SHORT) return line
    if (seen.has(line)) return `${INDENT}-> as above`
    seen.add(line)
    return line
  })
}

export function doctorText({checks}: Diagnosis, verbose: boolean): string {
  const groups = new Map<string, Result[]>()
  for (const check of checks) groups.set(check.group, [...(groups.get(check.group) ?? []), check])
  const lines = [...groups].flatMap(([name, results]) => groupLines(name, results, verbose))
  return onceEach(lines)
    .map(line => `${harmless(line)}\n`)
    .join('')
}

/** One line: which machine, looked at as what, and the counts. */
export function doctorSummary(host: string, {for: use, because, kernel, counts}: Diagnosis): string {
  const numbers = Object.entries(counts).map(([status, n]) => `${n} ${status}`)
  return harmless(`${host}, Linux ${kernel ?? '?'}, as a TDISP ${use} (${because}): ${numbers.join(', ')}`)
}
