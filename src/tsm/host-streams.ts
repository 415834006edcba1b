/** The streams of one device in the account: what connect must find at both ends, and what must be gone afterwards. */
import {
  type Fabric,
  type IdeAccount,
  nextSlot,
  type PortAccount,
  type StreamAccount,
  type StreamEnd,
} from '../ide/index.js'
import {harmless, printable} from '../errors.js'
import {type Known, known, valueOf} from '../known.js'

/** The machine's streams as the kernel claims them and as the registers show them. */
export interface IdeView {
  readonly fabric: Fabric
  readonly account: IdeAccount
}

/**
 * Streams that the kernel says it made for `bdf`. Stream links alone tell: what the registers hold is then in the
 * account, however little of it could be read.
 */
export function streamsOf({fabric, account}: IdeView, bdf: string): Known<readonly StreamAccount[]> {
  const mine = new Set<string>()
  for (const {name: bridge, links} of fabric.bridges) {
    if (!links.known) return links
    for (const {name, endpoint} of links.value) {
      if (!endpoint.known) return endpoint
      if (endpoint.value === bdf) mine.add(`${bridge} ${name}`)
    }
  }
  return known(account.streams.filter(({bridge, name}) => mine.has(`${bridge} ${name}`)))
}

/** Functions that hold the Stream ID of the next slot of host bridge `name`; null when the bridge is not in the account. */
export function holdersOfNextId({bridges}: IdeAccount, name: string | undefined): readonly string[] | null {
  const bridge = bridges.find(candidate => candidate.name === name)
  const slot = bridge && nextSlot(bridge)
  return bridge === undefined || slot === undefined ? null : (bridge.liveIds.get(slot) ?? [])
}

function endText(who: string, end: Known<StreamEnd> | null): string {
  if (end === null) return `${who}: no such block`
  if (!end.known) return `${who}: unknown (${harmless(end.reason, 200)})`
  const {bdf, block, registers} = end.value
  const state = registers.enabled
    ? `enabled, Stream ID ${registers.streamId}, state ${registers.state}${registers.failReceived ? ', IDE fail received' : ''}`
    : 'not enabled'
  return `${who} ${bdf} block ${block}: ${state}`
}

/** Exactly which end says what. */
export const streamText = ({name, state, rootPort, endpoint}: StreamAccount): string =>
  `${name ?? 'a stream the kernel does not name'} is ${state} (${endText('root port', rootPort)}; ${endText('device', endpoint)})`

/** Why the link of a connected device is not protected as its TSM promises; undefined when it is. */
export function streamProblem(found: Known<readonly StreamAccount[]>, makesStreams: boolean): string | undefined {
  if (!found.known) return `whether it has a stream is unknown: ${found.reason}`
  const streams = found.value
  const bad = streams.filter(({state}) => state !== 'secure')
  if (bad.length > 0) return bad.map(streamText).join('; ')
  return streams.length === 0 && makesStreams ? 'its TSM makes a stream for every device, and there is none' : undefined
}

const blocksOf = ({ports}: IdeAccount, bdf: string): PortAccount['ide'] | undefined =>
  ports.find(port => port.bdf === bdf)?.ide

interface Block {
  readonly bdf: string
  readonly block: number
}

const keyOf = ({bdf, block}: Block): string => `${bdf} ${block}`

/** Enabled Selective blocks of `bdfs`, as far as they can be read. */
function enabledBlocks(account: IdeAccount, bdfs: readonly string[]): Block[] {
  return bdfs.flatMap(bdf => {
    const ide = blocksOf(account, bdf)
    const blocks = ide === undefined ? [] : (valueOf(ide)?.selectiveStreams ?? [])
    return blocks.filter(({enabled}) => enabled).map(({index}) => ({bdf, block: index}))
  })
}

/**
 * What a device's streams left behind once it is not connected: links, enabled blocks at either end, slots that did not
 * come back. Blocks that were enabled before without belonging to the device's streams are somebody else's.
 */
export function leftovers(bdf: string, before: IdeView, after: IdeView): string[] {
  const mine = valueOf(streamsOf(before, bdf)) ?? []
  const ends = mine.flatMap(({rootPort, endpoint}) =>
    [rootPort, endpoint].flatMap(end => (end?.known ? [{bdf: end.value.bdf, block: end.value.block}] : [])),
  )
  const port = after.account.ports.find(candidate => candidate.bdf === bdf)
  const bdfs = [...new Set([bdf, ...(port?.rootPort ? [port.rootPort] : []), ...ends.map(end => end.bdf)])]
  const named = new Set(
    after.account.streams
      .filter(({name}) => name !== null)
      .flatMap(({rootPort, endpoint}) => [rootPort, endpoint].flatMap(end => (end?.known ? [keyOf(end.value)] : []))),
  )
  const ours = new Set(ends.map(keyOf))
  const foreign = new Set(
    enabledBlocks(before.account, bdfs)
      .map(keyOf)
      .filter(key => !ours.has(key)),
  )
  const stillOn = enabledBlocks(after.account, bdfs).filter(
    block => !named.has(keyOf(block)) && !foreign.has(keyOf(block)),
  )
  const links = (valueOf(streamsOf(after, bdf)) ?? []).flatMap(({name}) => name ?? [])
  const bridge = port?.bridge
  const pools = [before, after].map(({account}) =>
    valueOf(account.bridges.find(({name}) => name === bridge)?.pool ?? NONE),
  )
  const [was, is] = pools
  return [
    ...links.map(name => `stream link ${printable(name)} is still there`),
    ...stillOn.map(block => `Selective block ${block.block} of ${block.bdf} is still enabled`),
    ...(was !== undefined && is !== undefined && is < was
      ? [`${was - is} of ${was} stream slots of ${bridge} did not come back`]
      : []),
  ]
}

const NONE: Known<never> = {known: false, reason: 'no such host bridge'}
