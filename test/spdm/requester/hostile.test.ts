/**
 * Responders that lie, stall or forget, and somebody in the middle. Each row is one class of attack or defect that has been
 * published for an SPDM requester; each must end in its own error, in time, with the transport closed.
 */
import {describe, expect, it} from 'vitest'
import {concat, fromHex} from '../../../src/bits/index.js'
import {
  CHUNK_RESPONSE,
  DEFAULT_OFFER,
  ERROR,
  type FailureReason,
  type Requester,
  RequesterError,
  type RequesterSession,
  SPDM_CODE,
  SPDM_ERROR_CODE,
} from '../../../src/spdm/index.js'
import {bench, type BenchOptions, sign, slots, type Tamper, TIMEOUTS} from './bench.js'

type Code = keyof typeof SPDM_CODE

/** Changes the response to every request of that name. */
const at =
  (name: Code, change: (response: Uint8Array, request: Uint8Array) => Uint8Array | undefined): Tamper =>
  ({code, response, request}) =>
    code === SPDM_CODE[name] && response !== undefined ? change(response.slice(), request) : response

/** Puts bytes in place of those at `offset`. */
const set =
  (offset: number, ...bytes: number[]) =>
  (message: Uint8Array): Uint8Array => {
    message.set(bytes, offset < 0 ? message.length + offset : offset)
    return message
  }
const flip =
  (offset: number) =>
  (message: Uint8Array): Uint8Array =>
    set(offset, message.at(offset)! ^ 1)(message)

const V = 0x12
/** With P-256, a selected version in OpaqueData, a P-384 signature and SHA-384 verify data. */
const SIZE_OF_KEY_EXCHANGE_RSP = 40 + 64 + 2 + 12 + 96 + 48
const error = (errorCode: keyof typeof SPDM_ERROR_CODE, extra: object = {}, version = V) =>
  ERROR.encode({spdmVersion: version, errorCode: SPDM_ERROR_CODE[errorCode], ...extra})
const notReady = (extra: object) =>
  error('ResponseNotReady', {
    notReady: {rdtExponent: 10, requestCode: SPDM_CODE.GET_DIGESTS, token: 1, rdtm: 8, ...extra},
  })

type Run = (requester: Requester) => Promise<unknown>
const RUN = {
  negotiate: r => r.negotiate(),
  digests: async r => (await r.negotiate(), r.digests()),
  certificate: async r => (await r.negotiate(), r.certificate()),
  challenge: async r => (await r.negotiate(), r.challenge({summary: 'all'})),
  all: async r => (await r.negotiate(), r.measurements()),
  each: async r => (await r.negotiate(), r.measurements({which: 'each'})),
  session: async r => (await r.negotiate(), r.openSession()),
} as const satisfies Readonly<Record<string, Run>>

interface Row {
  readonly name: string
  readonly run: keyof typeof RUN
  readonly reason: FailureReason
  readonly tamper: Tamper
  readonly options?: BenchOptions
}
const row = (
  name: string,
  run: keyof typeof RUN,
  reason: FailureReason,
  tamper: Tamper,
  options: BenchOptions = {},
): Row => ({name, run, reason, tamper, options})

const SMALL: BenchOptions = {device: {versions: [V]}, requester: {offer: {dataTransferSize: 200}}}
const NEWER: BenchOptions = {device: {versions: [0x13]}}
const none: Tamper = ({response}) => response

/** A CHUNK_RESPONSE instead of the first one. */
const chunk = (given: object, then: (message: Uint8Array) => Uint8Array = m => m): Tamper =>
  at('CHUNK_GET', response => {
    const handle = response[3]!
    return then(
      CHUNK_RESPONSE.encode({
        spdmVersion: V,
        handle,
        largeMessageSize: 100,
        chunk: new Uint8Array(60),
        ...given,
      }),
    )
  })

