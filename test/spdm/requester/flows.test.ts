/** The requester against our responder: every version, every kind of session, everything a session is for. */
import {describe, expect, it} from 'vitest'
import {
  DEFAULT_OFFER,
  digestOf,
  type Exchange,
  GET_CERTIFICATE,
  hashNamed,
  PROVISIONED,
  SPDM_CODE,
  SPDM_CODE_NAMES,
  versionText,
} from '../../../src/spdm/index.js'
import {bench, SPKI} from './bench.js'

const VERSIONS = [0x10, 0x11, 0x12, 0x13, 0x14].map(version => [versionText(version), version] as const)
const PSK = {psk: new TextEncoder().encode('the key both have'), hint: Uint8Array.of(1, 2, 3, 4)}
const withFlags = (flags: object) => ({offer: {flags: {...DEFAULT_OFFER.flags, ...flags}}})

describe.each(VERSIONS)('version %s', (_, version) => {
  const device = {versions: [version]}

  it('negotiates, identifies, challenges and measures', async () => {
    const {requester, wire} = bench({device})
    const connection = await requester.negotiate()
    expect(connection).toMatchObject({version, hash: {name: 'sha384'}, asym: {name: 'ecdsa-p384'}})
    expect((await requester.digests()).slots.map(({slot}) => slot)).toEqual([0, 1])
    const chain = await requester.certificate(0)
    expect(chain.leaf.subject).toContain('device')
    const proof = await requester.challenge({summary: 'all'})
    expect(proof).toMatchObject({slot: 0, signature: {status: 'valid'}})
    const all = await requester.measurements()
    expect(all.signature).toEqual({status: 'valid'})
    expect(all.facts.blocks.map(({index}) => index)).toEqual([1, 2, 7])
    expect(all.facts).toMatchObject({complete: true, problems: []})
    const each = await requester.measurements({which: 'each'})
    // the holes between the indices began the transcript anew; what is returned is covered by the signature as a whole
    expect(each.facts.blocks.map(({index}) => index)).toEqual([1, 2, 7])
    expect(each.facts.complete).toBe(true)
    expect(proof.summaryHash).toEqual(
      digestOf(
        hashNamed('sha384')!,
        ...all.facts.blocks.map(({offset, length}) => all.facts.bytes.subarray(offset, offset + length)),
      ),
    )
    expect(wire.closed).toBe(0)
  })

  it.skipIf(version < 0x11).each([true, false])('opens a session, handshake in the clear: %s', async clear => {
    const {requester, wire} = bench({
      device: {...device, capabilities: {handshakeInTheClearCap: clear}},
      requester: withFlags({handshakeInTheClearCap: clear}),
    })
    await requester.negotiate()
    const session = await requester.openSession({summary: 'all'})
    expect(session.facts).toMatchObject({heartbeatPeriod: 10, signature: {status: 'valid'}, slot: 0})
    expect((await session.measurements()).signature).toEqual({status: 'valid'})
    expect((await session.digests()).slots).toHaveLength(2)
    await session.heartbeat()
    await session.keyUpdate('requester')
    await session.keyUpdate('both')
    expect(await session.vendorDefined(Uint8Array.of(1, 2, 3))).toEqual(Uint8Array.of(1, 2, 3))
    expect((await session.certificate(1)).leaf.subject).toContain('other')
    await session.end()
    expect(session.isOpen).toBe(false)
    expect(wire.responder.sessions).toEqual([])
    expect(wire.closed).toBe(0)
  })

  it.skipIf(version < 0x11)('opens a session under a pre-shared key', async () => {
    const {requester} = bench({device, requester: withFlags({pskCap: 1})})
    await requester.negotiate()
    const session = await requester.openPskSession(PSK)
    expect(await session.vendorDefined(new Uint8Array(500))).toEqual(new Uint8Array(500))
    await session.keyUpdate()
    await session.end()
    expect(session.isOpen).toBe(false)
  })
})

it('knows that SPDM 1.0 has no sessions', async () => {
  const {requester, wire} = bench({device: {versions: [0x10]}})
  await requester.negotiate()
  const none = {kind: 'unsupported', got: 'SPDM 1.0 has no sessions'}
  await expect(requester.openSession()).rejects.toMatchObject(none)
  await expect(requester.openPskSession(PSK)).rejects.toMatchObject(none)
  expect(wire.closed).toBe(0)
})

