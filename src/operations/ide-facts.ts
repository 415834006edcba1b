/** The IDE account of a machine as the `ide` object of a bundle: what concerns one device, and nothing else. */
import {hex} from '../bits/index.js'
import {printable} from '../errors.js'
import type {IdeEndFacts, IdeFacts, IdeStreamFacts} from '../evidence/index.js'
import type {FabricFunction, StreamAccount, StreamEnd} from '../ide/index.js'
import type {Known} from '../known.js'
import {bdfOfRid, bdfParts, PORT_TYPE} from '../pci/index.js'
import {type IdeView, streamsOf} from '../tsm/index.js'

const LONGEST_REASON = 200

function endFacts(end: Known<StreamEnd> | null): IdeEndFacts | null {
  if (end === null || !end.known) return null
  const {bdf, block, registers} = end.value
  const {enabled, streamId, state, failReceived, defaultStream, teeLimited, trafficClass, rid, addresses} = registers
  const {domain} = bdfParts(bdf)
  return {
    bdf,
    block,
    enabled,
    streamId,
    state,
    failReceived,
    defaultStream,
    teeLimited,
    trafficClass,
    requesters: rid.valid ? {first: bdfOfRid(domain, rid.base), last: bdfOfRid(domain, rid.limit)} : null,
    addresses: addresses.flatMap(({valid, base, limit}) => (valid ? [{base: hex(base), limit: hex(limit)}] : [])),
  }
}

/** Is the Stream ID in use elsewhere below the same host bridge? */
function isShared({account}: IdeView, stream: StreamAccount): boolean {
  const {bridge, streamId} = stream
  if (streamId === null) return false
  const others = [...account.streams, ...account.linkStreams].filter(
    other => other !== stream && other.bridge === bridge && other.streamId === streamId,
  )
  const ends = [stream.rootPort, stream.endpoint].map(end => (end?.known ? end.value.bdf : null))
  const holders = account.bridges.find(({name}) => name === bridge)?.liveIds.get(streamId) ?? []
  return others.length > 0 || holders.some(holder => !ends.includes(holder))
}

/** Streams of `bdf`: those that the kernel made for it, and any other that ends there. */
function streamsAt(view: IdeView, bdf: string): readonly StreamAccount[] {
  const named = streamsOf(view, bdf)
  const own = new Set(named.known ? named.value : [])
  return view.account.streams.filter(
    stream => own.has(stream) || (stream.endpoint?.known === true && stream.endpoint.value.bdf === bdf),
  )
}

const streamFacts = (view: IdeView, stream: StreamAccount): IdeStreamFacts => ({
  name: stream.name,
  rootPort: endFacts(stream.rootPort),
  endpoint: endFacts(stream.endpoint),
  idShared: isShared(view, stream),
})

/** Why something of it is not known. */
function unreadOf(view: IdeView, fn: FabricFunction, streams: readonly StreamAccount[]): string[] {
  const port = view.fabric.functions.find(({bdf}) => bdf === fn.ports[0])
  const named = streamsOf(view, fn.bdf)
  const all: readonly (Known<unknown> | null | undefined)[] = [
    fn.ide,
    port?.ide,
    named,
    ...streams.flatMap(({rootPort, endpoint}) => [rootPort, endpoint]),
  ]
  const reasons = all.flatMap(fact => (fact == null || fact.known ? [] : [printable(fact.reason, LONGEST_REASON)]))
  return [...new Set([...(fn.bridge === null ? ['the place of the device is not known'] : []), ...reasons])]
}

/** All functions of the device `fn` belongs to, and its virtual ones. BDFs of one domain sort by their Requester ID. */
function requesterIds({fabric}: IdeView, fn: FabricFunction): IdeFacts['functions'] {
  const slot = fn.bdf.slice(0, fn.bdf.lastIndexOf('.'))
  const own = new Set(fabric.functions.filter(({bdf}) => bdf.startsWith(`${slot}.`)).map(({bdf}) => bdf))
  const virtual = fabric.functions.filter(({physfn}) => physfn !== null && own.has(physfn)).map(({bdf}) => bdf)
  const all = [fn.bdf, ...own, ...virtual].toSorted()
  return {first: all[0]!, last: all.at(-1)!}
}

/** What `view` says about the link of `bdf`; undefined when the function is gone. */
export function ideFacts(view: IdeView, bdf: string): IdeFacts | undefined {
  const fn = view.fabric.functions.find(other => other.bdf === bdf)
  if (fn === undefined) return undefined
  const streams = streamsAt(view, bdf)
  const isPlaced = fn.bridge !== null
  return {
    bdf,
    hostBridge: fn.bridge,
    rootPort: fn.ports[0] ?? null,
    integrated: isPlaced && fn.portType.known && fn.portType.value === PORT_TYPE.rcIntegratedEndpoint,
    capable: fn.ide.known ? fn.ide.value !== undefined : null,
    switches: isPlaced ? fn.ports.slice(1) : null,
    functions: requesterIds(view, fn),
    streams: streams.map(stream => streamFacts(view, stream)),
    unread: unreadOf(view, fn, streams),
    // no register and no file of any kernel declares them
    errata: null,
  }
}