const NEGOTIATION: readonly Row[] = [
  row(
    'VERSION lists nothing (undefined selection)',
    'negotiate',
    'version',
    at('GET_VERSION', () => fromHex('100400000000')),
  ),
  row(
    'VERSION lists only unknown versions',
    'negotiate',
    'version',
    at('GET_VERSION', () => fromHex('1004000000010020')),
  ),
  row('VERSION counts more entries than it has (over-read)', 'negotiate', 'malformed', at('GET_VERSION', set(5, 200))),
  row(
    'VERSION deferred',
    'negotiate',
    'not-ready',
    at('GET_VERSION', () =>
      error('ResponseNotReady', {notReady: {rdtExponent: 1, requestCode: 0x84, token: 0, rdtm: 2}}, 0x10),
    ),
  ),
  row(
    'RequestResynch for ever',
    'negotiate',
    'resynch',
    at('GET_CAPABILITIES', () => error('RequestResynch')),
  ),
  row('CTExponent that makes us wait for ever', 'negotiate', 'capabilities', at('GET_CAPABILITIES', set(5, 32))),
  row(
    'reserved MEAS_CAP',
    'negotiate',
    'capabilities',
    at('GET_CAPABILITIES', m => set(8, m[8]! | 0x18)(m)),
  ),
  row(
    'DataTransferSize too small for any message',
    'negotiate',
    'capabilities',
    at('GET_CAPABILITIES', set(12, 41, 0, 0, 0)),
  ),
  row(
    'MaxSPDMmsgSize below DataTransferSize',
    'negotiate',
    'capabilities',
    at('GET_CAPABILITIES', set(16, 42, 0, 0, 0)),
  ),
  row(
    'a hash that was not offered (downgrade)',
    'negotiate',
    'algorithms',
    at('NEGOTIATE_ALGORITHMS', set(16, 0x40, 0, 0, 0)),
  ),
  row('two hashes at once', 'negotiate', 'algorithms', at('NEGOTIATE_ALGORITHMS', set(16, 3, 0, 0, 0))),
  row('no hash', 'negotiate', 'algorithms', at('NEGOTIATE_ALGORITHMS', set(16, 0, 0, 0, 0))),
  row('no signature algorithm', 'negotiate', 'algorithms', at('NEGOTIATE_ALGORITHMS', set(12, 0, 0, 0, 0))),
  row(
    'a Length that lies',
    'negotiate',
    'malformed',
    at('NEGOTIATE_ALGORITHMS', m => set(4, m[4]! + 4)(m)),
  ),
  row(
    'structures out of order',
    'negotiate',
    'algorithms',
    at('NEGOTIATE_ALGORITHMS', m => concat(m.subarray(0, 36), m.subarray(40, 44), m.subarray(36, 40), m.subarray(44))),
  ),
]

