/** The whole TDI state machine, every event in every state (PCIe r7.0 §11.2, §11.4). */
import {describe, expect, it} from 'vitest'
import {
  nextState,
  nonceIsValid,
  requestEvent,
  TDI_STATE,
  TDI_TRANSITIONS,
  type TdiEvent,
  type TdiState,
  TDISP_ERROR_CODE,
  TDISP_REQUEST,
} from '../../src/tdisp/index.js'

const STATES = Object.keys(TDI_STATE) as TdiState[]
const TDI_EVENTS = Object.keys(TDI_TRANSITIONS.RUN) as TdiEvent[]

/** Written down apart from the table: the states in which each request is legal, and where it leads. */
const LEGAL: Readonly<Record<keyof typeof TDISP_REQUEST, readonly TdiState[]>> = {
  GET_TDISP_VERSION: STATES,
  GET_TDISP_CAPABILITIES: STATES,
  LOCK_INTERFACE_REQUEST: ['CONFIG_UNLOCKED'],
  GET_DEVICE_INTERFACE_REPORT: ['CONFIG_LOCKED', 'RUN'],
  GET_DEVICE_INTERFACE_STATE: STATES,
  START_INTERFACE_REQUEST: ['CONFIG_LOCKED'],
  STOP_INTERFACE_REQUEST: STATES,
  BIND_P2P_STREAM_REQUEST: ['RUN'],
  UNBIND_P2P_STREAM_REQUEST: ['RUN'],
  SET_MMIO_ATTRIBUTE_REQUEST: ['RUN'],
  VDM_REQUEST: STATES,
}
const LEADS_TO: Readonly<Partial<Record<TdiEvent, TdiState>>> = {
  LOCK_INTERFACE_REQUEST: 'CONFIG_LOCKED',
  START_INTERFACE_REQUEST: 'RUN',
  STOP_INTERFACE_REQUEST: 'CONFIG_UNLOCKED',
}

const product = STATES.flatMap(state => TDI_EVENTS.map(event => [state, event] as const))

it('the table is complete', () => {
  expect(Object.keys(TDI_TRANSITIONS)).toEqual(STATES)
  expect(product).toHaveLength(4 * 23)
  for (const [state, event] of product) {
    const {state: next, response} = nextState(state, event)
    expect(STATES).toContain(next)
    expect(['ok', 'none', ...Object.keys(TDISP_ERROR_CODE)]).toContain(response)
  }
})

describe.each(Object.entries(LEGAL) as [keyof typeof TDISP_REQUEST, readonly TdiState[]][])('%s', (event, legal) => {
  it.each(STATES)('in %s', state => {
    expect(nextState(state, event)).toEqual(
      legal.includes(state)
        ? {state: LEADS_TO[event] ?? state, response: 'ok'}
        : {state, response: 'INVALID_INTERFACE_STATE'},
    )
  })
})

it('a refused request changes nothing, whatever the reason', () => {
  const refused = product.filter(([state, event]) => !['ok', 'none'].includes(nextState(state, event).response))
  expect(refused.length).toBeGreaterThan(0)
  expect(refused.filter(([state, event]) => nextState(state, event).state !== state)).toEqual([])
})

it.each<[TdiEvent, TdiState, string]>([
  ['LOCK_INTERFACE_REQUEST stream without keys', 'CONFIG_UNLOCKED', 'INVALID_REQUEST'],
  ['LOCK_INTERFACE_REQUEST invalid configuration', 'CONFIG_UNLOCKED', 'INVALID_DEVICE_CONFIGURATION'],
  ['LOCK_INTERFACE_REQUEST no entropy', 'CONFIG_UNLOCKED', 'INSUFFICIENT_ENTROPY'],
  ['START_INTERFACE_REQUEST wrong nonce', 'CONFIG_LOCKED', 'INVALID_NONCE'],
])('%s is refused by name in %s, by state elsewhere', (event, state, response) => {
  expect(nextState(state, event)).toEqual({state, response})
  for (const other of STATES.filter(name => name !== state))
    expect(nextState(other, event)).toEqual({state: other, response: 'INVALID_INTERFACE_STATE'})
})

const environment = product.filter(([state, event]) => nextState(state, event).response === 'none')

it.each(environment)('in %s, %s', (state, event) => {
  const expected =
    event === 'conventional reset' ? 'CONFIG_UNLOCKED' : state === 'CONFIG_UNLOCKED' ? 'CONFIG_UNLOCKED' : 'ERROR'
  expect(nextState(state, event).state).toBe(expected)
})

/** Every way into a state from another one. */
const into = (target: TdiState) =>
  product.filter(([from, event]) => from !== target && nextState(from, event).state === target)

it('RUN is reached only by START from CONFIG_LOCKED, and ERROR is left only by STOP or a reset', () => {
  expect(into('RUN')).toEqual([['CONFIG_LOCKED', 'START_INTERFACE_REQUEST']])
  expect(into('CONFIG_LOCKED')).toEqual([['CONFIG_UNLOCKED', 'LOCK_INTERFACE_REQUEST']])
  const leaves = TDI_EVENTS.filter(event => nextState('ERROR', event).state !== 'ERROR')
  expect(leaves).toEqual(['STOP_INTERFACE_REQUEST', 'conventional reset'])
})

it('a nonce is valid while the TDI is locked and not started', () => {
  expect(STATES.filter(nonceIsValid)).toEqual(['CONFIG_LOCKED'])
})

it('every request code has its event', () => {
  for (const [name, code] of Object.entries(TDISP_REQUEST)) expect(requestEvent(code)).toBe(name)
  expect(requestEvent(0x01)).toBeUndefined()
})
