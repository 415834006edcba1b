/** The observer on a connection of our own making: whole, with losses, with damage, with retries and chunks. */
import {describe, expect, it} from 'vitest'
import {type AnyLayout, concat, toHex} from '../../src/bits/index.js'
import {
  CHUNK_GET,
  CHUNK_RESPONSE,
  CHUNK_SEND,
  CHUNK_SEND_ACK,
  DELIVER_ENCAPSULATED_RESPONSE,
  DIGESTS,
  ERROR,
  GET_DIGESTS,
  Observer,
  RESPOND_IF_READY,
  SPDM_ERROR_CODE,
  type SpdmEvent,
  SPDM_CODE_NAMES,
  type TranscriptPoint,
} from '../../src/spdm/index.js'
import {conversation, type Datagram, SECRET, SESSION_ID} from './conversation.js'
import {flipped} from './support.js'

const whole = conversation()
const SECRETS = {exchange: [SECRET]}

function observed(
  datagrams: readonly Datagram[],
  options: ConstructorParameters<typeof Observer>[0] = {},
): SpdmEvent[] {
  const observer = new Observer(options)
  return datagrams.flatMap(datagram => observer.observe({...datagram, maxPadding: 0}))
}

const pointsOf = (events: readonly SpdmEvent[]): TranscriptPoint[] => events.flatMap(({points}) => points)
const statuses = (events: readonly SpdmEvent[]): (string | undefined)[] =>
  pointsOf(events).map(({proof}) => proof?.status)
const notes = (events: readonly SpdmEvent[]): string[] =>
  events.flatMap(({findings}) => findings.filter(({path}) => path === '').map(({message}) => message))
const indexOf = (name: string): number =>
  whole.findIndex(({secured, payload}) => !secured && SPDM_CODE_NAMES[payload[1]!] === name)
const withVersion = (layout: AnyLayout, values: object): Uint8Array => layout.encode(values, {version: 0x12})
const SIZES = {version: 0x12, hashSize: 48}
const clear = (payload: Uint8Array): Datagram => ({secured: false, payload})

describe('a whole connection', () => {
  const events = observed(whole, {secrets: SECRETS})

  it('every datagram is one message, requests and responses in turn', () => {
    expect(events.map(({index}) => index)).toEqual(whole.map((_, i) => i))
    expect(events.map(({direction}) => direction)).toEqual(whole.map((_, i) => (i % 2 === 0 ? 'request' : 'response')))
    expect(events.flatMap(({undecoded}) => undecoded ?? [])).toEqual([])
    expect(notes(events)).toEqual([])
  })

  it('signatures and HMACs verify where the transcripts matter', () => {
    expect(pointsOf(events).map(({name, use, proof}) => [name, use, proof?.status])).toEqual([
      ['M1/M2', 'signature of CHALLENGE_AUTH', 'valid'],
      ['L1/L2', 'signature of MEASUREMENTS', 'valid'],
      ['TH', 'signature of KEY_EXCHANGE_RSP', 'valid'],
      ['TH1', 'handshake keys', undefined],
      ['TH', 'ResponderVerifyData of KEY_EXCHANGE_RSP', 'valid'],
      ['TH', 'RequesterVerifyData of FINISH', 'valid'],
      ['TH2', 'data keys', undefined],
    ])
  })

  it('a valid signature is never said to be trusted', () => {
    for (const {proof} of pointsOf(events).filter(point => point.proof?.kind === 'signature'))
      expect(proof!.why).toBe('under the certificate shown for slot 0; its chain is not judged here')
  })

  it('records are opened through the handshake, the data phase and key updates', () => {
    const inside = events.filter(({secured}) => secured)
    expect(inside.every(({session}) => session === SESSION_ID)).toBe(true)
    expect(inside.map(({name}) => name)).toEqual([
      'FINISH',
      'FINISH_RSP',
      'VENDOR_DEFINED_REQUEST',
      'VENDOR_DEFINED_RESPONSE',
      'VENDOR_DEFINED_REQUEST',
      'VENDOR_DEFINED_RESPONSE',
      'KEY_UPDATE',
      'KEY_UPDATE_ACK',
      'KEY_UPDATE',
      'KEY_UPDATE_ACK',
      'END_SESSION',
      'END_SESSION_ACK',
    ])
  })

  it('without the secret, records are listed as they are', () => {
    const closed = observed(whole)
    const records = closed.filter(({form}) => form === 'record')
    expect(records).toHaveLength(12)
    for (const [i, {session, bytes, undecoded}] of records.entries()) {
      expect(session).toBe(SESSION_ID)
      expect(bytes).toEqual(whole.filter(({secured}) => secured)[i]!.payload)
      expect(undecoded).toBe('the secret of this session was not given')
    }
    expect(statuses(closed)).toEqual(['valid', 'valid', 'valid', undefined, 'unchecked'])
  })

  it('padding of the transport belongs to no message and no transcript', () => {
    const observer = new Observer({secrets: SECRETS})
    const padded = whole.flatMap(({secured, payload}) =>
      observer.observe({
        secured,
        maxPadding: 3,
        payload: concat(payload, new Uint8Array((4 - (payload.length % 4)) % 4)),
      }),
    )
    expect(padded.map(({bytes}) => toHex(bytes))).toEqual(events.map(({bytes}) => toHex(bytes)))
    expect(statuses(padded)).toEqual(statuses(events))
  })
})

