/** A DSM that goes on elsewhere does so as if nothing had happened. */
import fc from 'fast-check'
import {expect, it} from 'vitest'
import {toHex} from '../../../src/bits/index.js'
import {KM_KEY_PROG, KM_KEY_SET_GO, KM_KEY_SET_STOP} from '../../../src/ide/index.js'
import {createDsm, type DsmMemory, isDsmMemory, type SimulatedDsm} from '../../../src/sim/dsm/index.js'
import {
  BIND_P2P_STREAM_REQUEST,
  GET_DEVICE_INTERFACE_REPORT,
  LOCK_INTERFACE_REQUEST,
  SET_MMIO_ATTRIBUTE_REQUEST,
  START_INTERFACE_REQUEST,
  STOP_INTERFACE_REQUEST,
  TDISP_VERSION_1_0,
  tdispPayload,
} from '../../../src/tdisp/index.js'
import {OFFSET, OTHER_SESSION, RANGES, SESSION, specOf, STREAM, TDI} from './device.js'

const head = {tdispVersion: TDISP_VERSION_1_0, interfaceId: TDI}
const selector = {portIndex: 0, streamId: STREAM}
const lanes = [0, 1, 2].flatMap(subStream => [0, 1].map(transmit => ({...selector, subStream, transmit, keySet: 0})))
const nonce = (n: number): Uint8Array => {
  const bytes = new Uint8Array(32).fill(0xa5)
  new DataView(bytes.buffer).setUint32(0, n, true)
  return bytes
}
const key = Uint8Array.from({length: 32}, (_, i) => i)

type Step = (dsm: SimulatedDsm) => unknown
const say =
  (payload: Uint8Array, session = SESSION): Step =>
  dsm => {
    const answer = dsm.vendor(payload, session)
    return answer && toHex(answer)
  }
const whole =
  (...steps: readonly Step[]): Step =>
  dsm =>
    steps.map(step => step(dsm))

const KEYED = whole(
  ...lanes.map(lane => say(KM_KEY_PROG.encode({...lane, key, ifv: new Uint8Array(8)}))),
  ...lanes.map(lane => say(KM_KEY_SET_GO.encode(lane))),
)
const LOCKED = say(
  tdispPayload(
    LOCK_INTERFACE_REQUEST.encode({...head, lockMsix: true, defaultStreamId: STREAM, mmioReportingOffset: OFFSET}),
  ),
)
const updatable = RANGES[3]!

const STEPS: readonly Step[] = [
  KEYED,
  LOCKED,
  whole(KEYED, LOCKED),
  ...[1, 2, 3].map(n => say(tdispPayload(START_INTERFACE_REQUEST.encode({...head, startInterfaceNonce: nonce(n)})))),
  say(tdispPayload(STOP_INTERFACE_REQUEST.encode(head))),
  say(tdispPayload(GET_DEVICE_INTERFACE_REPORT.encode({...head, offset: 0, length: 4096}))),
  say(tdispPayload(BIND_P2P_STREAM_REQUEST.encode({...head, p2pStreamId: STREAM}))),
  say(
    tdispPayload(
      SET_MMIO_ATTRIBUTE_REQUEST.encode({
        ...head,
        mmioRange: {...updatable, firstPage: updatable.firstPage + OFFSET / 4096n, isNonTeeMem: true},
      }),
    ),
  ),
  say(KM_KEY_SET_STOP.encode(lanes[0]!)),
  say(KM_KEY_SET_GO.encode(lanes[0]!)),
  say(KM_KEY_SET_GO.encode(lanes[0]!), OTHER_SESSION),
  dsm => dsm.sessionEnded(SESSION),
  dsm => dsm.streamInsecure(STREAM),
  dsm => dsm.disturb(TDI, 'function level reset'),
]

it('answers and remembers as one that was never put down, after any history', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(STEPS.length - 1), {maxLength: 12}), history => {
      const [one, other] = [specOf(), specOf()]
      const steady = createDsm(one)
      let memory: DsmMemory | undefined
      for (const n of history) {
        const moved = createDsm(other, memory)
        expect(STEPS[n]!(moved)).toEqual(STEPS[n]!(steady))
        memory = JSON.parse(JSON.stringify(moved.memory())) as DsmMemory
        expect(isDsmMemory(memory)).toBe(true)
        expect(memory).toEqual(steady.memory())
      }
    }),
    {numRuns: 150, examples: [[[2, 3, 9, 7]], [[2, 3, 10, 7]], [[0, 10, 11, 1]], [[2, 13, 1, 6, 2]]]},
  )
})

it('remembers keys byte for byte as FIPS 197 numbers them', () => {
  const dsm = createDsm(specOf())
  const wire = Uint8Array.from({length: 32}, (_, i) => i - (i % 4) + 3 - (i % 4))
  dsm.vendor(KM_KEY_PROG.encode({...lanes[0]!, key: wire, ifv: new Uint8Array(8)}), SESSION)
  expect(dsm.memory().ports[0]).toEqual({
    owner: SESSION,
    lanes: {[`${STREAM}/0/0`]: {keys: {0: toHex(key)}, active: null}},
  })
})

it('a stream that fails takes its TDIs along, and leaves the port to whoever keys it next', () => {
  const dsm = createDsm(specOf())
  KEYED(dsm)
  LOCKED(dsm)
  expect(dsm.stateOf(TDI)).toBe('CONFIG_LOCKED')
  dsm.streamInsecure(STREAM)
  expect(dsm.stateOf(TDI)).toBe('ERROR')
  expect(dsm.memory()).toMatchObject({tdis: [{nonce: null}], ports: [{owner: null, lanes: {}}]})
  expect(say(KM_KEY_PROG.encode({...lanes[0]!, key, ifv: new Uint8Array(8)}), OTHER_SESSION)(dsm)).toBeDefined()
})