it('keeps several sessions apart', async () => {
  const {requester} = bench()
  await requester.negotiate()
  const [first, second] = [await requester.openSession(), await requester.openSession()]
  expect(first.id).not.toBe(second.id)
  await first.keyUpdate()
  await second.measurements()
  await first.end()
  await second.heartbeat()
  await second.end()
  expect([first.isOpen, second.isOpen]).toEqual([false, false])
})

it('draws another session ID when one is taken', async () => {
  const ids = [7, 7, 0, 9]
  const random = (size: number) =>
    size === 2 ? Uint8Array.of(ids.shift()!, 0) : crypto.getRandomValues(new Uint8Array(size))
  const {requester} = bench({requester: {random}})
  await requester.negotiate()
  const opened = [await requester.openSession(), await requester.openSession()]
  expect(opened.map(({id}) => id % 2 ** 16)).toEqual([7, 9])
})

it.each(VERSIONS.slice(2))('version %s: large messages travel in chunks both ways', async (_, version) => {
  const {requester} = bench({
    device: {versions: [version], dataTransferSize: 256},
    requester: {offer: {dataTransferSize: 200}},
  })
  await requester.negotiate()
  expect((await requester.certificate()).certificates).toHaveLength(2)
  expect((await requester.measurements()).signature?.status).toBe('valid')
  const session = await requester.openSession({summary: 'all'})
  const payload = crypto.getRandomValues(new Uint8Array(3000))
  expect(await session.vendorDefined(payload)).toEqual(payload)
  await session.end()
  expect(session.isOpen).toBe(false)
})

it.each(VERSIONS.slice(2))(
  'version %s: with the smallest transfers there are, everything goes in chunks',
  async (_, version) => {
    const dataTransferSize = 42
    const {requester, wire} = bench({
      device: {versions: [version], dataTransferSize},
      requester: {offer: {dataTransferSize}},
    })
    const sizes: number[] = []
    wire.tamper = ({secured, request, response}) => {
      // a record is that much larger than the message in it
      if (!secured) sizes.push(request.length, response!.length)
      return response
    }
    await requester.negotiate()
    sizes.length = 0
    expect((await requester.challenge({summary: 'all'})).signature.status).toBe('valid')
    expect((await requester.measurements()).signature?.status).toBe('valid')
    const session = await requester.openSession()
    expect((await session.measurements()).signature?.status).toBe('valid')
    const payload = crypto.getRandomValues(new Uint8Array(100))
    expect(await session.vendorDefined(payload)).toEqual(payload)
    await session.keyUpdate()
    await session.end()
    expect(Math.max(...sizes)).toBe(dataTransferSize)
  },
)

it('waits for a response that is not ready', async () => {
  const {CHALLENGE} = SPDM_CODE
  const {requester} = bench({device: {isSlow: code => code === CHALLENGE}})
  await requester.negotiate()
  expect((await requester.challenge()).signature.status).toBe('valid')
})

it('challenges the owner of a provisioned key', async () => {
  const {requester} = bench({requester: {publicKey: SPKI}})
  await requester.negotiate()
  await expect(requester.challenge({slot: PROVISIONED})).rejects.toMatchObject({kind: 'unsupported'})
})

it('reports every exchange, decrypted, with its scope', async () => {
  const seen: Exchange[] = []
  const {requester} = bench({requester: {onExchange: exchange => seen.push(exchange)}})
  await requester.negotiate()
  const session = await requester.openSession()
  await session.end()
  expect(seen.map(({request, scope}) => [SPDM_CODE_NAMES[request[1]!], scope])).toEqual([
    ['GET_VERSION', 'clear'],
    ['GET_CAPABILITIES', 'clear'],
    ['NEGOTIATE_ALGORITHMS', 'clear'],
    ['GET_DIGESTS', 'clear'],
    ['GET_CERTIFICATE', 'clear'],
    ['KEY_EXCHANGE', 'clear'],
    ['FINISH', session.id],
    ['END_SESSION', session.id],
  ])
})

