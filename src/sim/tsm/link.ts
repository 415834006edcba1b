/** What becomes of a device and of the TSM's session with it: by messages between them, and without. */
import {TsmctlError} from '../../errors.js'
import {createDsm, type DsmSpec, type SimulatedDsm} from '../dsm/index.js'
import {DeviceEnd, type DeviceSpec, type Interposer} from './device-end.js'
import type {StoredDevice, StoredLink, StoredTsmSession} from './memory.js'
import {KEYS_OF_STREAM, keysInCommon} from './root-port.js'
import {TsmSession} from './tsm-session.js'

/** The errno that a kernel makes of what went wrong between its TSM and a device. */
const errnoOfFailure = ({kind}: TsmctlError): string => (kind === 'timeout' ? 'ETIMEDOUT' : 'EIO')

export type Done<T> = {readonly done: T} | {readonly errno: string}

export interface Talk {
  readonly device: DeviceSpec
  /** The device, for messages. */
  readonly peer: string
  /** What goes wrong at the device. */
  readonly interposed?: Interposer | undefined
  /** Asks whether anybody is there. */
  readonly probe?: (session: TsmSession) => void
}

/** Runs `step`; the error that a device caused, if any. */
function failureOf(step: () => void): TsmctlError | undefined {
  try {
    step()
    return undefined
  } catch (error) {
    if (error instanceof TsmctlError) return error
    throw error
  }
}

/**
 * Has the TSM of `link` do something in its session. The link afterwards is what both sides remember, whether it succeeded
 * or not; a session that is over is forgotten by whoever has noticed.
 */
export function inSession<T>(
  {device: before, tsm}: StoredLink & {readonly tsm: StoredTsmSession},
  {device: spec, peer, interposed, probe}: Talk,
  act: (session: TsmSession) => T,
): {readonly link: StoredLink; readonly outcome: Done<T>} {
  const device = new DeviceEnd(spec, before, interposed)
  let silences = 0
  const wire = (request: Parameters<DeviceEnd['respond']>[0]) => {
    const answer = device.respond(request)
    silences = answer === undefined ? silences + 1 : 0
    return answer
  }
  const session = new TsmSession(tsm, wire, peer)
  let outcome: Done<T> | undefined
  const failure = failureOf(() => {
    outcome = {done: act(session)}
  })
  if (failure !== undefined && silences === 1 && probe !== undefined) failureOf(() => probe(session))
  const memory = device.memory()
  // one lost answer is a lost answer, two are a lost session
  const kept = silences > 1 ? undefined : session.memory()
  return {
    link: {device: memory, tsm: kept === undefined ? null : noticing(kept, memory)},
    outcome: outcome ?? {errno: errnoOfFailure(failure!)},
  }
}

/** A Root Port notices when its partner has no keys any more: its end of the stream is Insecure, too. */
function noticing(tsm: StoredTsmSession, {dsm}: StoredDevice): StoredTsmSession {
  const {stream} = tsm
  if (stream === null || keysInCommon(stream, dsm.ports[0]!) === KEYS_OF_STREAM) return tsm
  return {...tsm, stream: {...stream, running: []}}
}

/** Lets something happen inside a DSM that nobody is talking to. */
export function within(link: StoredLink, spec: DsmSpec, happen: (dsm: SimulatedDsm) => void): StoredLink {
  const dsm = createDsm(spec, link.device.dsm)
  happen(dsm)
  return {...link, device: {...link.device, dsm: dsm.memory()}}
}

/** The device gives up its sessions without telling anybody. */
export function sessionsLost(link: StoredLink, spec: DsmSpec): StoredLink {
  const {device, tsm} = within(link, spec, dsm => {
    for (const {id} of link.device.sessions) dsm.sessionEnded(id)
  })
  return {device: {...device, sessions: []}, tsm}
}
