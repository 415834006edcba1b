/** Pool, slots and Stream IDs of every host bridge: Stream IDs are unique per host bridge in Linux. */
import {type Known, mapKnown, thenKnown, unknown} from '../../known.js'
import type {BridgeAccount, IdeAccount} from '../account.js'
import type {FabricBridge} from '../fabric.js'
import {ideOf, type Machine, unnamedBlocks} from './machine.js'

const ascending = (numbers: Iterable<number>): number[] => [...new Set(numbers)].sort((a, b) => a - b)

type Claims = ReadonlyMap<string, ReadonlyMap<number, string>>

function bridgeOf(machine: Machine, bridge: FabricBridge, claimed: Claims): BridgeAccount {
  const {name, available, links} = bridge
  const slots = ascending(machine.links(bridge).map(({slot}) => slot))
  const live = new Map<number, string[]>()
  const held = new Set<number>()
  const unread: string[] = []
  for (const fn of machine.below(name)) {
    if (!fn.ide.known) unread.push(fn.bdf)
    const ide = ideOf(fn)
    if (ide === undefined) continue
    const enabled = [...ide.selectiveStreams, ...ide.linkStreams].filter(block => block.enabled)
    for (const id of ascending(enabled.map(({streamId}) => streamId))) live.set(id, [...(live.get(id) ?? []), fn.bdf])
    if (!machine.ownersKnown(fn).known) continue
    for (const {streamId} of unnamedBlocks(machine, fn)) held.add(streamId)
    for (const {enabled: on, streamId} of ide.linkStreams) if (on) held.add(streamId)
  }
  const pool: Known<number> = available.present
    ? thenKnown(available.value, free => mapKnown(links, () => free + slots.length))
    : unknown(`${name} has no available_secure_streams`)
  return {
    name,
    pool,
    available,
    slots,
    liveIds: new Map([...live].sort(([a], [b]) => a - b)),
    heldIds: ascending(held),
    claimedIds: ascending(claimed.get(name)?.keys() ?? []),
    unread,
  }
}

export const bridgeAccounts = (machine: Machine, claimed: Claims): readonly BridgeAccount[] =>
  machine.bridges.map(bridge => bridgeOf(machine, bridge, claimed))

/** Does Linux refuse to register a stream with this ID: has it one of its own, or did it find one when it looked? */
export const isIdTaken = (
  {streams}: Pick<IdeAccount, 'streams'>,
  {name, claimedIds}: BridgeAccount,
  id: number,
): boolean =>
  claimedIds.includes(id) ||
  streams.some(({bridge, slot, streamId}) => bridge === name && slot !== null && streamId === id)

/** The slot that Linux gives to the next stream below a bridge, lowest first; undefined when the pool is empty. */
export function nextSlot({available, slots}: Pick<BridgeAccount, 'available' | 'slots'>): number | undefined {
  if (!available.present || (available.value.known && available.value.value === 0)) return undefined
  const taken = new Set(slots)
  let slot = 0
  while (taken.has(slot)) slot++
  return slot
}
