/** From the text of a scenario to a checked description. */
import {type Document, isScalar, parseDocument, type Scalar, visit} from 'yaml'
import {printable, quoted, TsmctlError} from '../errors.js'
import {isRecord} from '../records.js'
import {type Fault, isTdispFault, isWorldFault, kindsAt} from './faults.js'
import {kindNamed} from './kinds.js'
import {HOST_SCENARIO, type HostScenario} from './host/schema.js'
import {type DsmSpec, FAULT, type Scenario, SCENARIO} from './scenario-schema.js'
import {SCENARIO_TEXTS, SCENARIOS} from './scenarios/index.js'
import {checked, nearest} from './strict-schema.js'

/** A built-in scenario by name, or a scenario's text and what to call it. */
export type ScenarioSource = string | {readonly name: string; readonly text: string}

const FIRST_LINE = 80
/** Characters; a machine of 512 devices needs a tenth of it. */
const LONGEST = 1024 * 1024

function refuse(attempted: string, got: string, hint?: string): never {
  throw new TsmctlError({kind: 'malformed', attempted, got, hint})
}

/**
 * What is wrong with the keys of a map, if anything. The parser's own check for keys that come twice takes time by the
 * square of their number.
 */
function wrongKeys(document: Document): string | undefined {
  let wrong: string | undefined
  visit(document, {
    Map(_, {items}) {
      if (!items.every(({key}) => isScalar(key))) wrong = 'keys must be words'
      else if (new Set(items.map(({key}) => (key as Scalar).value)).size < items.length)
        wrong = 'Map keys must be unique'
      return wrong === undefined ? undefined : visit.BREAK
    },
  })
  return wrong
}

function documentOf(text: string, attempted: string): Document {
  try {
    return parseDocument(text, {version: '1.2', schema: 'core', strict: true, uniqueKeys: false})
  } catch (error) {
    // the parser recurses: nesting that exhausts the stack is no scenario
    return refuse(attempted, `not the YAML of a scenario: ${printable((error as Error).message, FIRST_LINE)}`)
  }
}

function parseYaml(text: string, attempted: string): Readonly<Record<string, unknown>> {
  if (text.length > LONGEST) refuse(attempted, `larger than ${LONGEST} characters`)
  const document = documentOf(text, attempted)
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined)
    refuse(attempted, `not the YAML of a scenario: ${printable(problem.message.split('\n')[0]!, FIRST_LINE)}`)
  const wrong = wrongKeys(document)
  if (wrong !== undefined) refuse(attempted, `not the YAML of a scenario: ${wrong}`)
  // no aliases: nothing here repeats itself, and a small text cannot become a large machine
  let content: unknown
  try {
    content = document.toJS({maxAliasCount: 0})
  } catch {
    return refuse(attempted, 'aliases are not allowed')
  }
  if (!isRecord(content)) return refuse(attempted, 'not a mapping with title and devices')
  return content
}

/** Root ports sit at device number = bus number, so that every bus has one. */
const LAST_BUS = 0x1f

const describesDsm = ({model, ranges, serial, measurements, mode}: DsmSpec): boolean =>
  (model ?? ranges ?? serial) !== undefined || measurements.length + mode.length > 0

/** What the schema cannot say: relations between devices. */
function checkDevices({devices}: Scenario, attempted: string): void {
  const seen = new Set<string>()
  for (const [i, {at, kind, bars, ...device}] of devices.entries()) {
    const where = `devices[${i}]`
    if (seen.has(at)) refuse(attempted, `${where}.at: ${at} is there already`)
    seen.add(at)
    const bus = Number.parseInt(at.split(':')[1]!, 16)
    if (bus > LAST_BUS) refuse(attempted, `${where}.at: buses beyond 1f are not simulated`)
    const port = `${at.split(':')[0]}:00:${bus.toString(16).padStart(2, '0')}.0`
    if (bus > 0 && devices.some(other => other.at === port))
      refuse(attempted, `${where}.at: ${port} is the root port of bus ${bus}, and a device as well`)
    if (describesDsm(device) && kindNamed(kind).model === null)
      refuse(attempted, `${where}: a ${kind} has no DSM, so no model, measurements, mode or ranges`)
    const {dsm} = device
    if (dsm !== undefined && !devices.some(other => other.at === dsm && other.dsm === undefined && other.kind === kind))
      refuse(attempted, `${where}.dsm: no ${kind} with a DSM of its own is at ${dsm}`)
    checkBars(bars ?? kindNamed(kind).bars, where, attempted)
  }
}

function checkBars(
  bars: readonly {readonly bar: number; readonly kind: string}[],
  where: string,
  attempted: string,
): void {
  const taken = new Set<number>()
  for (const {bar, kind} of bars)
    for (const slot of kind === 'mem64' ? [bar, bar + 1] : [bar]) {
      if (taken.has(slot) || slot > 5) refuse(attempted, `${where}.bars: BAR ${bar} does not fit beside the others`)
      taken.add(slot)
    }
}

/** What happens to one object of a dump. */
const ALTERS_ONE: readonly string[] = ['flip-bit', 'swap', 'truncate', 'duplicate', 'oversize', 'double-fetch']
/** Bytes: enough for an object larger than any may be. */
const LARGEST = 2 ** 25

