/** Streams whose ends disagree, protect nothing, or cover the wrong traffic. */
import type {LinkStreamAccount, StreamAccount, StreamEnd} from '../account.js'
import {associationFindings} from './association-findings.js'
import type {Accounted, Seen} from './findings.js'
import type {Machine} from './machine.js'
import {SHARED_SETTINGS} from './streams.js'

type AnyEnd = NonNullable<StreamAccount['rootPort'] | LinkStreamAccount['upper']>
type Ends = readonly [AnyEnd | null, AnyEnd | null]

/** What findings call a stream: the kernel's name for it, or its Selective block where the kernel has none. */
export function subjectOf({bridge, name, rootPort, endpoint}: StreamAccount): string {
  if (name !== null) return `${bridge}/${name}`
  const end = endpoint?.known ? endpoint : rootPort
  return end?.known ? end.value.bdf : (bridge ?? 'unknown')
}

/** A stream link names both blocks; of a stream that nobody names the other end is searched for. */
const said = (end: AnyEnd | null, linked: boolean): string => {
  if (end === null) return linked ? 'no such block' : 'no other end found'
  if (!end.known) return `unknown (${end.reason})`
  const {bdf, block, registers} = end.value
  const what = `${bdf} ${registers.kind === 'link' ? 'link ' : ''}block ${block}`
  return registers.enabled ? `${what} Stream ID ${registers.streamId} ${registers.state}` : `${what} disabled`
}

const both = ([near, far]: Ends, linked = false): string => `${said(near, linked)}; ${said(far, linked)}`

/** The same for both kinds of stream: state of two ends against each other. */
function stateFindings(state: StreamAccount['state'], ends: Ends, subject: string): Seen[] {
  const known = ends.flatMap(end => (end?.known ? [end.value.registers] : []))
  const enabled = known.filter(registers => registers.enabled)
  if (state === 'one-sided') return [{code: 'stream-one-sided', subject, message: both(ends)}]
  if (enabled.length === 0 || state === 'secure') return []
  const insecure = enabled.filter(({secure}) => !secure)
  const seen: Seen[] = []
  const [a, b] = enabled
  const differing = b === undefined ? [] : SHARED_SETTINGS.filter(setting => a![setting] !== b[setting])
  if (differing.length > 0)
    seen.push({code: 'stream-mismatch', subject, message: `the ends differ in ${differing.join(', ')}: ${both(ends)}`})
  if (insecure.length > 0)
    seen.push({
      code: enabled.length === 2 && insecure.length === 1 ? 'stream-half-secure' : 'stream-insecure',
      subject,
      message: both(ends),
    })
  return seen
}

function linkFindings(stream: StreamAccount, subject: string): Seen[] {
  const ends: Ends = [stream.rootPort, stream.endpoint]
  const seen: Seen[] = []
  if (stream.rootPort === null || stream.endpoint === null)
    seen.push({code: 'link-no-block', subject, message: both(ends, true)})
  const known = ends.flatMap(end => (end?.known ? [end.value as StreamEnd] : []))
  const dropped = known.find(({registers}) => !registers.usableByLinux)
  if (dropped !== undefined)
    seen.push({
      code: 'link-no-block',
      subject,
      message: `${dropped.bdf} block ${dropped.block} is one that Linux does not use`,
    })
  if (known.length > 0 && known.every(({registers}) => !registers.enabled))
    seen.push({code: 'link-disabled', subject, message: both(ends)})
  return seen
}

const ERRATA = [
  ['cve-2025-9612', 'a read can overtake a write there unnoticed'],
  ['cve-2025-9613', 'a completion held back there can answer a later request'],
  ['cve-2025-9614', 'a write held back there can arrive after the interface changed hands'],
] as const

function errata(machine: Machine, {endpoint}: StreamAccount, subject: string): Seen[] {
  const fn = endpoint?.known ? machine.at(endpoint.value.bdf) : undefined
  if (fn === undefined || !endpoint?.known || !endpoint.value.registers.enabled || fn.ports.length < 2) return []
  const path = fn.ports.slice(1).join(', ')
  return ERRATA.map(([code, what]) => ({
    code,
    subject,
    message: `the stream passes the switch of ${path}: ${what}, unless both ends have the correction`,
  }))
}

function selective(machine: Machine, stream: StreamAccount): Seen[] {
  const subject = subjectOf(stream)
  const ends: Ends = [stream.rootPort, stream.endpoint]
  const [known] = ends.flatMap(end => (end?.known ? [end.value] : []))
  const fn = known === undefined ? undefined : machine.at(known.bdf)
  const foreign = stream.name === null && fn !== undefined && machine.ownersKnown(fn).known
  return [
    ...(foreign ? [{code: 'stream-foreign', subject, message: both(ends)} as const] : []),
    ...(stream.name === null ? [] : linkFindings(stream, subject)),
    ...stateFindings(stream.state, ends, subject),
    ...associationFindings(machine, stream, subject),
    ...errata(machine, stream, subject),
  ]
}

function link({upper, lower, state, bridge}: LinkStreamAccount): Seen[] {
  const end = lower?.known ? lower : upper
  return stateFindings(state, [upper, lower], end?.known ? end.value.bdf : (bridge ?? 'unknown'))
}

export const streamFindings = (machine: Machine, {streams, linkStreams}: Accounted): Seen[] => [
  ...streams.flatMap(stream => selective(machine, stream)),
  ...linkStreams.flatMap(link),
]
