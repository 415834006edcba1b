/** Writes that only a host knows, checked in the kernel's order, under the kernel's one lock for all TSM matters. */
import {type Fault, type FaultKind, takeFault} from '../faults.js'
import type {Action} from '../nodes.js'
import type {MachineStore} from '../store.js'
import {disturb} from '../tsm/index.js'
import {type Refuse, TSM} from '../tsm-verbs.js'
import type {WriteContext} from '../writes.js'
import {happen} from './events.js'
import {type Host, hostOf, type HostSimFunction, isPresent, powerState} from './facts.js'
import {beginConnect, disconnect, finishConnect, removeWithChildren, rescanHost, setVfs} from './link-tsm.js'
import {forgetSession, setLink} from './link-session.js'
import type {StreamTrouble} from './streams.js'
import {NOTHING_SAID, talk} from './talk.js'

type TsmAction = Extract<Action, {readonly verb: 'connect' | 'disconnect'}>
type BusAction =
  | Extract<Action, {readonly verb: 'power_control'}>
  | Extract<Action, {readonly verb: 'reset' | 'remove' | 'sriov_numvfs'}>
  | Extract<Action, {readonly verb: 'rescan'}>
export type HostAction = TsmAction | BusAction

const VERBS = new Set(['connect', 'disconnect', 'remove', 'rescan', 'sriov_numvfs', 'power_control', 'reset'])
export const isHostAction = (action: Action): action is HostAction => VERBS.has(action.verb)

const POLL = 10

/** Waits for the TSM lock; whoever is interrupted meanwhile has changed nothing. */
export async function holdTsmLock(
  {holdTsm}: Pick<MachineStore, 'holdTsm'>,
  pause: WriteContext['pause'],
): Promise<() => void> {
  for (;;) {
    const release = holdTsm()
    if (release !== undefined) return release
    await pause(POLL)
  }
}

const present = (store: MachineStore, state: ReturnType<MachineStore['state']>): Host => hostOf(store.machine, state)!

function checkConnect({now, state}: Host, {bdf}: HostSimFunction, text: string): string | undefined {
  const number = TSM.exec(text)?.[1]
  if (number === undefined) return 'EINVAL'
  if (now.contexts[bdf] !== undefined || state.functions[bdf]!.tdi.lockedBy !== null) return 'EBUSY'
  return `tsm${Number(number)}` === now.tsm ? undefined : 'ENXIO'
}

function checkDisconnect({now}: Host, {bdf}: HostSimFunction, text: string): string | undefined {
  const context = now.contexts[bdf]
  if (context === undefined) return 'ENXIO'
  return text.replace(/\n$/, '') === context.tsm ? undefined : 'EINVAL'
}

const troubleOf = (fault: Fault | undefined): StreamTrouble => {
  const end = fault?.end ?? 'root-port'
  if (fault?.do === 'insecure') return {insecure: end}
  if (fault?.do === 'one-sided') return {disabled: end}
  return fault?.do === 'stream-id' ? {streamId: fault.id!} : {}
}

/** Milliseconds that Linux waits for an answer of a mailbox (drivers/pci/doe.c, PCI_DOE_TIMEOUT). */
const DOE_TIMEOUT = 1000

/** After these the device does not know that it was disconnected. */
const UNHEARD = new Set<FaultKind>(['spdm-error', 'no-answer'])

const COMES_FIRST = new Set(['vanish', 'rival', 'tsm-gone'])