const OUT_OF_TURN = 'its request is not in the capture'

/** A requester that delivers its DIGESTS at once; the responder's form of mutual authentication says if it should. */
function deliveringDigests(mutAuthRequested: number): readonly Datagram[] {
  const at = indexOf('KEY_EXCHANGE')
  const asking = whole[at + 1]!.payload.slice()
  asking[6] = mutAuthRequested
  const digests = DIGESTS.encode({provisionedSlotMask: 1, digests: [{digest: new Uint8Array(48)}]}, SIZES)
  const delivered = withVersion(DELIVER_ENCAPSULATED_RESPONSE, {encapsulatedResponse: digests})
  return [...whole.slice(0, at + 1), clear(asking), clear(delivered)]
}

describe('a responder that asks', () => {
  it('for a new key of its own, in encapsulated requests, is followed', () => {
    const events = observed(conversation({updatedByResponder: true}), {secrets: SECRETS})
    expect(events.flatMap(({undecoded}) => undecoded ?? [])).toEqual([])
    expect(notes(events)).toEqual([])
    expect(events.filter(({form}) => form === 'encapsulated').map(({name}) => name)).toEqual([
      'KEY_UPDATE',
      'KEY_UPDATE_ACK',
      'KEY_UPDATE',
      'KEY_UPDATE_ACK',
    ])
    expect(events.at(-1)!.name).toBe('END_SESSION_ACK')
  })

  it('for DIGESTS in KEY_EXCHANGE_RSP is answered, not answered out of turn', () => {
    expect([2, 4].map(form => notes(observed(deliveringDigests(form)).slice(-1)).includes(OUT_OF_TURN))).toEqual([
      true,
      false,
    ])
  })
})

