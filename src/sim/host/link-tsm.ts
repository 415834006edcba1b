/** PCI/TSM of Linux 7.3 (drivers/pci/tsm.c): contexts of functions with their TSM, and everything that ends them. */
import {probeDriver} from '../drivers.js'
import {emit} from '../event-ring.js'
import {type Machine, type MachineState, unlockedTdi} from '../machine.js'
import type {StoredLink} from '../tsm/index.js'
import {enumerateIde, powerOn, scanOrder} from './enumeration.js'
import {
  CMA_SPDM,
  dsmAbove,
  type Host,
  hostOf,
  type HostSimFunction,
  isCandidate,
  isPresent,
  linkTsmName,
  powerState,
  SECURED_CMA_SPDM,
  subtreeOf,
} from './facts.js'
import {assumedAt, endSession, setLink} from './link-session.js'
import {beginStream, endStream, finishStream, type StreamBegun, type StreamTrouble} from './streams.js'

/** Gives a context to every function that depends on `dsm` and has none. */
function probeSubfunctions(host: Host, dsm: string): void {
  const {now, platform, functions} = host
  if (!platform.provider.subfunctions || !functions.get(dsm)!.host.teeIo) return
  for (const fn of functions.values())
    if (
      fn.bdf !== dsm &&
      now.contexts[fn.bdf] === undefined &&
      isPresent(host, fn.bdf) &&
      !isCandidate(host, fn) &&
      dsmAbove(host, fn) === dsm
    )
      now.contexts[fn.bdf] = {tsm: now.tsm!, dsm}
}

/** A connect whose conversation with the device is still to come. */
export interface ConnectBegun {
  /** Null for a device that gets none. */
  readonly stream: StreamBegun | null
}

/** What the TSM and its driver do for `connect` after the kernel's own checks, before they speak to the device. */
export function beginConnect(host: Host, fn: HostSimFunction, trouble: StreamTrouble): ConnectBegun | string {
  const {now, platform} = host
  const cma = fn.host.mailboxes.find(mailbox => mailbox.includes(CMA_SPDM))
  if (cma === undefined) return 'ENXIO'
  if (!cma.includes(SECURED_CMA_SPDM)) return 'EFAULT'
  // Linux 7.3 does not resume a device to talk to its mailbox
  if (powerState(host, fn) !== 'D0') return 'EIO'
  const {stream} = platform.provider
  const wanted = stream === 'always' || (stream === 'with-ide' && (now.ide[fn.bdf]?.kernel ?? null) !== null)
  if (!wanted) return {stream: null}
  const begun = beginStream(host, fn, trouble)
  return typeof begun === 'string' ? begun : {stream: begun}
}

/** The rest of `connect`; `link` is what the conversation left, null where there was none. The errno, or undefined. */
export function finishConnect(
  host: Host,
  {bdf}: HostSimFunction,
  {stream}: ConnectBegun,
  link: StoredLink | null,
  trouble: StreamTrouble,
): string | undefined {
  const {now, platform} = host
  if (link !== null) setLink(host, bdf, link)
  const errno = stream === null ? undefined : finishStream(host, stream, trouble)
  if (errno !== undefined) {
    // who registers last gives up without a word to the device, which keeps its session until the next one
    endSession(host, bdf, platform.provider.registers === 'first')
    return errno
  }
  now.contexts[bdf] = {tsm: now.tsm!, dsm: bdf}
  probeSubfunctions(host, bdf)
  return undefined
}

/** A connect at once, as if its conversation had gone well. */
export function connect(host: Host, fn: HostSimFunction): string | undefined {
  const begun = beginConnect(host, fn, {})
  if (typeof begun === 'string') return begun
  const link = host.platform.provider.spdm === 'none' ? null : assumedAt(host, fn.bdf, begun.stream?.stream.id)
  return finishConnect(host, fn, begun, link, {})
}

/** Cannot fail: contexts of dependants, stream and session, own context. `isTold`: the device hears of it. */
export function disconnect(host: Host, dsm: string, isTold = true): void {
  const {now} = host
  for (const [bdf, context] of Object.entries(now.contexts))
    if (context.dsm === dsm && bdf !== dsm) delete now.contexts[bdf]
  endSession(host, dsm, isTold)
  endStream(host, dsm)
  delete now.contexts[dsm]
}

