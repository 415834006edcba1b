/** A device as the host side sees it: its connection, its streams at both ends, and who depends on it. */
import {harmless, printable, TsmctlError} from '../errors.js'
import type {StreamAccount, StreamEnd} from '../ide/index.js'
import {attributeText, type Kernel} from '../kernel/index.js'
import {type Known, type Present, valueOf} from '../known.js'
import {
  connectionNamed,
  deviceDirectory,
  type FunctionFacts,
  inspectFunction,
  readTsmAttributes,
  type TsmAttributes,
} from '../pci/index.js'
import {type HostDevice, type IdeView, leftovers, observe, type PreflightCheck, streamsOf} from '../tsm/index.js'
import {readIdeView} from './ide-view.js'

/** One end of a stream. What the registers say is null where there is no block or it could not be read. */
export interface EndView {
  readonly bdf: string | null
  readonly block: number | null
  readonly enabled: boolean | null
  readonly streamId: number | null
  readonly state: string | null
  /** Why it is not known; null when it is. */
  readonly unknown: string | null
}

/** A stream of a connection: where it is and how it stands, without the rest of its registers. */
export interface ConnectionStream {
  readonly name: string
  readonly bridge: string
  readonly slot: number
  readonly streamId: number | null
  readonly state: StreamAccount['state']
  readonly rootPort: EndView
  readonly endpoint: EndView
}

/** A function that depends on a DSM. */
export interface Subfunction {
  readonly bdf: string
  /** TSM that has it bound to a guest; null when none has, or when it is not known. */
  readonly bound: string | null
  readonly unknown: string | null
}

export interface HostConnection {
  readonly bdf: string
  /** TSM it is connected to. */
  readonly tsm: string | null
  readonly dsm: string | null
  /** Streams that the kernel made for it; null when they could not be told. */
  readonly streams: readonly ConnectionStream[] | null
  readonly pool: {readonly bridge: string; readonly available: number | null; readonly size: number | null} | null
  readonly subfunctions: readonly Subfunction[]
  /** What of the above could not be read. */
  readonly unknown: readonly string[]
}

/** Everything one look at a device gave. */
export interface HostLook {
  readonly facts: FunctionFacts
  readonly device: HostDevice
  readonly ide: IdeView
  readonly connection: HostConnection
}

const textOf = (attribute: Present<string>): string | null =>
  attribute.present ? (valueOf(attribute.value) ?? null) : null

const reasonsOf = (...attributes: readonly Present<unknown>[]): string[] =>
  attributes.flatMap(attribute => (attribute.present && !attribute.value.known ? [attribute.value.reason] : []))

function endView(end: Known<StreamEnd> | null): EndView {
  const none: EndView = {bdf: null, block: null, enabled: null, streamId: null, state: null, unknown: null}
  if (end === null) return none
  if (!end.known) return {...none, unknown: end.reason}
  const {bdf, block, registers} = end.value
  const {enabled, streamId, state} = registers
  return {bdf, block, enabled, streamId: enabled ? streamId : null, state, unknown: null}
}

const streamView = ({bridge, name, slot, streamId, state, rootPort, endpoint}: StreamAccount): ConnectionStream => ({
  name: name ?? '',
  bridge: bridge ?? '',
  slot: slot ?? 0,
  streamId,
  state,
  rootPort: endView(rootPort),
  endpoint: endView(endpoint),
})

const dependsOn = (bdf: string, {dsm}: TsmAttributes): boolean => textOf(dsm) === bdf

/** Functions other than `bdf` whose DSM it is. */
async function readSubfunctions(
  kernel: Kernel,
  bdf: string,
  functions: readonly {readonly bdf: string}[],
  signal: AbortSignal | undefined,
): Promise<Subfunction[]> {
  const out: Subfunction[] = []
  for (const {bdf: other} of functions) {
    if (other === bdf || kernel.stat(`${deviceDirectory(other)}/tsm/dsm`) === undefined) continue
    // one after the other: the kernel serialises them anyway
    // oxlint-disable-next-line no-await-in-loop
    const attributes = await readTsmAttributes(kernel, other, signal)
    const [reason] = reasonsOf(attributes.dsm, attributes.bound)
    if (dependsOn(bdf, attributes) || reasonsOf(attributes.dsm).length > 0)
      out.push({bdf: other, bound: textOf(attributes.bound) || null, unknown: reason ?? null})
  }
  return out
}

function poolOf({account}: IdeView, bridge: string | undefined): HostConnection['pool'] {
  const found = account.bridges.find(({name}) => name === bridge)
  if (found === undefined) return null
  const {name, available, pool} = found
  return {
    bridge: name,
    available: available.present ? (valueOf(available.value) ?? null) : null,
    size: valueOf(pool) ?? null,
  }
}

