/**
 * The TDI state machine as a table (PCIe r7.0 §11.2, §11.4): what every event does in every state. Requests are taken
 * as well formed and their arguments as acceptable; where the arguments decide, the refusal is an event of its own.
 */
import {TDI_STATE, type TdiState, TDISP_REQUEST, type TdispErrorName, type TdispRequestName} from './names.js'

/** A well-formed request that the DSM must refuse although the state would allow it. */
type RefusedRequest =
  | 'LOCK_INTERFACE_REQUEST stream without keys'
  | 'LOCK_INTERFACE_REQUEST invalid configuration'
  | 'LOCK_INTERFACE_REQUEST no entropy'
  | 'START_INTERFACE_REQUEST wrong nonce'

/** What happens to the device without a TDISP message. */
export type TdiEnvironmentEvent =
  | 'locked configuration changed'
  | 'requester ID changed'
  | 'bus master or memory space disabled'
  | 'IDE stream insecure'
  | 'SPDM session ended'
  | 'poisoned data received'
  | 'function level reset'
  | 'conventional reset'

export type TdiEvent = TdispRequestName | RefusedRequest | TdiEnvironmentEvent

export interface TdiTransition {
  readonly state: TdiState
  /** Answer of the DSM; an environment event has none. */
  readonly response: 'ok' | 'none' | TdispErrorName
}

type Cell = TdiState | TdispErrorName | 'same'
/** Cells in the order of TDI_STATE: the next state of an accepted request, or the error that leaves the state alone. */
type Row = readonly [unlocked: Cell, locked: Cell, run: Cell, error: Cell]

const ANYWHERE: Row = ['same', 'same', 'same', 'same']
const BAD = 'INVALID_INTERFACE_STATE'
const RUN_ONLY: Row = [BAD, BAD, 'same', BAD]
/** Breaks the promise that a locked configuration makes. */
const BREAKS: Row = ['same', 'ERROR', 'ERROR', 'same']

const REQUESTS: Readonly<Record<TdispRequestName | RefusedRequest, Row>> = {
  GET_TDISP_VERSION: ANYWHERE,
  GET_TDISP_CAPABILITIES: ANYWHERE,
  LOCK_INTERFACE_REQUEST: ['CONFIG_LOCKED', BAD, BAD, BAD],
  'LOCK_INTERFACE_REQUEST stream without keys': ['INVALID_REQUEST', BAD, BAD, BAD],
  'LOCK_INTERFACE_REQUEST invalid configuration': ['INVALID_DEVICE_CONFIGURATION', BAD, BAD, BAD],
  'LOCK_INTERFACE_REQUEST no entropy': ['INSUFFICIENT_ENTROPY', BAD, BAD, BAD],
  GET_DEVICE_INTERFACE_REPORT: [BAD, 'same', 'same', BAD],
  GET_DEVICE_INTERFACE_STATE: ANYWHERE,
  START_INTERFACE_REQUEST: [BAD, 'RUN', BAD, BAD],
  'START_INTERFACE_REQUEST wrong nonce': [BAD, 'INVALID_NONCE', BAD, BAD],
  STOP_INTERFACE_REQUEST: ['CONFIG_UNLOCKED', 'CONFIG_UNLOCKED', 'CONFIG_UNLOCKED', 'CONFIG_UNLOCKED'],
  BIND_P2P_STREAM_REQUEST: RUN_ONLY,
  UNBIND_P2P_STREAM_REQUEST: RUN_ONLY,
  SET_MMIO_ATTRIBUTE_REQUEST: RUN_ONLY,
  VDM_REQUEST: ANYWHERE,
}

const ENVIRONMENT: Readonly<Record<TdiEnvironmentEvent, Row>> = {
  'locked configuration changed': BREAKS,
  'requester ID changed': BREAKS,
  'bus master or memory space disabled': BREAKS,
  'IDE stream insecure': BREAKS,
  'SPDM session ended': BREAKS,
  'poisoned data received': BREAKS,
  'function level reset': BREAKS,
  // sessions, keys and locks are gone, and with them everything an ERROR would have to protect
  'conventional reset': ['CONFIG_UNLOCKED', 'CONFIG_UNLOCKED', 'CONFIG_UNLOCKED', 'CONFIG_UNLOCKED'],
}

const STATES = Object.keys(TDI_STATE) as TdiState[]

function transition(from: TdiState, cell: Cell, isRequest: boolean): TdiTransition {
  const response = isRequest ? 'ok' : 'none'
  if (cell === 'same') return {state: from, response}
  return cell in TDI_STATE ? {state: cell as TdiState, response} : {state: from, response: cell as TdispErrorName}
}

/** The full table, state by event. */
export const TDI_TRANSITIONS: Readonly<Record<TdiState, Readonly<Record<TdiEvent, TdiTransition>>>> =
  Object.fromEntries(
    STATES.map((from, i) => [
      from,
      Object.fromEntries([
        ...Object.entries(REQUESTS).map(([event, row]) => [event, transition(from, row[i]!, true)]),
        ...Object.entries(ENVIRONMENT).map(([event, row]) => [event, transition(from, row[i]!, false)]),
      ]),
    ]),
  ) as Record<TdiState, Record<TdiEvent, TdiTransition>>

/** State after `event`, and what the DSM answers. */
export const nextState = (state: TdiState, event: TdiEvent): TdiTransition => TDI_TRANSITIONS[state][event]

/**
 * The START_INTERFACE_NONCE lives exactly while the TDI is CONFIG_LOCKED: made by LOCK, destroyed by START, STOP and
 * ERROR (§11.3.9).
 */
export const nonceIsValid = (state: TdiState): boolean => state === 'CONFIG_LOCKED'

/** Event of a request message, for responders. */
export const requestEvent = (messageType: number): TdispRequestName | undefined =>
  (Object.keys(TDISP_REQUEST) as TdispRequestName[]).find(name => TDISP_REQUEST[name] === messageType)