const COMMON: readonly Row[] = [
  row('another version in the middle', 'digests', 'version', at('GET_DIGESTS', set(0, 0x11))),
  row('the response to another request', 'digests', 'unexpected-response', at('GET_DIGESTS', set(1, 0x02))),
  row('a request as response', 'digests', 'unexpected-response', at('GET_DIGESTS', set(1, 0x81))),
  row(
    'no header',
    'digests',
    'unexpected-response',
    at('GET_DIGESTS', () => fromHex('1201')),
  ),
  row(
    'nothing at all',
    'digests',
    'unexpected-response',
    at('GET_DIGESTS', () => new Uint8Array()),
  ),
  row(
    'a message cut short',
    'digests',
    'malformed',
    at('GET_DIGESTS', m => m.subarray(0, -1)),
  ),
  row(
    'more padding than the transport needs',
    'digests',
    'malformed',
    at('GET_DIGESTS', m => concat(m, new Uint8Array(4))),
  ),
  row(
    'padding that is not zero',
    'digests',
    'malformed',
    at('GET_DIGESTS', m => concat(m, Uint8Array.of(1))),
  ),
  row(
    'more than DataTransferSize',
    'digests',
    'malformed',
    at('GET_DIGESTS', m => concat(m, new Uint8Array(5000))),
  ),
  row(
    'Busy for ever',
    'digests',
    'busy',
    at('GET_DIGESTS', () => error('Busy')),
  ),
  row('ResponseNotReady for ever', 'digests', 'not-ready', ({code, response}) =>
    code === SPDM_CODE.GET_DIGESTS || code === SPDM_CODE.RESPOND_IF_READY ? notReady({}) : response,
  ),
  row(
    'ResponseNotReady for another request',
    'digests',
    'not-ready',
    at('GET_DIGESTS', () => notReady({requestCode: 0x82})),
  ),
  row(
    'ResponseNotReady beyond the budget',
    'digests',
    'not-ready',
    at('GET_DIGESTS', () => notReady({rdtExponent: 255})),
  ),
  row(
    'ResponseNotReady that forgets at once',
    'digests',
    'not-ready',
    at('GET_DIGESTS', () => notReady({rdtm: 1})),
  ),
  row(
    'DecryptError outside a session',
    'digests',
    'session-lost',
    at('GET_DIGESTS', () => error('DecryptError')),
  ),
  row(
    'an ERROR cut short',
    'digests',
    'malformed',
    at('GET_DIGESTS', () => fromHex('127f4200')),
  ),
  row(
    'an ERROR of another version',
    'digests',
    'version',
    at('GET_DIGESTS', () => error('Busy', {}, 0x10)),
  ),
  row('a record as answer in the clear', 'digests', 'unexpected-response', ({code, response}) =>
    code === SPDM_CODE.GET_DIGESTS ? {secured: true, payload: response!} : response,
  ),
]

const IDENTITY: readonly Row[] = [
  row(
    'no slot',
    'digests',
    'digest',
    at('GET_DIGESTS', () => fromHex('12010000')),
  ),
  row('a slot without its digest (over-read)', 'digests', 'malformed', at('GET_DIGESTS', set(3, 0xff))),
  row(
    'an empty chain',
    'certificate',
    'certificate',
    at('GET_CERTIFICATE', () => fromHex('1202000000000000')),
  ),
  row(
    'an empty portion',
    'certificate',
    'certificate',
    at('GET_CERTIFICATE', () => fromHex('1202000000000100')),
  ),
  row(
    'a chain that never ends',
    'certificate',
    'certificate',
    at('GET_CERTIFICATE', () => concat(fromHex('120200000100ffff'), Uint8Array.of(0))),
  ),
  row(
    'a portion longer than the message (over-read)',
    'certificate',
    'malformed',
    at('GET_CERTIFICATE', set(4, 0xff, 0xff)),
  ),
  row('another slot', 'certificate', 'echo', at('GET_CERTIFICATE', set(2, 1))),
  row('a chain DIGESTS does not speak of', 'certificate', 'digest', at('GET_CERTIFICATE', flip(-1))),
  row('a certificate model nobody agreed on', 'certificate', 'certificate', at('GET_CERTIFICATE', set(3, 1)), NEWER),
]

const CHALLENGE: readonly Row[] = [
  row('another slot', 'challenge', 'echo', at('CHALLENGE', set(2, 1))),
  row('a slot mask without the slot', 'challenge', 'echo', at('CHALLENGE', set(3, 2))),
  row(
    'mutual authentication forced on us',
    'challenge',
    'mutual-authentication',
    at('CHALLENGE', m => set(2, m[2]! | 0x80)(m)),
  ),
  row('the digest of another chain', 'challenge', 'echo', at('CHALLENGE', flip(4))),
  row('another responder nonce', 'challenge', 'signature', at('CHALLENGE', flip(60))),
  row('another summary of measurements', 'challenge', 'signature', at('CHALLENGE', flip(90))),
  row(
    'a signature of zeros',
    'challenge',
    'signature',
    at('CHALLENGE', m => (m.fill(0, -96), m)),
  ),
  row('opaque data beyond the message', 'challenge', 'malformed', at('CHALLENGE', set(132, 0xff, 0x03))),
  row('the requester context of somebody else', 'challenge', 'echo', at('CHALLENGE', flip(-97)), NEWER),
]

