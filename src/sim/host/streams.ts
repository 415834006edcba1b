/** IDE streams: three index pools and one of IDs, all lowest free first, and the registers of both ends. */
import {IDLE_STREAM_ID, STREAM_STATE} from '../../ide/index.js'
import {PORT_TYPE, ridOf} from '../../pci/index.js'
import {KEYS_OF_STREAM, keysInCommon} from '../tsm/index.js'
import {clearedBlock} from './enumeration.js'
import {type Host, type HostSimFunction, isPresent} from './facts.js'
import type {SelectiveRegisters, StreamState, WindowText} from './types.js'

export type End = 'root-port' | 'endpoint'

/** What goes wrong while a stream is made. */
export interface StreamTrouble {
  /** This end does not become Secure. */
  readonly insecure?: End
  /** This end is not enabled at all. */
  readonly disabled?: End
  /** The TSM asks for this ID instead of its slot's. */
  readonly streamId?: number
}

const LAST_ID = 255
const LAST_RID = 0xffff

const lowestFree = (size: number, taken: ReadonlySet<number>): number | undefined => {
  for (let i = 0; i < size; i++) if (!taken.has(i)) return i
  return undefined
}

export const poolOf = ({platform}: Host, bridge: string): number =>
  platform.bridges.find(({name}) => name === bridge)!.pool

const slotsTaken = ({now}: Host, bridge: string): Set<number> =>
  new Set(now.streams.flatMap(stream => (stream.bridge === bridge ? [stream.slot] : [])))

export const available = (host: Host, bridge: string): number => poolOf(host, bridge) - slotsTaken(host, bridge).size

/** First Selective block of `bdf` that is neither in use nor was enabled when the kernel first looked. */
function freeBlock({now}: Host, bdf: string): number | undefined {
  const kernel = now.ide[bdf]?.kernel
  if (!kernel) return undefined
  const named = now.streams.flatMap(({rootPort, rootPortBlock, endpoint, endpointBlock}) => [
    ...(rootPort === bdf ? [rootPortBlock] : []),
    ...(endpoint === bdf ? [endpointBlock] : []),
  ])
  return lowestFree(kernel.blocks, new Set([...named, ...kernel.held]))
}

/** Slot and blocks for a stream to `fn`; undefined when there are none. Only endpoints can have one. */
function allocate(host: Host, {bdf, host: facts}: HostSimFunction): Omit<StreamState, 'id'> | undefined {
  if (facts.portType !== PORT_TYPE.endpoint || facts.rootPort === null) return undefined
  const slot = lowestFree(poolOf(host, facts.bridge), slotsTaken(host, facts.bridge))
  const rootPortBlock = freeBlock(host, facts.rootPort)
  const endpointBlock = freeBlock(host, bdf)
  if (slot === undefined || rootPortBlock === undefined || endpointBlock === undefined) return undefined
  return {bridge: facts.bridge, slot, rootPort: facts.rootPort, rootPortBlock, endpoint: bdf, endpointBlock}
}

/** Errno of registering `id`, or undefined. */
function idRefused({now}: Host, bridge: string, id: number): string | undefined {
  if (id < 0 || id > LAST_ID) return 'ENXIO'
  const taken =
    id === IDLE_STREAM_ID ||
    now.claimed[bridge]?.includes(id) ||
    now.streams.some(stream => stream.bridge === bridge && stream.id === id)
  return taken ? 'EBUSY' : undefined
}

/** Registers at both ends. */
export const blocksOf = ({now}: Host, stream: StreamState): Record<End, SelectiveRegisters> => ({
  'root-port': now.ide[stream.rootPort]!.selective[stream.rootPortBlock]!,
  endpoint: now.ide[stream.endpoint]!.selective[stream.endpointBlock]!,
})

/** RIDs from the endpoint to its last enabled VF. */
function ridRange(host: Host, bdf: string): [number, number] {
  const vfs = [...host.functions.values()].filter(fn => fn.host.vf?.physfn === bdf && isPresent(host, fn.bdf))
  const last = vfs.reduce((a, b) => (a === undefined || b.host.vf!.index > a.host.vf!.index ? b : a), vfs[0])
  return [ridOf(bdf), ridOf(last?.bdf ?? bdf)]
}

