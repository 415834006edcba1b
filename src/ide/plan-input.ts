/** The account of a machine as the planner takes it. */
import {type Known, known, thenKnown, unknown} from '../known.js'
import type {BridgeAccount, IdeAccount, PortAccount, StreamAccount} from './account.js'
import {FABRIC_PORT_TYPE, type Fabric, type FabricFunction} from './fabric.js'
import type {PlanBridge, PlanInput, PlanStream, Standing, StreamIdRule} from './plan-types.js'

export interface PlanWish {
  readonly rule: StreamIdRule
  /** The operator's limits, by host bridge. */
  readonly limits: ReadonlyMap<string, number>
  /** BDFs of functions in the fabric, the most wanted first; null for all that could be connected, in BDF order. */
  readonly wanted: readonly string[] | null
}

const never = (reason: string): Standing => ({can: 'never', reason})
const unclear = (reason: string): Standing => ({can: 'unknown', reason})

/** Functions in one device, or in one range of ARI function numbers, of which the first can be connected. */
const GROUP = 8

function standingOf(fn: FabricFunction, port: PortAccount | undefined): Standing {
  if (fn.physfn !== null) return never('it is a virtual function: its physical function is connected for it')
  if (fn.rid % GROUP !== 0) return never('only function 0 of a device is connected, for all of them')
  if (port === undefined) return never('it has no IDE capability')
  if (port.role !== 'endpoint') return never(`it is a ${port.role}: the kernel makes streams for endpoints`)
  if (!port.ide.known) return unclear(port.ide.reason)
  if (!fn.portType.known) return unclear(fn.portType.reason)
  if (port.ignored !== null) return never(`Linux ignores its IDE capability: ${port.ignored}`)
  if (fn.portType.value !== FABRIC_PORT_TYPE.endpoint) return never('the kernel makes streams for endpoints')
  if (port.bridge === null) return unclear('its host bridge is not known')
  if (!port.free.known) return unclear(port.free.reason)
  if (port.rootPort === null) return never('there is no root port above it')
  return {can: 'yes', rootPort: port.rootPort, free: port.free.value}
}

/** Slots are numbered from 0, so a named one behind the end of the pool means that the two were read at odd moments. */
function freeSlots({name, pool, slots}: BridgeAccount): Known<readonly number[]> {
  return thenKnown(pool, size => {
    const last = slots.at(-1)
    if (last !== undefined && last >= size)
      return unknown(
        `${name} has slot ${last} in use and a pool of ${size}: a stream is being set up or torn down; try again`,
      )
    const taken = new Set(slots)
    return known(Array.from({length: size}, (_, slot) => slot).filter(slot => !taken.has(slot)))
  })
}

/** A claimed Stream ID that is overlooked is a connect that fails: one unread function makes all of them unknown. */
function heldIds(
  {name, claimedIds, unread}: BridgeAccount,
  streams: readonly StreamAccount[],
): Known<readonly number[]> {
  const [first] = unread
  if (first !== undefined)
    return unknown(`IDE registers of ${unread.length} functions below ${name} are not known, the first is ${first}`)
  for (const {rootPort, endpoint} of streams)
    for (const end of [rootPort, endpoint]) if (end !== null && !end.known) return end
  return known(claimedIds)
}

type LinkedStream = StreamAccount & {readonly bridge: string; readonly slot: number}

const isLinked = (stream: StreamAccount): stream is LinkedStream => stream.bridge !== null && stream.slot !== null

/** Blocks of an end that could not be read are in the kernel's name for the stream: `streamH.R.E`. */
function planStream({bridge, slot, name, streamId, rootPort, endpoint}: LinkedStream): PlanStream {
  const [, near, far] = (name ?? '').split('.')
  return {
    device: endpoint?.known ? endpoint.value.bdf : null,
    bridge,
    rootPort: rootPort?.known ? rootPort.value.bdf : null,
    slot,
    rootPortBlock: Number(near),
    endpointBlock: Number(far),
    streamId,
  }
}

export function planInput(fabric: Fabric, account: IdeAccount, {rule, limits, wanted}: PlanWish): PlanInput {
  const functions = new Map(fabric.functions.map(fn => [fn.bdf, fn]))
  const ports = new Map(account.ports.map(port => [port.bdf, port]))
  const linked = account.streams.filter(isLinked)
  const bridgeOf = (bridge: BridgeAccount): PlanBridge => ({
    name: bridge.name,
    freeSlots: freeSlots(bridge),
    heldIds: heldIds(
      bridge,
      linked.filter(stream => stream.bridge === bridge.name),
    ),
    limit: limits.get(bridge.name) ?? null,
  })
  const device = (bdf: string) => ({bdf, standing: standingOf(functions.get(bdf)!, ports.get(bdf))})
  const all = (): PlanInput['wanted'] =>
    account.ports
      .filter(({role}) => role === 'endpoint')
      .map(({bdf}) => device(bdf))
      .filter(({standing}) => standing.can !== 'never')
  return {
    rule,
    bridges: account.bridges.map(bridgeOf),
    rootPorts: account.ports.flatMap(({bdf, bridge, role, free}) =>
      role === 'root port' && bridge !== null ? [{bdf, bridge, free}] : [],
    ),
    streams: linked.map(planStream),
    wanted: wanted === null ? all() : wanted.map(device),
  }
}