const MEASUREMENTS: readonly Row[] = [
  row('another slot', 'all', 'measurements', at('GET_MEASUREMENTS', set(3, 1))),
  row(
    'duplicate indices',
    'all',
    'measurements',
    at('GET_MEASUREMENTS', m => set(8 + 39, 1)(m)),
  ),
  row('index 0', 'all', 'measurements', at('GET_MEASUREMENTS', set(8, 0))),
  row('index 255', 'all', 'measurements', at('GET_MEASUREMENTS', set(8, 0xff))),
  row('fewer blocks than announced', 'all', 'malformed', at('GET_MEASUREMENTS', set(4, 4))),
  row('more blocks than announced', 'all', 'malformed', at('GET_MEASUREMENTS', set(4, 2))),
  row(
    'a record longer than the message (over-read)',
    'all',
    'malformed',
    at('GET_MEASUREMENTS', set(5, 0xff, 0xff, 0xff)),
  ),
  row('a block longer than the record', 'all', 'malformed', at('GET_MEASUREMENTS', set(10, 0xff))),
  row('another specification', 'all', 'measurements', at('GET_MEASUREMENTS', set(9, 2))),
  row('another value', 'all', 'signature', at('GET_MEASUREMENTS', flip(20))),
  row(
    'a number of measurements there are not',
    'each',
    'measurements',
    at('GET_MEASUREMENTS', (m, request) => (request[3] === 0 ? set(2, 9)(m) : m)),
  ),
  row(
    'no measurements',
    'each',
    'measurements',
    at('GET_MEASUREMENTS', (m, request) => (request[3] === 0 ? set(2, 0)(m) : m)),
  ),
  row(
    'another index than asked for',
    'each',
    'measurements',
    at('GET_MEASUREMENTS', (m, request) => (request[3] === 1 ? set(8, 3)(m) : m)),
  ),
  row(
    'an unsigned statement about changed content',
    'each',
    'measurements',
    at('GET_MEASUREMENTS', (m, request) => (request[3] === 0 ? set(3, 0x10)(m) : m)),
  ),
  row('the requester context of somebody else', 'all', 'measurements', at('GET_MEASUREMENTS', flip(-97)), NEWER),
]

const CHUNKS: readonly Row[] = [
  row(
    'chunks nobody agreed on',
    'digests',
    'chunk',
    at('GET_DIGESTS', () => error('LargeResponse', {handle: 1})),
    {
      requester: {offer: {flags: {...DEFAULT_OFFER.flags, chunkCap: false}}},
      device: {versions: [V]},
    },
  ),
  row(
    'a message beyond MaxSPDMmsgSize (allocation)',
    'certificate',
    'chunk',
    chunk({largeMessageSize: 0xffffffff}),
    SMALL,
  ),
  row('a message too small for chunks', 'certificate', 'chunk', chunk({largeMessageSize: 42}), SMALL),
  row(
    'a chunk larger than its message (over-read)',
    'certificate',
    'malformed',
    chunk({}, set(8, 0xff, 0xff, 0xff, 0xff)),
    SMALL,
  ),
  row('chunks that add up to more (overflow of the sum)', 'certificate', 'chunk', chunk({largeMessageSize: 50}), SMALL),
  row('a last chunk that comes too early', 'certificate', 'chunk', chunk({lastChunk: true}), SMALL),
  row('an empty chunk', 'certificate', 'chunk', chunk({chunk: new Uint8Array()}), SMALL),
  row('a chunk too small for one in the middle', 'certificate', 'chunk', chunk({chunk: new Uint8Array(8)}), SMALL),
  row(
    'another handle',
    'certificate',
    'chunk',
    chunk({}, m => set(3, m[3]! ^ 1)(m)),
    SMALL,
  ),
  row('another chunk', 'certificate', 'malformed', chunk({}, set(4, 1)), SMALL),
  row('the first chunk again', 'certificate', 'chunk', chunk({}), SMALL),
  row(
    'a chunk in a chunk',
    'certificate',
    'chunk',
    chunk({largeMessageSize: 60, lastChunk: true, chunk: concat(fromHex('12060000'), new Uint8Array(56))}),
    SMALL,
  ),
  row(
    'a large response in a large response',
    'certificate',
    'malformed',
    chunk({
      largeMessageSize: 60,
      lastChunk: true,
      chunk: concat(error('LargeResponse', {handle: 9}), new Uint8Array(55)),
    }),
    SMALL,
  ),
  row(
    'an ERROR in the middle',
    'certificate',
    'chunk',
    at('CHUNK_GET', () => error('Unspecified')),
    SMALL,
  ),
]