/** Path of the TSM's device below `/sys`. */
export function tsmDevpath({platform, functions}: Host, tsm: string): string {
  const {parent} = platform.provider
  return `${parent === null ? '/devices/faux/sim_link_tsm' : functions.get(parent)!.path.slice('/sys'.length)}/tsm/${tsm}`
}

export function unregisterTsm(host: Host): void {
  for (const [bdf, {dsm}] of Object.entries(host.now.contexts).toReversed()) if (bdf === dsm) disconnect(host, bdf)
  if (host.now.tsm !== null) emit(host.state, 'remove', tsmDevpath(host, host.now.tsm))
  host.now.tsm = null
}

export function registerTsm(host: Host): void {
  if (host.now.tsm !== null) return
  const name = linkTsmName(host.machine)
  host.now.tsm = name
  // the files of the functions appear between the two
  emit(host.state, 'add', tsmDevpath(host, name))
  emit(host.state, 'change', tsmDevpath(host, name))
}

function drop(host: Host, {bdf}: HostSimFunction): void {
  const {now, state, platform} = host
  // the driver that registered the TSM goes with its device
  if (bdf === platform.provider.parent) unregisterTsm(host)
  if (now.contexts[bdf]?.dsm === bdf) disconnect(host, bdf)
  delete now.contexts[bdf]
  delete now.numVfs[bdf]
  if (now.ide[bdf] !== undefined) now.ide[bdf].kernel = null
  const record = state.functions[bdf]!
  if (record.driver !== null) emit(state, 'unbind', bdf)
  emit(state, 'remove', bdf)
  const tdi = unlockedTdi(record.tdi.epoch, record.tdi.previous)
  Object.assign(record, {present: false, driver: null, override: null, enabled: 0, switches: {}, tdi})
  // without power there is no memory, of whichever TSM
  setLink(host, bdf, undefined)
}

/** `fn` and everything below it goes, the deepest first. */
export function removeWithChildren(host: Host, device: string): void {
  for (const fn of subtreeOf(host, device).toReversed()) if (isPresent(host, fn.bdf)) drop(host, fn)
}

function appear(host: Host, fn: HostSimFunction): void {
  const {machine, state} = host
  state.functions[fn.bdf]!.present = true
  enumerateIde(host, fn)
  emit(state, 'add', fn.bdf)
  if (fn.host.vf !== null) emit(state, 'change', fn.bdf)
  if (state.autoprobe) probeDriver(machine, state, fn)
}

/** Finds again what was removed. Virtual functions appear only when their physical function makes them. */
export function rescanHost(host: Host): void {
  const isReachable = ({host: {upstream}}: HostSimFunction): boolean => upstream === null || isPresent(host, upstream)
  // parents sort before their children: buses are numbered downwards
  for (const fn of host.functions.values())
    if (!isPresent(host, fn.bdf) && fn.host.vf === null && isReachable(fn)) appear(host, fn)
}

/** Makes `count` virtual functions of `device`, or removes them all. */
export function setVfs(host: Host, device: string, count: number): void {
  const vfs = [...host.functions.values()].filter(({host: {vf}}) => vf?.physfn === device)
  for (const vf of vfs.toReversed()) if (isPresent(host, vf.bdf)) drop(host, vf)
  for (const vf of vfs.filter(({host: facts}) => facts.vf!.index < count)) appear(host, vf)
  if (count === 0) delete host.now.numVfs[device]
  else {
    host.now.numVfs[device] = count
    emit(host.state, 'change', device)
  }
  const dsm = dsmAbove(host, host.functions.get(device)!)
  if (dsm !== undefined) probeSubfunctions(host, dsm)
}

/** Host state directly after boot: hardware as firmware left it, and the kernel's first scan. */
export function bootHost(machine: Machine, state: MachineState): void {
  if (machine.host === null) return
  state.host = powerOn(machine)
  const host = hostOf(machine, state)!
  for (const {bdf, host: facts} of host.functions.values())
    if (facts.vf !== null) Object.assign(state.functions[bdf]!, {present: false, driver: null, enabled: 0})
  for (const fn of scanOrder(host)) enumerateIde(host, fn)
}
