/** Link streams: between a port and what is plugged into it, joined by equal Stream ID. */
import {type Known, known, unknown} from '../../known.js'
import type {LinkStreamAccount, LinkStreamEnd} from '../account.js'
import {FABRIC_PORT_TYPE, type FabricFunction} from '../fabric.js'
import {groupBy} from '../../group-by.js'
import {ideOf, isRootPort, type Machine} from './machine.js'
import {sharedId, stateOf} from './streams.js'

/** A port whose link leads away from the root; the blocks of all others belong to the link above them. */
const leadsDown = (fn: FabricFunction): boolean =>
  isRootPort(fn) || (fn.portType.known && fn.portType.value === FABRIC_PORT_TYPE.downstreamPort)

const endsOf = (fn: FabricFunction): LinkStreamEnd[] =>
  (ideOf(fn)?.linkStreams ?? [])
    .filter(({enabled}) => enabled)
    .map(registers => ({bdf: fn.bdf, block: registers.index, registers}))

/** Why an end that was not found may be there all the same; null when everything was read. */
type Unread = Known<never> | null

function join(
  bridge: string | null,
  uppers: readonly LinkStreamEnd[],
  lowers: readonly LinkStreamEnd[],
  unread: {readonly above: Unread; readonly below: Unread},
): LinkStreamAccount[] {
  const left = [...uppers]
  const stream = (upper: Known<LinkStreamEnd> | null, lower: Known<LinkStreamEnd> | null): LinkStreamAccount => ({
    bridge,
    streamId: sharedId(upper, lower),
    upper,
    lower,
    state: stateOf(upper, lower),
  })
  const joined = lowers.map(lower => {
    const at = left.findIndex(({registers}) => registers.streamId === lower.registers.streamId)
    const [upper] = at < 0 ? [] : left.splice(at, 1)
    return stream(upper === undefined ? unread.above : known(upper), known(lower))
  })
  return [...joined, ...left.map(upper => stream(known(upper), unread.below))]
}

const unreadOf = (functions: readonly FabricFunction[]): Unread => {
  const unread = functions.find(({ide}) => !ide.known)?.ide
  return unread === undefined || unread.known ? null : unread
}

function unreadAbove({bridge, bdf, ports}: FabricFunction): Unread {
  if (bridge === null) return unknown(`the place of ${bdf} is not known`)
  const port = ports.at(-1)
  return port === undefined ? null : unknown(`${port} above it is not listed as a port`)
}

export function linkStreamAccounts(machine: Machine): readonly LinkStreamAccount[] {
  const ports = machine.functions.filter(leadsDown)
  const byPort = groupBy(
    machine.functions.filter(fn => !leadsDown(fn)),
    ({ports: above}) => above.at(-1),
  )
  const listed = new Set<string | undefined>(ports.map(({bdf}) => bdf))
  const joined = ports.flatMap(port => {
    const below = byPort.get(port.bdf) ?? []
    const unread = {above: unreadOf([port]), below: unreadOf(below)}
    return join(port.bridge, endsOf(port), below.flatMap(endsOf), unread)
  })
  const orphans = [...byPort]
    .filter(([port]) => !listed.has(port))
    .flatMap(([, functions]) =>
      functions.map(fn => join(fn.bridge, [], endsOf(fn), {above: unreadAbove(fn), below: null})),
    )
  return [...joined, ...orphans.flat()]
}