const HANDSHAKE: readonly Row[] = [
  row('mutual authentication forced on us', 'session', 'signature', at('KEY_EXCHANGE', set(6, 1))),
  row('another session ID', 'session', 'signature', at('KEY_EXCHANGE', flip(4))),
  row('another public value (man in the middle)', 'session', 'signature', at('KEY_EXCHANGE', flip(50))),
  row(
    'a signature of zeros',
    'session',
    'signature',
    at('KEY_EXCHANGE', m => (m.fill(0, -144, -48), m)),
  ),
  row('verify data of another handshake', 'session', 'verify-data', at('KEY_EXCHANGE', flip(-1))),
  row(
    'a secured-message version nobody offered',
    'session',
    'opaque-data',
    at('KEY_EXCHANGE', m => set(-144 - 1, 0x13)(m)),
  ),
  row('a heartbeat nobody agreed on', 'session', 'echo', at('KEY_EXCHANGE', set(2, 5)), {
    device: {versions: [V], capabilities: {hbeatCap: false}, heartbeatPeriod: 0},
  }),
]

const TABLES: Readonly<Record<string, readonly Row[]>> = {
  NEGOTIATION,
  COMMON,
  IDENTITY,
  CHALLENGE,
  MEASUREMENTS,
  CHUNKS,
  HANDSHAKE,
}

const failureOf = (run: Promise<unknown>): Promise<unknown> =>
  run.then(
    () => 'it succeeded',
    (failure: unknown) => failure,
  )

describe.each(Object.entries(TABLES))('%s', (_, rows) => {
  it.each(rows)('$name: $reason', async ({run, reason, tamper, options}) => {
    const {requester, wire, clock} = bench(options?.device ? options : {...options, device: {versions: [V]}})
    wire.tamper = tamper
    const failure = await failureOf(RUN[run](requester))
    expect(failure).toBeInstanceOf(RequesterError)
    expect(failure).toMatchObject({reason, ends: true})
    expect(clock.now).toBeLessThanOrEqual(TIMEOUTS.total + TIMEOUTS.response + TIMEOUTS.crypto)
    expect(wire.closed).toBe(1)
    // and it stays so
    await expect(requester.negotiate()).rejects.toMatchObject({reason: 'closed'})
  })
})

it.each([
  'GET_VERSION',
  'GET_CAPABILITIES',
  'NEGOTIATE_ALGORITHMS',
  'GET_DIGESTS',
  'GET_CERTIFICATE',
  'KEY_EXCHANGE',
] as const)('silence after %s is a timeout', async name => {
  const {requester, wire, clock} = bench()
  wire.tamper = at(name, () => undefined)
  await expect(RUN.session(requester)).rejects.toMatchObject({kind: 'timeout'})
  expect(wire.closed).toBe(1)
  expect(clock.now).toBeLessThanOrEqual(TIMEOUTS.total)
})

it('a responder that is slow at every step exhausts the budget of the whole', async () => {
  const {requester, wire, clock} = bench({
    device: {versions: [V]},
    requester: {offer: {dataTransferSize: 100}, timeouts: {...TIMEOUTS, total: 5000}},
  })
  await requester.negotiate()
  const began = clock.now
  wire.tamper = ({response}) => ((clock.now += 900), response)
  await expect(requester.certificate()).rejects.toMatchObject({reason: 'timeout', kind: 'timeout'})
  expect(clock.now - began).toBeLessThanOrEqual(5000 + TIMEOUTS.response)
  expect(wire.closed).toBe(1)
})

