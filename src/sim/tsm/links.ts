/**
 * The links of a guest's TSM in the machine's state: a session is made before the first verb, outside the state, and put
 * into it if nothing has changed meanwhile; every later exchange is part of one change of the state.
 */
import {TsmctlError} from '../../errors.js'
import type {Machine, MachineState, SimFunction} from '../machine.js'
import {deviceOptions} from '../responder.js'
import type {MachineStore} from '../store.js'
import {DeviceEnd, type DeviceSpec, type Interposer} from './device-end.js'
import {DEFAULT_STREAM, dsmSpecOf, type FunctionOfDsm, functionsOf, hasDsm, mirror, ownerOf} from './guest-dsm.js'
import type {StoredDevice, StoredLink, StoredTsmSession} from './memory.js'
import {PlatformTsm} from './platform-tsm.js'
import {KEYS_OF_STREAM, keysInCommon} from './root-port.js'
import {openTsmSession, TsmSession} from './tsm-session.js'

type Random = (length: number) => Uint8Array

const specOf = (machine: Machine, {dsm}: FunctionOfDsm, random: Random): DeviceSpec => ({
  responder: deviceOptions(dsm, random),
  dsm: dsmSpecOf(machine, dsm.name, random),
})

async function opened(machine: Machine, fn: FunctionOfDsm, link: StoredLink | undefined, random: Random) {
  const device = new DeviceEnd(specOf(machine, fn, random), link?.device)
  try {
    const tsm = await openTsmSession({
      wire: request => device.respond(request),
      peer: fn.bdf,
      random,
      streamId: DEFAULT_STREAM,
      requesterId: ownerOf(functionsOf(machine, fn.dsm.name), fn.dsm.name).dsm.interfaceId,
    })
    return {device: device.memory(), tsm}
  } catch (error) {
    if (error instanceof TsmctlError) return undefined
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
    if (before?.tsm != null && before.tsm.stream.running.length > 0) return
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

/** The errno that a kernel makes of what went wrong between its TSM and a device. */
const errnoOfFailure = ({kind}: TsmctlError): string => (kind === 'timeout' ? 'ETIMEDOUT' : 'EIO')

export interface TdispContext {
  readonly machine: Machine
  readonly state: MachineState
  readonly random: Random
  /** What goes wrong at the device. */
  readonly interposed?: Interposer | undefined
}

export type Done<T> = {readonly done: T} | {readonly errno: string}

/**
 * Has the TSM do something with `fn`. The machine's state afterwards is what the device and the TSM remember, whether it
 * succeeded or not; a session that is over is forgotten by whoever has noticed.
 */
export function withTsm<T>(
  {machine, state, random, interposed}: TdispContext,
  fn: SimFunction,
  act: (tsm: PlatformTsm) => T,
): Done<T> {
  if (!hasDsm(fn)) return {errno: 'EIO'}
  const {name} = fn.dsm
  const link = state.links[name]
  if (link?.tsm == null) return {errno: 'EIO'}
  const device = new DeviceEnd(specOf(machine, fn, random), link.device, interposed)
  let silences = 0
  const session = new TsmSession(
    link.tsm,
    request => {
      const answer = device.respond(request)
      silences = answer === undefined ? silences + 1 : 0
      return answer
    },
    fn.bdf,
  )
  const tsm = new PlatformTsm(session, fn)
  let outcome: Done<T>
  try {
    outcome = {done: act(tsm)}
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    outcome = {errno: errnoOfFailure(error)}
    // is anybody there?
    if (silences === 1) isThere(tsm)
  }
  // one lost answer is a lost answer, two are a lost session
  const memory = device.memory()
  const kept = silences > 1 ? undefined : session.memory()
  state.links[name] = {device: memory, tsm: kept === undefined ? null : noticing(kept, memory)}
  mirror(machine, state, name)
  return outcome
}

/** A Root Port notices when its partner has no keys any more: its end of the stream is Insecure, too. */
function noticing(tsm: StoredTsmSession, {dsm}: StoredDevice): StoredTsmSession {
  const isSecure = keysInCommon(tsm.stream, dsm.ports[0]!) === KEYS_OF_STREAM
  return isSecure ? tsm : {...tsm, stream: {...tsm.stream, running: []}}
}

function isThere(tsm: PlatformTsm): void {
  try {
    tsm.state()
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
  }
}