/** What `power/control` reads; null where there is none: a capture need not hold it. */
function readPowerControl(kernel: Kernel, bdf: string): string | null {
  const path = `${deviceDirectory(bdf)}/power/control`
  if (kernel.stat(path) === undefined) return null
  try {
    return attributeText(kernel.read(path))
  } catch (error) {
    if (error instanceof TsmctlError) return null
    throw error
  }
}

/** How often it is looked when somebody else connects and disconnects meanwhile. */
const ROUNDS = 3

/**
 * Looks at `bdf`, again when its connection changed meanwhile: connection and streams are of one moment. Throws
 * TsmctlError `not-found` when there is no such function, ErrnoError EINTR on abort.
 */
export async function lookAtHost(kernel: Kernel, bdf: string, signal?: AbortSignal): Promise<HostLook> {
  for (let round = 1; ; round++) {
    // oxlint-disable-next-line no-await-in-loop
    const look = await lookOnce(kernel, bdf, signal)
    // oxlint-disable-next-line no-await-in-loop
    if ((await connectNow(kernel, bdf, signal)) === textOf(look.facts.tsm.connect)) return look
    if (round === ROUNDS) return unsettled(look)
  }
}

/** The connection that `tsm/connect` names; null where there is none or it cannot be read. */
async function connectNow(kernel: Kernel, bdf: string, signal: AbortSignal | undefined): Promise<string | null> {
  try {
    const text = await observe(kernel, `${deviceDirectory(bdf)}/tsm/connect`, signal)
    return text === null ? null : connectionNamed(kernel, text)
  } catch (error) {
    if (signal?.aborted || !(error instanceof TsmctlError)) throw error
    return null
  }
}

function unsettled(look: HostLook): HostLook {
  const unknown = [...look.connection.unknown, 'it was connected or disconnected at every look']
  return {...look, connection: {...look.connection, streams: null, unknown}}
}

/**
 * `look` until nothing is left of the streams that `before` shows. A neighbour's stream under way has its slot before
 * its link, so one look does not prove anything against the kernel; the next one waits for the neighbour.
 */
export async function lookUntilClear(
  before: HostLook,
  look: () => Promise<HostLook>,
): Promise<{readonly after: HostLook; readonly left: readonly string[]}> {
  for (let round = 1; ; round++) {
    // oxlint-disable-next-line no-await-in-loop
    const after = await look()
    const left = after.connection.tsm === null ? leftovers(before.facts.bdf, before.ide, after.ide) : []
    if (left.length === 0 || round === ROUNDS) return {after, left}
  }
}

async function lookOnce(kernel: Kernel, bdf: string, signal: AbortSignal | undefined): Promise<HostLook> {
  const facts = await inspectFunction(kernel, bdf, signal)
  const bridge = valueOf(facts.place)?.hostBridge
  // a stream and a DSM serve nothing below another host bridge
  const ide = await readIdeView(kernel, signal, bridge)
  const subfunctions = await readSubfunctions(kernel, bdf, ide.fabric.functions, signal)
  const streams = streamsOf(ide, bdf)
  const {connect, dsm} = facts.tsm
  return {
    facts,
    device: {bdf, powerControl: readPowerControl(kernel, bdf)},
    ide,
    connection: {
      bdf,
      tsm: textOf(connect) || null,
      dsm: textOf(dsm) || null,
      streams: streams.known ? streams.value.map(streamView) : null,
      pool: poolOf(ide, bridge),
      subfunctions,
      unknown: [
        ...(connect.present ? [] : ['the kernel shows no tsm/connect for it']),
        ...reasonsOf(connect, dsm),
        ...(streams.known ? [] : [streams.reason]),
      ],
    },
  }
}

const endWords = ({state, unknown, enabled}: EndView): string =>
  unknown !== null ? 'unknown' : enabled === null ? 'missing' : enabled ? (state ?? 'unknown') : 'not enabled'

const streamWords = ({name, streamId, state, rootPort, endpoint}: ConnectionStream): string =>
  state === 'secure'
    ? `${name} (Stream ID ${streamId}) secure at both ends`
    : `${name} ${state} (root port: ${printable(endWords(rootPort))}, device: ${printable(endWords(endpoint))})`

/** A check of the prediction: what was found speaks for itself; what was not needs the question with it. */
export function checkText({result, title, errno, reason}: PreflightCheck): string {
  const about = result === 'unknown' || result === 'not-applicable' ? `${title}? ` : ''
  return `${about}${harmless(reason, 300)}${errno === null ? '' : ` (${errno})`}`
}

/** `connected to tsm0, stream0.0.0 (Stream ID 0) secure at both ends`. */
export function connectionText({tsm, streams, unknown}: HostConnection): string {
  if (tsm === null) return unknown.length > 0 ? `unknown (${printable(unknown[0]!, 200)})` : 'not connected'
  const links =
    streams === null ? 'streams unknown' : streams.length === 0 ? 'no IDE stream' : streams.map(streamWords).join(', ')
  return `connected to ${printable(tsm)}, ${links}`
}