it('an interruption ends the connection', async () => {
  const controller = new AbortController()
  const {requester, wire} = bench({requester: {signal: controller.signal}})
  await requester.negotiate()
  wire.tamper = ({response}) => (controller.abort(), response)
  await expect(requester.certificate()).rejects.toMatchObject({reason: 'interrupted', kind: 'interrupted'})
  expect(wire.closed).toBe(1)
})

it('an interruption while a busy responder is waited for is one, too', async () => {
  const controller = new AbortController()
  const sleep = async () => {
    controller.abort()
    throw new DOMException('aborted', 'AbortError')
  }
  const {requester, wire} = bench({device: {versions: [V]}, requester: {signal: controller.signal, sleep}})
  wire.tamper = at('GET_DIGESTS', () => error('Busy'))
  await expect(RUN.digests(requester)).rejects.toMatchObject({reason: 'interrupted'})
  expect(wire.closed).toBe(1)
})

/** What a responder signs when it leaves out part of the transcript, by how the omission changes its bytes. */
const OMISSIONS: readonly (readonly [string, keyof typeof RUN, (transcript: Uint8Array, vca: number) => Uint8Array])[] =
  [
    ['the negotiation (downgrade goes unnoticed)', 'challenge', (t, vca) => t.subarray(vca)],
    ['digests and certificates', 'challenge', (t, vca) => concat(t.subarray(0, vca), t.subarray(-214))],
    ['the negotiation in L1', 'all', (t, vca) => t.subarray(vca)],
    ['the negotiation in TH', 'session', (t, vca) => t.subarray(vca)],
    ['everything', 'challenge', () => new Uint8Array()],
  ]

it.each(OMISSIONS)('a signature that leaves out %s does not count', async (_, run, omit) => {
  let vca = 0
  const {requester, wire} = bench({
    device: {
      versions: [V],
      slots: slots(question => {
        const {transcript} = question
        const bytes = transcript instanceof Uint8Array ? transcript : transcript.bytes()
        return sign({...question, transcript: omit(bytes, vca)})
      }),
    },
  })
  vca = (await requester.negotiate()).vca.length
  const action = {
    challenge: () => requester.challenge(),
    all: () => requester.measurements(),
    session: () => requester.openSession(),
  }
  await expect(action[run as 'all']()).rejects.toMatchObject({reason: 'signature'})
  expect(wire.closed).toBe(1)
})

it('measurements cannot be hidden from who asks for each (number of one run, signature of another)', async () => {
  const {requester, wire} = bench({device: {versions: [V]}})
  let counted = 0
  wire.tamper = ({code, request, response}) => {
    if (code !== SPDM_CODE.GET_MEASUREMENTS) return response
    // a forged number makes the rest look complete; the run that is signed has the genuine one
    if (request[3] === 0 && counted++ === 0) return set(2, 2)(response!.slice())
    if (request[3] !== 1) return response
    // index 1 is denied, and the device made to begin anew as the requester does
    wire.responder.respond({secured: false, payload: set(3, 9)(request.slice())})
    return error('InvalidRequest')
  }
  await expect(RUN.each(requester)).rejects.toMatchObject({reason: 'measurements'})
})

