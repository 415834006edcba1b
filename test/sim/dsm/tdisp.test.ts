/** A device's side of TDISP: every request in every state, and whatever else may arrive. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {concat, equal, fromHex, toHex} from '../../../src/bits/index.js'
import type {SimulatedDsm} from '../../../src/sim/dsm/index.js'
import {
  decodeTdispPayload,
  interfaceIdOf,
  LOCK_FLAG_KEYS,
  LOCK_FLAGS,
  nextState,
  TDI_STATE,
  type TdiState,
  TDISP_ERROR_CODE,
  TDISP_MESSAGES,
  TDISP_REQUEST,
  tdispPayload,
  type TdispRequestName,
} from '../../../src/tdisp/index.js'
import {
  device,
  type DeviceOptions,
  endOf,
  failure,
  keyed,
  kmOf,
  OTHER_SESSION,
  RANGES,
  SESSION,
  STREAM,
  TDI,
  tdispOf,
} from './device.js'

const STATES = Object.keys(TDI_STATE) as TdiState[]
const REQUESTS = Object.keys(TDISP_REQUEST) as TdispRequestName[]
const OPTIONAL = REQUESTS.slice(7)
const P2P = 9
const ALL = {
  optionalRequests: OPTIONAL,
  lockFlags: ['noFwUpdate', 'systemCacheLineSize', 'lockMsix', 'bindP2p', 'allRequestRedirect'],
  vendorMessage: (data: Uint8Array) => data,
} as const

/** Two streams: the default one and one to a peer. */
const TWO_STREAMS = {
  bus: 0x3d,
  deviceFunction: 8,
  registers: fromHex(
    `42000100 00000000${'00000000 000000SS 00000000 00000000 00000000'.repeat(2)}`
      .replace('SS', '07')
      .replace('SS', '09'),
  ),
}

const request = (name: TdispRequestName, body: object = {}, id = interfaceIdOf(TDI)): Uint8Array =>
  tdispPayload(TDISP_MESSAGES[name].encode({...body, tdispVersion: 0x10, interfaceId: id}))

/** The answer by name, or the error's. */
function ask(dsm: SimulatedDsm, payload: Uint8Array, session = SESSION): string {
  const answer = dsm.vendor(payload, session)
  if (answer === undefined) return 'silence'
  expect(toHex(answer.subarray(5, 17)), 'INTERFACE_ID is echoed').toBe(toHex(payload.subarray(5, 17)))
  const {name, value} = decodeTdispPayload(answer)
  if (name !== 'TDISP_ERROR') return name
  const code = value.errorCode as number
  return Object.entries(TDISP_ERROR_CODE).find(([, number]) => number === code)![0]
}

interface Started {
  readonly dsm: SimulatedDsm
  readonly nonce: Uint8Array
}

/** A device whose TDI is in `state`, by the shortest way. */
async function inState(state: TdiState, options: DeviceOptions = {tdisp: ALL, ports: [TWO_STREAMS]}): Promise<Started> {
  const dsm = await keyed(options)
  const end = endOf(dsm, 0, P2P)
  const keys = {pr: new Uint8Array(32), npr: new Uint8Array(32), cpl: new Uint8Array(32)}
  await end.program({receive: keys, transmit: keys})
  await end.start('receive')
  await end.start('transmit')
  if (state === 'CONFIG_UNLOCKED') return {dsm, nonce: new Uint8Array(32)}
  const client = tdispOf(dsm)
  const nonce = await client.lock({flags: ['bindP2p', 'lockMsix'], defaultStreamId: STREAM})
  if (state === 'RUN') await client.start(nonce)
  if (state === 'ERROR') dsm.disturb(TDI, 'function level reset')
  expect(dsm.stateOf(TDI)).toBe(state)
  return {dsm, nonce}
}