describe('what is wrong is said, and nothing ends with it', () => {
  it.each([
    ['CHALLENGE_AUTH', 'M1/M2'],
    ['MEASUREMENTS', 'L1/L2'],
  ])('a flipped bit in %s makes its signature invalid', (name, transcript) => {
    const at = indexOf(name)
    const damaged = whole.map((datagram, i) => (i === at ? clear(flipped(datagram.payload, 8 * 60)) : datagram))
    const point = pointsOf(observed(damaged)).find(one => one.name === transcript)!
    expect(point.proof).toMatchObject({kind: 'signature', status: 'invalid'})
  })

  it('a flipped bit in a record closes that record only', () => {
    const at = whole.length - 2
    const damaged = whole.map((datagram, i) =>
      i === at ? {secured: true, payload: flipped(datagram.payload, 8 * 20)} : datagram,
    )
    const events = observed(damaged, {secrets: SECRETS})
    expect(events[at]).toMatchObject({form: 'record', undecoded: 'it is not authentic under the keys of this session'})
    expect(events.at(-1)).toMatchObject({name: 'END_SESSION_ACK'})
  })

  it('a wrong secret verifies nothing', () => {
    const events = observed(whole, {secrets: {exchange: [new Uint8Array(48)]}})
    expect(pointsOf(events).at(-1)!.proof).toMatchObject({kind: 'HMAC', status: 'invalid'})
    expect(events.filter(({form}) => form === 'record')).toHaveLength(12)
  })

  it('a lost response is noticed at the next request', () => {
    const at = indexOf('DIGESTS')
    const events = observed(whole.filter((_, i) => i !== at))
    expect(notes(events)).toEqual(['GET_DIGESTS before it was not answered'])
    expect(pointsOf(events)[0]!.proof!.status).toBe('invalid')
  })

  it('a lost request leaves its response without one', () => {
    const at = indexOf('GET_MEASUREMENTS')
    const events = observed(whole.filter((_, i) => i !== at))
    const measurements = events.find(({name}) => name === 'MEASUREMENTS')!
    expect(measurements.findings.map(({message}) => message)).toContain('its request is not in the capture')
    expect(measurements.value).toMatchObject({numberOfBlocks: 2})
  })

  it('a chain that is not in the capture leaves signatures unchecked, but TH is known by its digest', () => {
    const events = observed(whole.filter(({payload}) => payload[1] !== 0x82 && payload[1] !== 0x02))
    const th = pointsOf(events).find(({name}) => name === 'TH')!
    expect(th).toEqual(
      expect.objectContaining({
        digest: pointsOf(observed(whole)).find(({name}) => name === 'TH')!.digest,
        proof: {kind: 'signature', status: 'unchecked', why: 'the certificate chain of slot 0 is not in the capture'},
      }),
    )
  })

  it('a message of another version is decoded and reported', () => {
    const events = observed([...whole.slice(0, 6), clear(Uint8Array.of(0x13, 0x81, 0, 0))])
    expect(events.at(-1)!.value).toBeDefined()
    expect(notes(events)).toEqual(['SPDM 1.3 in a connection of 1.2'])
  })

  it.each([
    [Uint8Array.of(), '0 bytes are no SPDM message'],
    [Uint8Array.of(0x12, 0x42, 0, 0), 'code 0x42 is not defined'],
    [Uint8Array.of(0x12, 0x02, 0, 0), /cannot decode/],
  ])('bytes %o are what they are', (payload, why) => {
    const [event] = observed([clear(payload)])
    expect(event!.undecoded).toMatch(why)
    expect(event!.bytes).toEqual(payload)
  })

  it('GET_VERSION starts again: old transcripts do not leak into new ones', () => {
    const clearOnes = whole.filter(({secured}) => !secured)
    const twice = observed([...clearOnes, ...clearOnes])
    const first = pointsOf(twice).slice(0, pointsOf(twice).length / 2)
    expect(pointsOf(twice).slice(first.length)).toEqual(first)
  })
})

it('a chain of an earlier connection does not vouch for a slot that has another one now', () => {
  const at = indexOf('DIGESTS')
  const negotiation = whole.slice(0, 6)
  const measured = whole.slice(indexOf('GET_MEASUREMENTS'), indexOf('MEASUREMENTS') + 1)
  const second = (digests: Uint8Array) => [...negotiation, whole[at - 1]!, clear(digests), ...measured]
  const last = (digests: Uint8Array) =>
    pointsOf(observed([...whole.filter(({secured}) => !secured), ...second(digests)])).at(-1)!.proof
  expect(last(whole[at]!.payload)).toMatchObject({status: 'valid'})
  expect(last(flipped(whole[at]!.payload, 8 * 10))).toMatchObject({
    status: 'unchecked',
    why: 'the chain of slot 0 in the capture is not the one that is meant',
  })
})