it.each([true, false])('lets a responder forget what was negotiated, where it would keep it: %s', async cacheCap => {
  const seen: Exchange[] = []
  const {requester} = bench({
    device: {capabilities: {cacheCap}},
    requester: {onExchange: exchange => seen.push(exchange)},
  })
  await requester.negotiate()
  const session = await requester.openSession()
  await session.end()
  expect([...seen.at(-1)!.request]).toEqual([0x14, SPDM_CODE.END_SESSION, Number(cacheCap), 0])
})

it.each(['requester', 'both'] as const)('updates keys with a responder that puts that off: %s', async whose => {
  const {requester, wire} = bench({device: {isSlow: code => code === SPDM_CODE.KEY_UPDATE}})
  await requester.negotiate()
  const session = await requester.openSession()
  // ResponseNotReady still comes under the old key, the acknowledgement behind it under the new one
  await session.keyUpdate(whose)
  await session.keyUpdate(whose)
  await session.heartbeat()
  await session.end()
  expect(wire.closed).toBe(0)
})

describe('heartbeats', () => {
  it('are due in time, and a silent session is dead on both sides', async () => {
    const {requester, clock, wire} = bench()
    await requester.negotiate()
    const session = await requester.openSession()
    expect(session.heartbeatDue).toBe(10_000)
    clock.now += 9000
    expect(session.heartbeatDue).toBe(1000)
    await session.heartbeat()
    clock.now += 20_001
    await expect(session.heartbeat()).rejects.toMatchObject({reason: 'session-lost', kind: 'transition'})
    expect(session.isOpen).toBe(false)
    // the connection itself is as good as before
    const next = await requester.openSession()
    await next.end()
    expect(wire.closed).toBe(0)
  })

  it('are refused in a session without', async () => {
    const {requester} = bench({device: {heartbeatPeriod: 0}})
    await requester.negotiate()
    const session = await requester.openSession()
    expect(session.heartbeatDue).toBeUndefined()
    await expect(session.heartbeat()).rejects.toMatchObject({kind: 'usage'})
  })
})

it('asks for portions that fit, when the responder has no chunks', async () => {
  const seen: Exchange[] = []
  const {requester} = bench({
    device: {versions: [0x12], capabilities: {chunkCap: false}},
    requester: {offer: {dataTransferSize: 256}, onExchange: exchange => seen.push(exchange)},
  })
  await requester.negotiate()
  expect((await requester.certificate(0)).leaf.subject).toContain('device')
  const lengths = seen
    .map(({request}) => request)
    .filter(request => request[1] === SPDM_CODE.GET_CERTIFICATE)
    .map(request => GET_CERTIFICATE.decode(request, {version: 0x12}).length)
  expect(new Set(lengths)).toEqual(new Set([256 - 8]))
  expect(lengths.length).toBeGreaterThan(1)
})

it('says what a responder without a common algorithm may lack', async () => {
  const {requester} = bench({requester: {offer: {baseAsym: 1, pqcAsym: 0}}})
  await expect(requester.negotiate()).rejects.toMatchObject({
    kind: 'unsupported',
    reason: 'refused',
    got: expect.stringMatching(/NEGOTIATE_ALGORITHMS with InvalidRequest/) as string,
    hint: expect.stringMatching(/no algorithm in common.*SM2/) as string,
  })
})

it('asks for no certificate where a slot has a key only', async () => {
  const {requester, wire} = bench({device: {versions: [0x13], capabilities: {multiKeyCap: 1, getKeyPairInfoCap: true}}})
  await requester.negotiate()
  wire.tamper = ({code, response}) => {
    if (code !== SPDM_CODE.GET_DIGESTS) return response
    // slot 1: no digest, and the model is none
    const changed = response!.slice()
    changed.fill(0, 4 + 48, 4 + 2 * 48)
    changed[4 + 2 * 48 + 2 + 1] = 0
    return changed
  }
  const {slots} = await requester.digests()
  expect(slots.map(({slot, model}) => [slot, model])).toEqual([
    [0, 'device'],
    [1, 'none'],
  ])
  await expect(requester.certificate(1)).rejects.toMatchObject({kind: 'not-found', hint: 'slots with one: 0'})
})