/** Windows of the bridge directly above, as far as the root port's block has room for them. */
function windowsFor({functions}: Host, {rootPort, endpoint}: StreamState): WindowText[] {
  const bridge = functions.get(functions.get(endpoint)!.host.upstream!)!.host
  const room = functions.get(rootPort)!.host.ide!.associations[0]!
  return [bridge.memory, bridge.prefetchable].filter(window => window !== null).slice(0, room)
}

/** Writes everything but the enable bit. */
function setUp(host: Host, stream: StreamState): void {
  const {provider} = host.platform
  // AMD's driver sets these bits whatever the capabilities say
  const sev = provider.like === 'sev-tio'
  const all: [number, number] = [0, LAST_RID]
  const capability = (bdf: string) => host.functions.get(bdf)!.host.ide!
  const ends = blocksOf(host, stream)
  const rootRid = ridOf(stream.rootPort)
  // an ID that the registers have no room for is refused later
  const streamId = stream.id % (LAST_ID + 1)
  Object.assign(ends.endpoint, clearedBlock(), {
    fail: ends.endpoint.fail,
    streamId,
    defaultStream: sev,
    config: !sev && capability(stream.endpoint).config,
    tee: sev || capability(stream.endpoint).teeLimited,
    rids: provider.ranges === 'all' ? all : [rootRid, rootRid],
  } satisfies Partial<SelectiveRegisters>)
  Object.assign(ends['root-port'], clearedBlock(), {
    fail: ends['root-port'].fail,
    streamId,
    config: sev || capability(stream.rootPort).config,
    tee: !sev && capability(stream.rootPort).teeLimited,
    rids: provider.ranges === 'all' ? all : ridRange(host, stream.endpoint),
    addresses: windowsFor(host, stream),
  } satisfies Partial<SelectiveRegisters>)
}

/** Both ends have keys, the same ones, and use them. */
function isKeyed({state, platform}: Host, {endpoint}: StreamState): boolean {
  if (platform.provider.spdm === 'none') return true
  const {device, tsm} = state.links[endpoint] ?? {}
  const port = device?.dsm.ports[0]
  return port !== undefined && tsm?.stream != null && keysInCommon(tsm.stream, port) === KEYS_OF_STREAM
}

/** Enables both ends; whether both are Secure. */
function enable(host: Host, stream: StreamState, {insecure, disabled}: StreamTrouble): boolean {
  const ends = blocksOf(host, stream)
  const keyed = isKeyed(host, stream)
  for (const end of ['endpoint', 'root-port'] as const) {
    if (end === disabled) continue
    ends[end].enable = true
    ends[end].state = keyed && end !== insecure ? STREAM_STATE.secure : STREAM_STATE.insecure
  }
  return keyed && insecure === undefined
}

/** Disables and clears both ends: the ID field is 0 afterwards. What the hardware reported stays. */
function tearDown(host: Host, stream: StreamState): void {
  for (const registers of Object.values(blocksOf(host, stream))) {
    const {fail} = registers
    Object.assign(registers, clearedBlock(), {fail})
  }
}

/** A stream whose registers are set up, but not enabled. */
export interface StreamBegun {
  readonly stream: StreamState
  /** Its ID will be refused in the end. */
  readonly refused: string | undefined
}

/** Prepares the stream of `fn` as the TSM wants it; an errno and nothing left behind when that is not possible. */
export function beginStream(host: Host, fn: HostSimFunction, {streamId}: StreamTrouble): StreamBegun | string {
  const place = allocate(host, fn)
  if (place === undefined) return 'EFAULT'
  const stream: StreamState = {...place, id: streamId ?? place.slot}
  const refused = idRefused(host, stream.bridge, stream.id)
  if (refused !== undefined && host.platform.provider.registers === 'first') return refused
  setUp(host, stream)
  return {stream, refused}
}

/** Puts a stream to use whose ends have been keyed; an errno and nothing left behind when that is not possible. */
export function finishStream(host: Host, {stream, refused}: StreamBegun, trouble: StreamTrouble): string | undefined {
  const secure = enable(host, stream, trouble)
  const errno = secure || host.platform.provider.insecure === 'swallowed' ? refused : 'ENXIO'
  if (errno === undefined) host.now.streams.push(stream)
  else tearDown(host, stream)
  return errno
}

/** Ends the stream of `bdf`, if it has one. */
export function endStream(host: Host, bdf: string): void {
  const stream = host.now.streams.find(({endpoint}) => endpoint === bdf)
  if (stream === undefined) return
  tearDown(host, stream)
  host.now.streams = host.now.streams.filter(one => one !== stream)
}
