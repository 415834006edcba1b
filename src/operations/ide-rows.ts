/** The account of IDE streams as `ide list` and `ide show` print it: null is what could not be read, with its reason. */
import type {
  BridgeAccount,
  IdeAccount,
  IdeFinding,
  LinkStreamAccount,
  PortAccount,
  StreamAccount,
  StreamState,
} from '../ide/index.js'
import {type Known, type Present, valueOf} from '../known.js'

export interface BridgeRow {
  readonly name: string
  /** False where the kernel makes no streams: it has no pool, which is not an empty one. */
  readonly hasPool: boolean
  /** Slots of the pool, free and taken. */
  readonly pool: number | null
  readonly available: number | null
  readonly slots: readonly number[]
  readonly liveIds: readonly {readonly streamId: number; readonly functions: readonly string[]}[]
  readonly heldIds: readonly number[]
  readonly unread: readonly string[]
  readonly unknown: string | null
}

export interface PortRow {
  readonly bdf: string
  readonly bridge: string | null
  readonly role: PortAccount['role']
  readonly rootPort: string | null
  /** Selective blocks: promised, kept by Linux, enabled or named by a stream link. */
  readonly capability: number | null
  readonly usable: number | null
  readonly inUse: number | null
  readonly free: readonly number[] | null
  readonly ignored: string | null
  readonly unknown: string | null
}

export interface EndRow {
  readonly bdf: string
  readonly block: number
}

export interface StreamRow {
  readonly kind: 'selective' | 'link'
  readonly bridge: string | null
  readonly name: string | null
  readonly slot: number | null
  readonly streamId: number | null
  readonly state: StreamState
  /** Root port, or the port above a link. */
  readonly near: EndRow | null
  readonly far: EndRow | null
  readonly unknown: string | null
}

export interface IdeList {
  readonly bridges: readonly BridgeRow[]
  readonly ports: readonly PortRow[]
  readonly streams: readonly StreamRow[]
  readonly findings: readonly IdeFinding[]
}

const reasonOf = (...facts: readonly (Known<unknown> | null)[]): string | null => {
  for (const fact of facts) if (fact !== null && !fact.known) return fact.reason
  return null
}

const presentOf = <T>(fact: Present<T>): Known<T> | null => (fact.present ? fact.value : null)

export function bridgeRow({name, pool, available, slots, liveIds, heldIds, unread}: BridgeAccount): BridgeRow {
  const free = presentOf(available)
  return {
    name,
    hasPool: available.present,
    pool: valueOf(pool) ?? null,
    available: free === null ? null : (valueOf(free) ?? null),
    slots,
    liveIds: [...liveIds].map(([streamId, functions]) => ({streamId, functions})),
    heldIds,
    unread,
    unknown: available.present ? reasonOf(pool, free) : null,
  }
}

export function portRow({bdf, bridge, role, rootPort, ide, numbers, free, ignored}: PortAccount): PortRow {
  const counted = valueOf(numbers)
  const blocks = valueOf(ide)
  return {
    bdf,
    bridge,
    role,
    rootPort,
    capability: blocks?.promised.selective ?? null,
    usable: counted?.usable ?? null,
    inUse: counted?.inUse ?? null,
    free: valueOf(free) ?? null,
    ignored,
    unknown: reasonOf(ide, numbers, free),
  }
}

const endRow = (end: Known<EndRow> | null): EndRow | null =>
  end?.known ? {bdf: end.value.bdf, block: end.value.block} : null

export const streamRow = (stream: StreamAccount): StreamRow => ({
  kind: 'selective',
  bridge: stream.bridge,
  name: stream.name,
  slot: stream.slot,
  streamId: stream.streamId,
  state: stream.state,
  near: endRow(stream.rootPort),
  far: endRow(stream.endpoint),
  unknown: reasonOf(stream.rootPort, stream.endpoint),
})

export const linkStreamRow = (stream: LinkStreamAccount): StreamRow => ({
  kind: 'link',
  bridge: stream.bridge,
  name: null,
  slot: null,
  streamId: stream.streamId,
  state: stream.state,
  near: endRow(stream.upper),
  far: endRow(stream.lower),
  unknown: reasonOf(stream.upper, stream.lower),
})

export const listOf = (account: IdeAccount): IdeList => ({
  bridges: account.bridges.map(bridgeRow),
  ports: account.ports.map(portRow),
  streams: [...account.streams.map(streamRow), ...account.linkStreams.map(linkStreamRow)],
  findings: account.findings,
})