/** Arguments with which each request is acceptable. */
const acceptable = (name: TdispRequestName, nonce: Uint8Array): object =>
  ({
    LOCK_INTERFACE_REQUEST: {defaultStreamId: STREAM},
    GET_DEVICE_INTERFACE_REPORT: {offset: 0, length: 16},
    START_INTERFACE_REQUEST: {startInterfaceNonce: nonce},
    BIND_P2P_STREAM_REQUEST: {p2pStreamId: P2P},
    UNBIND_P2P_STREAM_REQUEST: {p2pStreamId: P2P},
    SET_MMIO_ATTRIBUTE_REQUEST: {mmioRange: {...RANGES[3], isNonTeeMem: true}},
    VDM_REQUEST: {vendorId: fromHex('0100'), vendorData: fromHex('2a')},
  })[name as string] ?? {}

describe('every request in every state, as the state machine has it', () => {
  const product = STATES.flatMap(state => REQUESTS.map(name => [state, name] as const))

  it.each(product)('%s: %s', async (state, name) => {
    const {dsm, nonce} = await inState(state)
    if (state === 'RUN' && name === 'UNBIND_P2P_STREAM_REQUEST') await bind(dsm)
    const {state: next, response} = nextState(state, name)
    const got = ask(dsm, request(name, acceptable(name, nonce)))
    if (response === 'ok') expect(got).not.toMatch(/^INVALID|^UNS/)
    else expect(got).toBe(response)
    expect(dsm.stateOf(TDI)).toBe(next)
  })
})

const bind = async (dsm: SimulatedDsm): Promise<void> => {
  expect(ask(dsm, request('BIND_P2P_STREAM_REQUEST', {p2pStreamId: P2P}))).toBe('BIND_P2P_STREAM_RESPONSE')
}

const HEADER = '083d0000 0000000000000000'