/** What the schema cannot say about one fault. */
function checkFault(fault: Fault, where: string, attempted: string): Fault {
  const kinds = kindsAt(fault.at)
  if (!kinds.includes(fault.do))
    refuse(
      attempted,
      `${where}.do: ${fault.do} is nothing that can happen at ${fault.at}`,
      `Known there: ${kinds.join(', ')}.`,
    )
  const needs = {
    errno: ['errno', 'errno-after', 'hostile-text'].includes(fault.do),
    ms: fault.do === 'delay',
    seconds: fault.do === 'clock',
    object: fault.at === 'evidence' && ALTERS_ONE.includes(fault.do),
    with: fault.do === 'swap',
    id: fault.do === 'stream-id',
    block: fault.do === 'ide-fail',
    count: fault.do === 'vfs',
  }
  for (const [key, needed] of Object.entries(needs)) {
    if (needed && !(key in fault)) refuse(attempted, `${where}.${key} is missing: ${fault.do} needs it`)
    if (!needed && key in fault && !(key === 'object' && fault.do === 'replay'))
      refuse(attempted, `${where}.${key}: ${fault.do} at ${fault.at} takes none`)
  }
  if ('offset' in fault && !['flip-bit', 'truncate', 'oversize'].includes(fault.do))
    refuse(attempted, `${where}.offset: ${fault.do} takes none`)
  if (fault.do === 'oversize' && (fault.offset ?? 0) > LARGEST) refuse(attempted, `${where}.offset: at most ${LARGEST}`)
  if ('when' in fault && (!isWorldFault(fault) || fault.at === 'now'))
    refuse(attempted, `${where}.when: ${fault.do} at ${fault.at} takes none`)
  if (fault.when === 'during' && (fault.do !== 'regenerate' || fault.at !== 'evidence'))
    refuse(attempted, `${where}.when: only regenerate at evidence can come during`)
  if ('request' in fault && (fault.at === 'now' || !isTdispFault(fault)))
    refuse(attempted, `${where}.request: ${fault.do} at ${fault.at} takes none`)
  if ('code' in fault && fault.do !== 'tdisp-error') refuse(attempted, `${where}.code: ${fault.do} takes none`)
  if ('end' in fault && fault.do !== 'insecure' && fault.do !== 'one-sided')
    refuse(attempted, `${where}.end: ${fault.do} takes none`)
  if ('step' in fault && (fault.at !== 'connect' || (fault.do !== 'spdm-error' && fault.do !== 'no-answer')))
    refuse(attempted, `${where}.step: ${fault.do} at ${fault.at} takes none`)
  return fault
}

/** A fault as somebody wrote it. Throws TsmctlError `malformed`. */
export const parseFault = (given: unknown): Fault =>
  checkFault(checked(FAULT, given, 'use this fault') as Fault, 'fault', 'use this fault')

const faultsOf = ({devices}: Pick<Scenario | HostScenario, 'devices'>, attempted: string): Fault[] =>
  devices.flatMap(({at: device, faults}, i) =>
    faults.map((fault, j) => {
      const where = `devices[${i}].faults[${j}]`
      if (fault.at === 'now') refuse(attempted, `${where}.at: now is for tsmctl sim inject`)
      if (
        fault.with !== undefined &&
        !devices.some(({at, kind}) => at === fault.with && kindNamed(kind).model !== null)
      )
        refuse(attempted, `${where}.with: no device with an identity is at ${fault.with}`)
      return checkFault({device, ...fault} as Fault, where, attempted)
    }),
  )

function textOf(source: ScenarioSource): {name: string; text: string} {
  if (typeof source !== 'string') return source
  const text = Object.hasOwn(SCENARIO_TEXTS, source) ? SCENARIO_TEXTS[source] : undefined
  if (text !== undefined) return {name: source, text}
  const known = Object.keys(SCENARIOS)
  const meant = nearest(source, known)
  throw new TsmctlError({
    kind: 'usage',
    attempted: `use scenario ${quoted(source)}`,
    got: 'there is no such scenario',
    hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}tsmctl sim list names them all.`,
  })
}

/** A scenario of either language, and how to refuse it for what only building it shows. */
export type ReadScenario = {
  readonly name: string
  readonly faults: Fault[]
  readonly refuse: (got: string) => never
} & ({readonly guest: Scenario; readonly host: null} | {readonly guest: null; readonly host: HostScenario})

/** Host bridges are what only a host scenario has. */
const isHost = (content: Readonly<Record<string, unknown>>): boolean => 'bridges' in content || content.tsm === 'link'

/** Throws TsmctlError: `usage` for an unknown name, `malformed` naming the place for anything else. */
export function readScenario(source: ScenarioSource): ReadScenario {
  const {name, text} = textOf(source)
  const attempted = `use scenario ${printable(name, 200)}`
  const content = parseYaml(text, attempted)
  const common = {name, refuse: (got: string) => refuse(attempted, got)}
  if (isHost(content)) {
    const host = checked(HOST_SCENARIO, content, attempted)
    if (host.devsec !== undefined && host.abi === 'mainline')
      refuse(attempted, 'devsec: Linux 7.3 has no guest side; abi: G2 or P2 has')
    if (host.devsec === undefined)
      for (const key of ['nonce', 'manufacturer'])
        if (key in content) refuse(attempted, `${key}: only with devsec does a host have one`)
    for (const [i, device] of host.devices.entries()) {
      checkBars(device.bars ?? [], `devices[${i}]`, attempted)
      if (host.devsec === undefined && describesDsm(device))
        refuse(
          attempted,
          `devices[${i}]: only with devsec does a host's device have model, measurements, mode or ranges`,
        )
    }
    return {...common, faults: faultsOf(host, attempted), guest: null, host}
  }
  const guest = checked(SCENARIO, content, attempted)
  checkDevices(guest, attempted)
  return {...common, faults: faultsOf(guest, attempted), guest, host: null}
}
