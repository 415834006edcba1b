/**
 * The links of a guest's TSM in the machine's state: a session is made before the first verb, outside the state, and put
 * into it if nothing has changed meanwhile; every later exchange is part of one change of the state.
 */
import {DEFAULT_STREAM} from '../dsm/index.js'
import type {Machine, MachineState, SimFunction} from '../machine.js'
import type {MachineStore} from '../store.js'
import {DeviceEnd, type Interposer} from './device-end.js'
import {deviceInSession, type FunctionOfDsm, hasDsm, mirror, portOf, wholeDevice} from './guest-dsm.js'
import {type Done, inSession, type Talk} from './link.js'
import type {StoredLink} from './memory.js'
import {isRefusal, openTsmSession} from './open-session.js'
import {PlatformTsm} from './platform-tsm.js'

type Random = (length: number) => Uint8Array

async function opened(machine: Machine, fn: FunctionOfDsm, link: StoredLink | undefined, random: Random) {
  const device = new DeviceEnd(wholeDevice(machine, fn, random), link?.device)
  try {
    const tsm = await openTsmSession({
      wire: request => device.respond(request),
      peer: fn.bdf,
      random,
      stream: {id: DEFAULT_STREAM, port: portOf(machine, fn.dsm.name)},
    })
    return {device: device.memory(), tsm}
  } catch (error) {
    if (isRefusal(error)) return undefined
    throw error
  }
}

/** Has the TSM open a session with the DSM of `fn`, unless it has one whose stream runs. Afterwards it has none when the device refused. */
export async function ensureSession(store: MachineStore, fn: SimFunction, random: Random): Promise<void> {
  if (!hasDsm(fn)) return
  const {machine} = store
  const {name} = fn.dsm
  for (;;) {
    const before = store.state().links[name]
    if ((before?.tsm?.stream?.running.length ?? 0) > 0) return
    const made = await opened(machine, fn, before, random)
    if (made === undefined) return
    const isCurrent = store.update(state => {
      // else what somebody did to the device meanwhile would be undone
      if (JSON.stringify(state.links[name]) !== JSON.stringify(before)) return false
      state.links[name] = made
      mirror(machine, state, name)
      return true
    })
    if (isCurrent) return
  }
}

export interface TdispContext {
  readonly machine: Machine
  readonly state: MachineState
  readonly random: Random
  /** What goes wrong at the device. */
  readonly interposed?: Interposer | undefined
}

/** Has the TSM do something with `fn`; the machine's state afterwards is what the device and the TSM remember. */
export function withTsm<T>(
  {machine, state, random, interposed}: TdispContext,
  fn: SimFunction,
  act: (tsm: PlatformTsm) => T,
): Done<T> {
  if (!hasDsm(fn)) return {errno: 'EIO'}
  const {name} = fn.dsm
  const {device, tsm} = state.links[name] ?? {}
  if (device === undefined || tsm == null) return {errno: 'EIO'}
  const talk: Talk = {
    device: deviceInSession(machine, fn, random),
    peer: fn.bdf,
    interposed,
    probe: session => void new PlatformTsm(session, fn).state(),
  }
  const {link, outcome} = inSession({device, tsm}, talk, session => act(new PlatformTsm(session, fn)))
  state.links[name] = link
  mirror(machine, state, name)
  return outcome
}