describe('what is refused', () => {
  it.each<[string, TdiState, Uint8Array, string]>([
    ['another version', 'CONFIG_UNLOCKED', fromHex(`01 20850000 ${HEADER}`), 'VERSION_MISMATCH'],
    ['an undefined code', 'CONFIG_UNLOCKED', fromHex(`01 108f0000 ${HEADER}`), 'UNSUPPORTED_REQUEST'],
    ['a response code', 'CONFIG_UNLOCKED', fromHex(`01 10050000 ${HEADER}`), 'UNSUPPORTED_REQUEST'],
    [
      'an interface there is not',
      'CONFIG_UNLOCKED',
      fromHex(`01 10850000 0df0${HEADER.slice(4)}`),
      'INVALID_INTERFACE',
    ],
    ['a segment the TDI has not', 'RUN', fromHex(`01 10850000 083d0001${HEADER.slice(8)}`), 'INVALID_INTERFACE'],
    ['trailing bytes', 'RUN', fromHex(`01 10870000 ${HEADER} 00`), 'INVALID_REQUEST'],
    ['missing bytes', 'CONFIG_LOCKED', fromHex(`01 10860000 ${HEADER} 00`), 'INVALID_REQUEST'],
    [
      'undefined flags',
      'CONFIG_UNLOCKED',
      fromHex(`01 10830000 ${HEADER} 2000 07 00 ${'00'.repeat(16)}`),
      'INVALID_REQUEST',
    ],
    [
      'a stream without keys',
      'CONFIG_UNLOCKED',
      request('LOCK_INTERFACE_REQUEST', {defaultStreamId: 8}),
      'INVALID_REQUEST',
    ],
    [
      'a wrong nonce',
      'CONFIG_LOCKED',
      request('START_INTERFACE_REQUEST', {startInterfaceNonce: new Uint8Array(32)}),
      'INVALID_NONCE',
    ],
    ['a report of no bytes', 'RUN', request('GET_DEVICE_INTERFACE_REPORT', {offset: 0, length: 0}), 'INVALID_REQUEST'],
    [
      'a report behind its end',
      'RUN',
      request('GET_DEVICE_INTERFACE_REPORT', {offset: 97, length: 1}),
      'INVALID_REQUEST',
    ],
    ['a peer stream without keys', 'RUN', request('BIND_P2P_STREAM_REQUEST', {p2pStreamId: 33}), 'INVALID_REQUEST'],
    [
      'the default stream as peer stream',
      'RUN',
      request('BIND_P2P_STREAM_REQUEST', {p2pStreamId: STREAM}),
      'INVALID_REQUEST',
    ],
    ['a stream that is not bound', 'RUN', request('UNBIND_P2P_STREAM_REQUEST', {p2pStreamId: P2P}), 'INVALID_REQUEST'],
    [
      'a range that is not updatable',
      'RUN',
      request('SET_MMIO_ATTRIBUTE_REQUEST', {mmioRange: {...RANGES[0], isMemAttrUpdatable: true}}),
      'INVALID_REQUEST',
    ],
    ['half a header', 'RUN', fromHex('01 1085 0000'), 'silence'],
    ['another protocol', 'RUN', fromHex('02 1085 0000'), 'silence'],
    ['nothing', 'RUN', new Uint8Array(), 'silence'],
  ])('%s in %s', async (_, state, payload, expected) => {
    const {dsm} = await inState(state)
    expect(ask(dsm, payload)).toBe(expected)
    expect(dsm.stateOf(TDI)).toBe(state)
  })

  it('an unsupported request is named in ERROR_DATA', () => {
    const answer = device().vendor(request('VDM_REQUEST'), SESSION)!
    expect(decodeTdispPayload(answer).value).toMatchObject({errorCode: 7, errorData: 0x8b})
  })

  it('a peer stream when the lock was without BIND_P2P', async () => {
    const dsm = await keyed({tdisp: ALL})
    const client = tdispOf(dsm)
    await client.start(await client.lock({defaultStreamId: STREAM}))
    expect(ask(dsm, request('BIND_P2P_STREAM_REQUEST', {p2pStreamId: P2P}))).toBe('INVALID_REQUEST')
  })

  it('a lock without entropy, or in a configuration that cannot be locked', async () => {
    const lock = request('LOCK_INTERFACE_REQUEST', {defaultStreamId: STREAM})
    expect(ask(await keyed({tdisp: {random: () => undefined}}), lock)).toBe('INSUFFICIENT_ENTROPY')
    expect(ask(await keyed({isConfigurationValid: () => false}), lock)).toBe('INVALID_DEVICE_CONFIGURATION')
  })

  it('a lock over a stream of whose six keys one is not in use', async () => {
    const dsm = device()
    const lock = request('LOCK_INTERFACE_REQUEST', {defaultStreamId: STREAM})
    const end = endOf(dsm)
    const keys = {pr: new Uint8Array(32), npr: new Uint8Array(32), cpl: new Uint8Array(32)}
    await end.program({receive: keys, transmit: keys})
    await end.start('receive')
    expect(ask(dsm, lock)).toBe('INVALID_REQUEST')
    for (const subStream of ['pr', 'npr', 'cpl'] as const) {
      expect(ask(dsm, lock)).toBe('INVALID_REQUEST')
      await kmOf(dsm).go({portIndex: 0, streamId: STREAM, keySet: 0, direction: 'transmit', subStream})
    }
    expect(ask(dsm, lock)).toBe('LOCK_INTERFACE_RESPONSE')
  })

  it.each(LOCK_FLAG_KEYS)('%s by a device that does not support it, and by no other', async flag => {
    const lock = request('LOCK_INTERFACE_REQUEST', {
      defaultStreamId: STREAM,
      [flag]: true,
      bindP2pAddressMask: 0xffff_ffff_ffff_f000n,
    })
    const others = LOCK_FLAG_KEYS.filter(other => other !== flag)
    expect(ask(await keyed({tdisp: {lockFlags: others}}), lock)).toBe('INVALID_REQUEST')
    const dsm = await keyed({tdisp: {lockFlags: [flag]}})
    expect(ask(dsm, lock)).toBe('LOCK_INTERFACE_RESPONSE')
    expect(dsm.memory().tdis[0]!.lock!.flags).toEqual([flag])
    const capabilities = await tdispOf(dsm).capabilities()
    expect(capabilities).toMatchObject({[LOCK_FLAGS[flag]]: true, numReqThis: 1, numReqAll: 3})
    expect(others.filter(other => capabilities[LOCK_FLAGS[other]])).toEqual([])
  })

  it('a lock over another session than the one that keyed the stream', async () => {
    const dsm = await keyed()
    const lock = request('LOCK_INTERFACE_REQUEST', {defaultStreamId: STREAM})
    expect(ask(dsm, lock, OTHER_SESSION)).toBe('INVALID_REQUEST')
    expect(ask(dsm, lock)).toBe('LOCK_INTERFACE_RESPONSE')
  })
})

