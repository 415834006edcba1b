/** Pool, slots and Stream IDs. */
import type {BridgeAccount, LinkStreamAccount, StreamAccount} from '../account.js'
import {isIdTaken, nextSlot} from './bridges.js'
import type {Accounted, Seen} from './findings.js'
import {groupBy} from '../../group-by.js'
import type {Machine} from './machine.js'

/** Linux Documentation/ABI/testing/sysfs-devices-pci-host-bridge: at most this many streams below one host bridge. */
const MOST_STREAMS = 256

const list = (items: readonly (number | string)[]): string => items.join(', ')

function poolOf(machine: Machine, {name, available, pool, slots}: BridgeAccount): Seen[] {
  const seen: Seen[] = []
  const links = machine.links(machine.bridge(name)!)
  if (available.present && available.value.known && available.value.value === 0)
    seen.push({
      code: 'pool-exhausted',
      subject: name,
      message: `${slots.length} of ${slots.length} stream slots are taken: ${list(links.map(link => link.name))}`,
    })
  if (links.length !== slots.length)
    seen.push({
      code: 'pool-inconsistent',
      subject: name,
      message: `two stream links name one slot: ${list(links.map(link => link.name))}`,
    })
  if (!pool.known) return seen
  const beyond = slots.filter(slot => slot >= pool.value)
  if (beyond.length > 0 || pool.value > MOST_STREAMS)
    seen.push({
      code: 'pool-inconsistent',
      subject: name,
      message: `${slots.length} stream links and ${pool.value - slots.length} free slots make a pool of ${pool.value}${
        beyond.length === 0 ? `, more than ${MOST_STREAMS}` : `, but slot ${list(beyond)} is taken`
      }`,
    })
  return seen
}

type End = StreamAccount['rootPort'] | LinkStreamAccount['upper']

/** Stream IDs that are used more than once; two ends of one stream are one use. */
function duplicates({streams, linkStreams}: Accounted, bridge: string): Seen[] {
  const uses = new Map<number, string[]>()
  const use = (near: End, far: End, what: string): void => {
    const ends = [near, far].flatMap(end => (end?.known && end.value.registers.enabled ? [end.value] : []))
    for (const [id, sharing] of groupBy(ends, ({registers}) => registers.streamId)) {
      const where = sharing.map(({bdf, block}) => `${bdf} ${what} ${block}`).join(' - ')
      const others = uses.get(id)
      if (others === undefined) uses.set(id, [where])
      else others.push(where)
    }
  }
  for (const stream of streams) if (stream.bridge === bridge) use(stream.rootPort, stream.endpoint, 'block')
  for (const stream of linkStreams) if (stream.bridge === bridge) use(stream.upper, stream.lower, 'link block')
  return [...uses]
    .filter(([, all]) => all.length > 1)
    .map(([id, all]) => ({
      code: 'id-duplicate',
      subject: bridge,
      message: `Stream ID ${id} is used ${all.length} times: ${all.join('; ')}`,
    }))
}

function nextId(bridge: BridgeAccount, account: Accounted): Seen[] {
  const slot = nextSlot(bridge)
  const holders = slot === undefined ? undefined : bridge.liveIds.get(slot)
  if (slot === undefined || holders === undefined) return []
  const isTaken = isIdTaken(account, bridge, slot)
  return [
    {
      code: isTaken ? 'id-blocks-slot' : 'id-overlooked',
      subject: bridge.name,
      message: `the next stream gets slot ${slot}, and Stream ID ${slot} is ${isTaken ? 'in use by' : 'live at'} ${list(holders)}`,
    },
  ]
}

function unread(machine: Machine, {name, unread: bdfs}: BridgeAccount): Seen[] {
  const seen: Seen[] = []
  const owners = machine.ownersKnown({bridge: name})
  if (!owners.known) seen.push({code: 'registers-unread', subject: name, message: `stream links: ${owners.reason}`})
  const [first] = bdfs
  if (first === undefined) return seen
  const ide = machine.at(first)?.ide
  const reason = ide === undefined || ide.known ? '' : `: ${ide.reason}`
  const others = bdfs.length === 1 ? '' : ` and ${bdfs.length - 1} more`
  return [...seen, {code: 'registers-unread', subject: name, message: `IDE of ${first}${others}${reason}`}]
}

export const bridgeFindings = (machine: Machine, account: Accounted): Seen[] =>
  account.bridges.flatMap(bridge => [
    ...poolOf(machine, bridge),
    ...nextId(bridge, account),
    ...duplicates(account, bridge.name),
    ...unread(machine, bridge),
  ])