describe('retries and large messages', () => {
  const start = whole.slice(0, 6)
  const digestsAt = indexOf('GET_DIGESTS')
  const [request, response] = [whole[digestsAt]!.payload, whole[digestsAt + 1]!.payload]
  const rest = whole.slice(digestsAt + 2, indexOf('CHALLENGE_AUTH') + 1)
  const expected = pointsOf(observed([...start, clear(request), clear(response), ...rest]))
  const same = (middle: readonly Uint8Array[]): SpdmEvent[] => {
    const events = observed([...start, ...middle.map(clear), ...rest])
    expect(pointsOf(events)).toEqual(expected)
    expect(expected[0]!.proof!.status).toBe('valid')
    expect(notes(events)).toEqual([])
    return events
  }

  it('a response that was not ready counts once it is there, the detour does not', () => {
    const notReady = {rdtExponent: 1, requestCode: 0x81, token: 7, rdtm: 2}
    const events = same([
      request,
      withVersion(ERROR, {errorCode: SPDM_ERROR_CODE.ResponseNotReady, notReady}),
      withVersion(RESPOND_IF_READY, {requestCode: 0x81, token: 7}),
      response,
    ])
    expect(events[9]).toMatchObject({name: 'DIGESTS'})
  })

  it('a large response counts as a whole', () => {
    const cut = 60
    const events = same([
      request,
      withVersion(ERROR, {errorCode: SPDM_ERROR_CODE.LargeResponse, handle: 3}),
      withVersion(CHUNK_GET, {handle: 3, chunkSeqNo: 0}),
      withVersion(CHUNK_RESPONSE, {handle: 3, largeMessageSize: response.length, chunk: response.subarray(0, cut)}),
      withVersion(CHUNK_GET, {handle: 3, chunkSeqNo: 1}),
      withVersion(CHUNK_RESPONSE, {handle: 3, chunkSeqNo: 1, lastChunk: true, chunk: response.subarray(cut)}),
    ])
    expect(events.find(({form}) => form === 'reassembled')).toMatchObject({name: 'DIGESTS', bytes: response, index: 11})
  })

  it('a large request counts as a whole, and its response inside the acknowledgement', () => {
    const events = same([
      withVersion(CHUNK_SEND, {handle: 1, largeMessageSize: request.length, chunk: request.subarray(0, 2)}),
      withVersion(CHUNK_SEND_ACK, {handle: 1}),
      withVersion(CHUNK_SEND, {handle: 1, chunkSeqNo: 1, lastChunk: true, chunk: request.subarray(2)}),
      withVersion(CHUNK_SEND_ACK, {handle: 1, chunkSeqNo: 1, response}),
    ])
    expect(events.filter(({form}) => form === 'reassembled').map(({name}) => name)).toEqual(['GET_DIGESTS', 'DIGESTS'])
  })

  it.each([
    ['of another message', {handle: 4, chunkSeqNo: 1}],
    ['out of order', {handle: 3, chunkSeqNo: 2}],
    ['with too many bytes', {handle: 3, chunkSeqNo: 1, chunk: new Uint8Array(500)}],
    ['that ends too early', {handle: 3, chunkSeqNo: 1, lastChunk: true, chunk: new Uint8Array(1)}],
  ])('a chunk %s is said once', (_, values) => {
    const events = observed([
      ...start,
      clear(withVersion(GET_DIGESTS, {})),
      clear(withVersion(ERROR, {errorCode: SPDM_ERROR_CODE.LargeResponse, handle: 3})),
      clear(withVersion(CHUNK_GET, {handle: 3})),
      clear(withVersion(CHUNK_RESPONSE, {handle: 3, largeMessageSize: 100, chunk: new Uint8Array(60)})),
      clear(withVersion(CHUNK_GET, {handle: 3, chunkSeqNo: 1})),
      clear(withVersion(CHUNK_RESPONSE, {chunk: new Uint8Array(10), ...values})),
    ])
    expect(notes(events)).toEqual([expect.stringMatching(/^the large message cannot be put together: /)])
  })
})

it('a record that is too short for its MAC is not authentic, and nothing worse', () => {
  const first = whole.findIndex(({secured}) => secured)
  for (let length = 0; length < 16; length++) {
    const payload = Uint8Array.of(...whole[first]!.payload.subarray(0, 4), length, 0, ...new Uint8Array(length))
    const events = observed([...whole.slice(0, first), {secured: true, payload}], {secrets: SECRETS})
    expect(events.at(-1)).toMatchObject({form: 'record', undecoded: expect.stringMatching(/not authentic/)})
  }
})