describe('what a lock does not survive', () => {
  it.each<[string, (dsm: SimulatedDsm) => unknown]>([
    ['the end of its session', dsm => dsm.sessionEnded(SESSION)],
    ['its stream stopping', dsm => endOf(dsm).stop('transmit')],
    ['a change of what it covers', dsm => dsm.disturb(TDI, 'locked configuration changed')],
  ])('%s', async (_, happen) => {
    for (const state of ['CONFIG_LOCKED', 'RUN'] as const) {
      const {dsm, nonce} = await inState(state)
      await happen(dsm)
      expect(dsm.stateOf(TDI)).toBe('ERROR')
      const client = tdispOf(dsm)
      expect((await failure(client.start(nonce))).details).toMatchObject({tdispError: 'INVALID_INTERFACE_STATE'})
      await client.stop()
      expect(await client.state()).toBe('CONFIG_UNLOCKED')
    }
  })

  it('the stream of a bound peer stopping', async () => {
    const {dsm} = await inState('RUN')
    await bind(dsm)
    await endOf(dsm, 0, P2P).stop('receive')
    expect(dsm.stateOf(TDI)).toBe('ERROR')
  })

  it('another session or stream ending leaves it alone', async () => {
    const {dsm} = await inState('RUN')
    dsm.sessionEnded(OTHER_SESSION)
    await endOf(dsm, 0, P2P).stop('receive')
    expect(dsm.stateOf(TDI)).toBe('RUN')
  })
})

it('a report is served in portions of the device’s own size', async () => {
  const dsm = await keyed({tdisp: {maxPortion: 10}})
  const client = tdispOf(dsm)
  await client.lock({defaultStreamId: STREAM})
  expect((await client.report()).bytes).toHaveLength(97)
})

it('a report that no portions could carry is refused when the device is made', () => {
  const ranges = Array.from({length: 5000}, (_, i) => ({firstPage: BigInt(i), pages: 1, rangeId: 0}))
  expect(() => device({tdisp: {tdis: [{address: TDI, report: {}, ranges}]}})).toThrow(RangeError)
})

/** Well-formed, half-formed and random messages, and what happens around them. */
const step = fc.oneof(
  fc.uint8Array({maxLength: 80}),
  fc.constantFrom(...REQUESTS).map(name => request(name, acceptable(name, new Uint8Array(32)))),
  fc
    .tuple(fc.constantFrom(...Object.values(TDISP_REQUEST)), fc.uint8Array({maxLength: 40}))
    .map(([code, body]) => concat(fromHex('01 10'), Uint8Array.of(code), fromHex(`0000 ${HEADER}`), body)),
  fc.constantFrom(
    request('LOCK_INTERFACE_REQUEST', {defaultStreamId: STREAM}),
    request('LOCK_INTERFACE_REQUEST', {defaultStreamId: STREAM, bindP2p: true}),
  ),
  fc.constant('start' as const),
  fc.constant('end session' as const),
)

it('no sequence of messages throws, or reaches RUN but by the nonce of the current lock', async () => {
  let started = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, {maxLength: 30, size: 'max'}), async steps => {
      const dsm = await keyed({tdisp: ALL})
      let nonce: Uint8Array | undefined
      for (const what of steps) {
        const before = dsm.stateOf(TDI)
        if (what === 'end session') {
          dsm.sessionEnded(SESSION)
          continue
        }
        const payload = what === 'start' ? request('START_INTERFACE_REQUEST', {startInterfaceNonce: nonce}) : what
        const answer = dsm.vendor(payload, SESSION)
        const after = dsm.stateOf(TDI)
        if (after === 'RUN' && before !== 'RUN') {
          started++
          expect(before).toBe('CONFIG_LOCKED')
          expect(nonce !== undefined && equal(payload.subarray(17), nonce)).toBe(true)
        }
        if (after === 'CONFIG_LOCKED' && before !== 'CONFIG_LOCKED') nonce = answer!.slice(17)
        else if (after !== 'CONFIG_LOCKED') nonce = undefined
      }
    }),
    {numRuns: 200},
  )
  expect(started).toBeGreaterThan(0)
})
