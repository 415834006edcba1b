/** Streams: what the kernel's links claim, checked against the registers of both ends, and what no link claims. */
import {type Known, known, mapKnown, unknown, valueOf} from '../../known.js'
import type {StreamAccount, StreamEnd, StreamState} from '../account.js'
import type {LinkStream, SelectiveStream} from '../decode.js'
import type {FabricBridge, FabricFunction, FabricLink} from '../fabric.js'
import {isRootPort, type Machine, unnamedBlocks} from './machine.js'

type End<R> = Known<{readonly registers: R}> | null

/** Settings that both ends of a stream must share, PCIe r6.2 §6.33.3: else no packet passes the check. */
export const SHARED_SETTINGS = ['streamId', 'trafficClass', 'algorithm', 'pcrc'] as const

/** State of a stream from the registers of its ends. */
export function stateOf(a: End<SelectiveStream | LinkStream>, b: End<SelectiveStream | LinkStream>): StreamState {
  if ((a !== null && !a.known) || (b !== null && !b.known)) return 'unknown'
  if (a === null || b === null) return 'one-sided'
  const [x, y] = [a.value.registers, b.value.registers]
  if (x.enabled !== y.enabled) return 'one-sided'
  if (!x.enabled) return 'insecure'
  if (SHARED_SETTINGS.some(setting => x[setting] !== y[setting])) return 'mismatch'
  return x.secure && y.secure ? 'secure' : 'insecure'
}

/** Stream ID that the enabled ends agree on. */
export function sharedId(...ends: readonly End<SelectiveStream | LinkStream>[]): number | null {
  const ids = new Set<number>()
  for (const end of ends) {
    const registers = end === null ? undefined : valueOf(end)?.registers
    if (registers?.enabled) ids.add(registers.streamId)
  }
  const [id, ...others] = ids
  return id === undefined || others.length > 0 ? null : id
}

/** The Selective block that a stream link names; null when the function has none of that number. */
function endOf(machine: Machine, bdf: string, block: number): Known<StreamEnd> | null {
  const fn = machine.at(bdf)
  if (fn === undefined) return unknown(`${bdf} is not listed`)
  if (!fn.ide.known) return fn.ide
  const registers = fn.ide.value?.selectiveStreams[block]
  return registers === undefined ? null : known({bdf, block, registers})
}

function linkedStream(machine: Machine, bridge: FabricBridge, link: FabricLink): StreamAccount {
  const {name, slot, endpoint} = link
  const far = endpoint.known ? endOf(machine, endpoint.value, link.endpointBlock) : endpoint
  const near = endpoint.known ? rootPortEnd(machine, endpoint.value, link.rootPortBlock) : endpoint
  const state = near === null || far === null ? 'mismatch' : stateOf(near, far)
  return {bridge: bridge.name, name, slot, streamId: sharedId(near, far), rootPort: near, endpoint: far, state}
}

function rootPortEnd(machine: Machine, endpoint: string, block: number): Known<StreamEnd> | null {
  const fn = machine.at(endpoint)
  const port = fn?.ports[0]
  if (port !== undefined) return endOf(machine, port, block)
  return fn === undefined ? unknown(`${endpoint} is not listed`) : null
}

const covers = ({rid}: SelectiveStream, fn: FabricFunction): boolean =>
  rid.valid && rid.base <= fn.rid && fn.rid <= rid.limit

/** Streams of blocks that no link names: ends with the same Stream ID at a root port and behind it belong together. */
function* foreignStreams(machine: Machine, bridge: string | null): Generator<StreamAccount> {
  const functions = machine.below(bridge)
  const near = new Map<string, SelectiveStream[]>()
  for (const fn of functions) if (isRootPort(fn)) near.set(fn.bdf, [...unnamedBlocks(machine, fn)])
  const stream = (rootPort: Known<StreamEnd> | null, endpoint: Known<StreamEnd> | null): StreamAccount => {
    const state = stateOf(rootPort, endpoint)
    return {bridge, name: null, slot: null, streamId: sharedId(rootPort, endpoint), rootPort, endpoint, state}
  }
  for (const fn of functions) {
    if (isRootPort(fn)) continue
    for (const registers of unnamedBlocks(machine, fn)) {
      const above = mapKnown(machine.rootPortOf(fn), port => port?.bdf)
      const far = known({bdf: fn.bdf, block: registers.index, registers})
      const port = valueOf(above)
      const blocks = port === undefined ? [] : (near.get(port) ?? [])
      const alike = blocks.filter(({streamId}) => streamId === registers.streamId)
      // more than one of the same ID is a fault of its own: the one that is meant for this function goes first
      const match = alike.find(block => covers(block, fn)) ?? alike[0]
      if (match !== undefined && port !== undefined) {
        blocks.splice(blocks.indexOf(match), 1)
        yield stream(known({bdf: port, block: match.index, registers: match}), far)
      } else yield stream(unreadPort(machine, above), far)
    }
  }
  for (const [bdf, blocks] of near)
    for (const registers of blocks)
      yield stream(known({bdf, block: registers.index, registers}), unreadBehind(machine, bdf))
}

/** Why the root port may have the other end although none was found; null when it was read and has none. */
function unreadPort(machine: Machine, above: Known<string | undefined>): Known<never> | null {
  if (!above.known) return above
  const ide = above.value === undefined ? undefined : machine.at(above.value)?.ide
  return ide === undefined || ide.known ? null : ide
}

function unreadBehind(machine: Machine, rootPort: string): Known<never> | null {
  const unread = machine.behind(rootPort).find(({ide, physfn}) => physfn === null && !ide.known)?.ide
  return unread === undefined || unread.known ? null : unread
}

/** Per host bridge: streams of the kernel's links by slot, then the others. */
export const streamAccounts = (machine: Machine): readonly StreamAccount[] => [
  ...machine.bridges.flatMap(bridge => [
    ...machine.links(bridge).map(link => linkedStream(machine, bridge, link)),
    ...foreignStreams(machine, bridge.name),
  ]),
  ...foreignStreams(machine, null),
]