it.each([
  ['without encapsulation', 1],
  ['encapsulated', 2],
  ['encapsulated, with GET_DIGESTS', 4],
])('a responder that really wants to authenticate us, %s, is declined in words', async (_, mutAuthRequested) => {
  const AT = {mutAuthRequested: 6, fromEnd: 96 + 48}
  let response: Uint8Array | undefined
  const asking = (message: Uint8Array): Uint8Array => set(AT.mutAuthRequested, mutAuthRequested)(message)
  const {requester, wire} = bench({
    device: {
      versions: [V],
      // signs KEY_EXCHANGE_RSP as it will arrive
      slots: slots(question => {
        const {transcript} = question
        const bytes = transcript instanceof Uint8Array ? transcript.slice() : transcript.bytes()
        const size = SIZE_OF_KEY_EXCHANGE_RSP - AT.fromEnd
        if (question.context !== 'responder-key_exchange_rsp signing') return sign(question)
        asking(bytes.subarray(bytes.length - size))
        return sign({...question, transcript: bytes})
      }),
    },
  })
  await requester.negotiate()
  wire.tamper = at('KEY_EXCHANGE', m => (response = asking(m)))
  await expect(requester.openSession()).rejects.toMatchObject({
    reason: 'mutual-authentication',
    got: expect.stringContaining('wants to authenticate us'),
    hint: expect.stringContaining('configure the responder'),
  })
  expect(response).toHaveLength(SIZE_OF_KEY_EXCHANGE_RSP)
  expect(wire.closed).toBe(1)
})

it('a challenge that was answered before does not count again (replay)', async () => {
  const {requester, wire} = bench({device: {versions: [V]}})
  await requester.negotiate()
  let before: Uint8Array | undefined
  wire.tamper = at('CHALLENGE', m => (before ??= m))
  await requester.challenge()
  await expect(requester.challenge()).rejects.toMatchObject({reason: 'signature'})
  expect(wire.closed).toBe(1)
})

const open = async () => {
  const all = bench({device: {versions: [V]}})
  await all.requester.negotiate()
  return {...all, session: await all.requester.openSession()}
}

type Inside = (session: RequesterSession) => Promise<unknown>
const beat: Inside = session => session.heartbeat()

describe('inside a session', () => {
  const RECORDS: readonly (readonly [string, Inside, Tamper, object])[] = [
    ['a record changed on the way', beat, ({response}) => flip(-1)(response!.slice()), {kind: 'malformed'}],
    ['a record of another session', beat, ({response}) => flip(0)(response!.slice()), {kind: 'malformed'}],
    ['a record cut short', beat, ({response}) => response!.subarray(0, -1), {kind: 'malformed'}],
    ['a record of nothing', beat, () => new Uint8Array(), {kind: 'malformed'}],
    ['an old record again (replay)', beat, ({history}) => history.at(-1)!, {kind: 'malformed'}],
    ['our own record back (reflection)', beat, ({request}) => request, {kind: 'malformed'}],
    [
      'an answer in the clear',
      beat,
      () => ({secured: false, payload: fromHex('12680000')}),
      {reason: 'unexpected-response'},
    ],
    ['an ERROR in the clear', beat, () => ({secured: false, payload: error('Busy')}), {reason: 'unexpected-response'}],
    ['silence', beat, () => undefined, {kind: 'timeout'}],
  ]

  it.each(RECORDS)('%s ends it', async (_, act, tamper, expected) => {
    const {session, wire} = await open()
    wire.tamper = tamper
    await expect(act(session)).rejects.toMatchObject(expected)
    expect(session.isOpen).toBe(false)
    expect(wire.closed).toBe(1)
  })

  it('a refusal does not', async () => {
    const {session, wire} = await open()
    await expect(session.measurements({which: [99]})).rejects.toMatchObject({reason: 'refused', ends: false})
    await session.heartbeat()
    expect(session.isOpen).toBe(true)
    expect(wire.closed).toBe(0)
  })

  it('after a failure the responder is told that the other sessions are over', async () => {
    const {session, wire, requester} = await open()
    wire.tamper = at('GET_DIGESTS', set(0, 0x11))
    await expect(requester.digests()).rejects.toMatchObject({reason: 'version'})
    expect(session.isOpen).toBe(false)
    expect(wire.responder.sessions).toEqual([])
    expect(wire.closed).toBe(1)
  })
})

it('one request is under way at a time', async () => {
  const {requester, wire} = bench()
  wire.tamper = none
  const first = requester.negotiate()
  await expect(requester.digests()).rejects.toMatchObject({kind: 'usage'})
  await first
  expect((await requester.digests()).slots).toHaveLength(2)
})
