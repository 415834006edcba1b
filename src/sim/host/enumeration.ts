/** The kernel's first look at an IDE capability (Linux drivers/pci/ide.c, pci_ide_init). */
import {IDLE_STREAM_ID, STREAM_STATE} from '../../ide/index.js'
import {PORT_TYPE} from '../../pci/index.js'
import type {Machine} from '../machine.js'
import {type Host, type HostSimFunction, isPresent, linkTsmName} from './facts.js'
import type {HostState, IdeHardware, IdeState, LinkRegisters, SelectiveRegisters} from './types.js'

const idleLink = (): LinkRegisters => ({enable: false, streamId: 0, state: STREAM_STATE.insecure, fail: false})

export const clearedBlock = (): SelectiveRegisters => ({
  ...idleLink(),
  defaultStream: false,
  config: false,
  tee: false,
  rids: null,
  addresses: [],
})

/** Registers as firmware leaves them. */
function poweredOn({link, associations, streams}: IdeHardware): IdeState {
  const state: IdeState = {
    kernel: null,
    link: Array.from({length: link}, idleLink),
    selective: associations.map(clearedBlock),
  }
  for (const {block, id, link: isLink, secure} of streams) {
    const registers = (isLink ? state.link : state.selective)[block]!
    registers.enable = true
    registers.streamId = id
    registers.state = secure ? STREAM_STATE.secure : STREAM_STATE.insecure
    if (!isLink) state.selective[block]!.defaultStream = true
  }
  return state
}

/** Whether the ID was free; it never is again. 255 is the kernel's own, for idle blocks. */
function claim(now: HostState, bridge: string, id: number): boolean {
  const taken = (now.claimed[bridge] ??= [])
  if (id === IDLE_STREAM_ID || taken.includes(id)) return false
  if (now.streams.some(stream => stream.bridge === bridge && stream.id === id)) return false
  taken.push(id)
  return true
}

/** Looks at the capability of `fn`, which has just appeared. */
export function enumerateIde({now, functions}: Host, {bdf, host}: HostSimFunction): void {
  const found = now.ide[bdf]
  if (host.ide === null || found === undefined) return
  found.kernel = null
  const {associations} = host.ide
  if (associations.length === 0) return
  // an endpoint's stream ends in its root port: without one there is nothing to set up
  const port = host.rootPort === null ? undefined : functions.get(host.rootPort)
  if (host.portType === PORT_TYPE.endpoint && (now.ide[port?.bdf ?? '']?.kernel ?? null) === null) return
  const differing = associations.findIndex(count => count !== associations[0])
  const blocks = differing < 0 ? associations.length : differing
  const usable = found.selective.slice(0, blocks)
  for (const {enable, streamId} of [...usable, ...found.link]) if (enable && !claim(now, host.bridge, streamId)) return
  for (const registers of [...usable, ...found.link]) if (!registers.enable) registers.streamId = IDLE_STREAM_ID
  const held = usable.flatMap(({enable}, i) => (enable ? [i] : []))
  found.kernel = {blocks, held}
}

/** Present functions in the order in which the kernel finds them: a bus completely, then what is behind its bridges. */
export function scanOrder(host: Host): HostSimFunction[] {
  const children = new Map<string | null, HostSimFunction[]>()
  for (const fn of host.functions.values()) {
    const {upstream} = fn.host
    children.set(upstream, [...(children.get(upstream) ?? []), fn])
  }
  const scan = (fns: readonly HostSimFunction[]): HostSimFunction[] => [
    ...fns,
    ...fns.flatMap(({bdf}) => scan(children.get(bdf) ?? [])),
  ]
  return scan(children.get(null) ?? []).filter(({bdf}) => isPresent(host, bdf))
}

/** What hardware and kernel hold before the first scan. */
export function powerOn(machine: Machine): HostState {
  const {host, functions} = machine
  const ide = functions.flatMap(fn => (fn.host?.ide ? [[fn.bdf, poweredOn(fn.host.ide)] as const] : []))
  return {
    tsm: host!.provider.registered ? linkTsmName(machine) : null,
    ide: Object.fromEntries(ide),
    claimed: {},
    contexts: {},
    streams: [],
    numVfs: {},
    powerControl: {},
  }
}