async function writeTsm(
  {verb, device}: TsmAction,
  text: string,
  {store, pause}: WriteContext,
  refuse: Refuse,
): Promise<void> {
  const delay = takeFault(store, device, verb, one => one.do === 'delay')
  const fault = takeFault(store, device, verb, one => one.do !== 'delay')
  const check = verb === 'connect' ? checkConnect : checkDisconnect

  /** Checks all there is to check; the errno, if any. */
  function refused(host: Host): string | undefined {
    const fn = host.functions.get(device)!
    return isPresent(host, device) ? check(host, fn, text) : 'ENODEV'
  }

  // somebody else had the lock before us
  if (fault !== undefined && COMES_FIRST.has(fault.do)) happen(store, fault)
  const errno = refused(present(store, store.state()))
  if (errno !== undefined) throw refuse(errno)
  // from here on nobody can interrupt: the writer's end is known only after the TSM is done
  let interruption: unknown
  const wait = (milliseconds: number): Promise<void> =>
    pause(milliseconds).catch((error: unknown) => {
      interruption = error
    })
  if (delay !== undefined) await wait(delay.ms ?? 0)
  const acts = fault?.do !== 'errno' && fault?.do !== 'stuck'
  const trouble = troubleOf(fault)
  const said = verb === 'connect' && acts ? await talk(store, device, {trouble, fault, pause: wait}) : NOTHING_SAID
  if (verb === 'disconnect' && fault?.do === 'no-answer') await wait(DOE_TIMEOUT)
  const failed = store.update(state => {
    const host = present(store, state)
    const changed = refused(host)
    if (changed !== undefined) return changed
    if (fault?.do === 'errno') return fault.errno!
    if (fault?.do === 'stuck') return undefined
    if (verb === 'disconnect') {
      disconnect(host, device, fault === undefined || !UNHEARD.has(fault.do))
      return undefined
    }
    // what happened to the device while it was spoken to came between
    if (said.after !== null && JSON.stringify(state.links[device]) !== JSON.stringify(said.before)) return 'EIO'
    if (said.errno !== undefined) {
      if (said.after !== null) setLink(host, device, said.after)
      return said.errno
    }
    const fn = host.functions.get(device)!
    const begun = beginConnect(host, fn, trouble)
    return typeof begun === 'string' ? begun : finishConnect(host, fn, begun, said.after, trouble)
  })
  if (interruption !== undefined) throw interruption
  if (failed !== undefined) throw refuse(failed)
}

const DECIMAL = /^(?:0x[0-9a-f]+|\d+)$/i

function numberOf(text: string, refuse: Refuse): number {
  if (!DECIMAL.test(text)) throw refuse('EINVAL')
  return Number(text)
}

/** `sriov_numvfs`, Linux drivers/pci/iov.c. */
function writeVfs(host: Host, device: string, wanted: number, refuse: Refuse): void {
  const {totalVfs} = host.functions.get(device)!
  const current = host.now.numVfs[device] ?? 0
  if (wanted > totalVfs) throw refuse('ERANGE')
  if (wanted === current) return
  if (host.state.functions[device]!.driver === null) throw refuse('ENOENT')
  if (wanted > 0 && current > 0) throw refuse('EBUSY')
  setVfs(host, device, wanted)
}

/** A function level reset, of which the kernel's TSM core does not hear. */
function reset(host: Host, device: string): void {
  disturb(host.machine, host.state, host.functions.get(device)!, 'function level reset')
  forgetSession(host, device)
}

/** A function that loses its power loses what it knew. */
function setPower(host: Host, device: string, control: string): void {
  const fn = host.functions.get(device)!
  host.now.powerControl[device] = control
  if (powerState(host, fn) === 'D3cold') forgetSession(host, device)
}

function changeHost(host: Host, action: BusAction, text: string, refuse: Refuse) {
  const line = text.replace(/\n$/, '')
  switch (action.verb) {
    case 'power_control':
      if (line !== 'on' && line !== 'auto') throw refuse('EINVAL')
      return setPower(host, action.device, line)
    case 'reset':
      if (numberOf(line, refuse) !== 1) throw refuse('EINVAL')
      return reset(host, action.device)
    case 'remove':
      return numberOf(line, refuse) === 0 ? undefined : removeWithChildren(host, action.device)
    case 'rescan':
      return numberOf(line, refuse) === 0 ? undefined : rescanHost(host)
    case 'sriov_numvfs':
      return writeVfs(host, action.device, numberOf(line, refuse), refuse)
  }
}

const isTsmAction = (action: HostAction): action is TsmAction =>
  action.verb === 'connect' || action.verb === 'disconnect'

const takesLock = ({verb}: HostAction): boolean => verb !== 'power_control' && verb !== 'reset'

/** Carries out one write on a host. Throws ErrnoError as the kernel would. */
export async function writeHost(
  action: HostAction,
  text: string,
  context: WriteContext,
  refuse: Refuse,
): Promise<void> {
  const {store, pause} = context
  const release = takesLock(action) ? await holdTsmLock(store, pause) : undefined
  try {
    if (isTsmAction(action)) await writeTsm(action, text, context, refuse)
    else store.update(state => changeHost(present(store, state), action, text, refuse))
  } finally {
    release?.()
  }
}
