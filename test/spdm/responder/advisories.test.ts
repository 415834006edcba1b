/** Mistakes that SPDM responders have made, and that this one must not make: one test each. */
import {describe, expect, it} from 'vitest'
import {concat} from '../../../src/bits/index.js'
import {
  CHALLENGE,
  CHUNK_GET,
  CHUNK_RESPONSE,
  CHUNK_SEND,
  CHUNK_SEND_ACK,
  END_SESSION,
  ERROR,
  GET_CAPABILITIES,
  GET_CERTIFICATE,
  GET_DIGESTS,
  GET_MEASUREMENTS,
  GET_VERSION,
  HEARTBEAT,
  KEY_EXCHANGE,
  KEY_UPDATE,
  NEGOTIATE_ALGORITHMS,
  RESPOND_IF_READY,
  type SignedTranscript,
  SPDM_CODE,
  VENDOR_DEFINED_REQUEST,
} from '../../../src/spdm/index.js'
import {errorName, labOptions, Peer, random, REQUESTER} from './peer.js'

const spdmVersion = 0x12
const options = await labOptions()
const CLEAR = {...REQUESTER, handshakeInTheClearCap: true}
const connected = (): Peer => new Peer(options).negotiate()
const answers = (peer: Peer, request: Uint8Array): string => errorName(peer.ask(request), peer.context())
const getDigests = GET_DIGESTS.encode({spdmVersion})
const update = (keyOperation: number): Uint8Array => KEY_UPDATE.encode({spdmVersion, keyOperation, tag: 1})
const heartbeat = HEARTBEAT.encode({spdmVersion})

const capabilities = (ctExponent: number): Uint8Array =>
  GET_CAPABILITIES.encode({
    spdmVersion,
    ctExponent,
    flags: REQUESTER,
    reserved4: 0,
    extFlags: 0,
    dataTransferSize: 4096,
    maxSpdmMsgSize: 4096,
  })

const large = (): Peer => new Peer(options).negotiate({dataTransferSize: 100})

const isSlow = (code: number): boolean => code === SPDM_CODE.GET_DIGESTS

const again = (token: number): Uint8Array =>
  RESPOND_IF_READY.encode({spdmVersion, requestCode: SPDM_CODE.GET_DIGESTS, token})

const lengthOf = (transcript: SignedTranscript): number =>
  (transcript instanceof Uint8Array ? transcript : transcript.bytes()).length

describe('negotiation', () => {
  it.each([
    [31, 'CAPABILITIES'],
    [32, 'InvalidRequest'],
    [255, 'InvalidRequest'],
  ])('CTExponent %i is answered with %s', (ctExponent, expected) => {
    const peer = new Peer(options)
    peer.ask(GET_VERSION.encode({}))
    expect(errorName(peer.ask(capabilities(ctExponent)))).toBe(expected)
  })

  it('takes GET_CAPABILITIES and NEGOTIATE_ALGORITHMS once, and is not changed by a repetition', () => {
    const peer = connected()
    expect(answers(peer, capabilities(0))).toBe('UnexpectedRequest')
    expect(answers(peer, NEGOTIATE_ALGORITHMS.encode({spdmVersion}))).toBe('UnexpectedRequest')
    expect(answers(peer, getDigests)).toBe('DIGESTS')
  })

  it('does not select algorithm structures that descend or repeat', () => {
    const structures = [
      {algType: 3, algSupported: 2},
      {algType: 2, algSupported: 16},
    ]
    for (const algStructures of [structures, [structures[0]!, structures[0]!], [{algType: 9, algSupported: 1}]]) {
      const peer = new Peer(options)
      peer.ask(GET_VERSION.encode({}))
      peer.ask(capabilities(0))
      const offer = {spdmVersion, baseAsymAlgo: 0x80, baseHashAlgo: 2, opaqueDataFmtSupport: 2, algStructures}
      expect(errorName(peer.ask(NEGOTIATE_ALGORITHMS.encode(offer)))).toBe('InvalidRequest')
      expect(errorName(peer.ask(getDigests))).toBe('UnexpectedRequest')
    }
  })

  it('ends every session with GET_VERSION', () => {
    const ended: number[] = []
    const peer = new Peer({...options, onSessionEnd: id => void ended.push(id)}).negotiate()
    const {secure} = peer.exchange().finish()
    peer.ask(GET_VERSION.encode({}))
    expect(ended).toEqual([secure.id])
    expect(peer.responder.respond({secured: true, payload: secure.seal(heartbeat)})).toBeUndefined()
  })
})

describe('chunks', () => {
  const first = (size: number, chunk: Uint8Array, lastChunk = false): Uint8Array =>
    CHUNK_SEND.encode({spdmVersion, handle: 1, largeMessageSize: size, chunk, lastChunk})
  const next = (chunkSeqNo: number, chunk: Uint8Array, lastChunk = false): Uint8Array =>
    CHUNK_SEND.encode({spdmVersion, handle: 1, chunkSeqNo, chunk, lastChunk})
  const whole = VENDOR_DEFINED_REQUEST.encode({
    spdmVersion,
    standardId: 3,
    vendorId: Uint8Array.of(1, 0),
    payload: random(90),
  })

  it('carries out a request that came in chunks', () => {
    const peer = new Peer({...options, vendor: payload => payload}).negotiate()
    expect(CHUNK_SEND_ACK.decode(peer.ask(first(whole.length, whole.subarray(0, 60)))!).response).toHaveLength(0)
    const ack = CHUNK_SEND_ACK.decode(peer.ask(next(1, whole.subarray(60), true))!)
    expect(errorName(ack.response)).toBe('VENDOR_DEFINED_RESPONSE')
  })

  it.each([
    ['more than MaxSPDMmsgSize', (peer: Peer) => peer.ask(first(0x28001, random(60))), 'RequestTooLarge'],
    ['a message no chunk is needed for', (peer: Peer) => peer.ask(first(42, random(40))), 'InvalidRequest'],
    ['a last chunk that leaves a rest', (peer: Peer) => peer.ask(first(100, random(60), true)), 'InvalidRequest'],
    ['more than was announced', (peer: Peer) => peer.ask(first(50, random(60))), 'InvalidRequest'],
    ['less than 42 bytes in a message', (peer: Peer) => peer.ask(first(100, random(20))), 'InvalidRequest'],
    ['a chunk of no message', (peer: Peer) => peer.ask(next(1, random(60))), 'UnexpectedRequest'],
    [
      'a chunk out of order',
      (peer: Peer) => {
        peer.ask(first(300, random(60)))
        return peer.ask(next(2, random(60)))
      },
      'InvalidRequest',
    ],
    [
      'a chunk after another request',
      (peer: Peer) => {
        peer.ask(first(300, random(60)))
        peer.ask(getDigests)
        return peer.ask(next(1, random(60)))
      },
      'UnexpectedRequest',
    ],
  ])('refuses %s', (_, send, expected) => {
    expect(errorName(send(connected()))).toBe(expected)
  })

  it('does not carry out chunks inside chunks', () => {
    const peer = connected()
    const inner = first(100, random(60))
    peer.ask(first(inner.length, inner.subarray(0, 50)))
    const ack = CHUNK_SEND_ACK.decode(peer.ask(next(1, inner.subarray(50), true))!)
    expect(errorName(ack.response)).toBe('InvalidRequest')
  })

  const getCertificate = GET_CERTIFICATE.encode({spdmVersion, length: 0xffff})
  const get = (handle: number, chunkSeqNo: number): Uint8Array => CHUNK_GET.encode({spdmVersion, handle, chunkSeqNo})

  it('sends a large response in chunks, none larger than the requester takes', () => {
    const peer = large()
    const {errorCode, handle} = ERROR.decode(peer.ask(getCertificate)!)
    expect(errorCode).toBe(0x0f)
    const parts: Uint8Array[] = []
    let size: number | undefined
    for (let n = 0, last = false; !last; n++) {
      const message = peer.ask(get(handle!, n))!
      expect(message.length).toBeLessThanOrEqual(100)
      const chunk = CHUNK_RESPONSE.decode(message)
      size ??= chunk.largeMessageSize
      parts.push(chunk.chunk)
      last = chunk.lastChunk
    }
    expect(concat(...parts)).toHaveLength(size!)
    expect(errorName(concat(...parts))).toBe('CERTIFICATE')
    expect(answers(peer, get(handle!, 0))).toBe('UnexpectedRequest')
  })

  it.each([
    ['another handle', 1, 0],
    ['another number', 0, 1],
  ])('ends the transfer at %s', (_, difference, n) => {
    const peer = large()
    const {handle} = ERROR.decode(peer.ask(getCertificate)!)
    expect(answers(peer, get(handle! + difference, n))).toBe('InvalidRequest')
    expect(answers(peer, get(handle!, 0))).toBe('UnexpectedRequest')
  })

  it('says that a response is too large for a requester without chunks, and opens no session then', () => {
    const flags = {...REQUESTER, chunkCap: false}
    const peer = new Peer(options).negotiate({flags, dataTransferSize: 100, maxSpdmMsgSize: 100})
    expect(() => peer.exchange()).toThrow('ResponseTooLarge')
    expect(peer.responder.sessions).toEqual([])
  })
})

describe('sessions', () => {
  it('takes FINISH only where the handshake is', () => {
    const clear = new Peer(options).negotiate({flags: CLEAR})
    const inClear = clear.exchange()
    expect(errorName(inClear.ask(inClear.finishRequest()))).toBe('InvalidRequest')
    const peer = connected()
    expect(answers(peer, peer.exchange().finishRequest())).toBe('SessionRequired')
  })

  it('takes FINISH once', () => {
    const peer = new Peer(options).negotiate({flags: CLEAR})
    const session = peer.exchange()
    const finish = session.finishRequest()
    expect(answers(peer, finish)).toBe('FINISH_RSP')
    expect(answers(peer, finish)).toBe('SessionRequired')
  })

  it.each([
    ['in the clear', CLEAR],
    ['in the session', REQUESTER],
  ])('frees a session whose verify data is wrong, %s', (_, flags) => {
    const peer = new Peer(options).negotiate({flags})
    const session = peer.exchange()
    const finish = session.finishRequest()
    finish[finish.length - 1]! ^= 1
    const answer = peer.connection.clearHandshake ? peer.ask(finish) : session.ask(finish)
    expect(errorName(answer)).toBe('DecryptError')
    expect(peer.responder.sessions).toEqual([])
  })

  it('takes nothing but the end of the handshake before the handshake ends', () => {
    for (const request of [getDigests, heartbeat, update(1), END_SESSION.encode({spdmVersion})])
      expect(errorName(connected().exchange().ask(request))).toBe('UnexpectedRequest')
  })

  it('refuses KEY_UPDATE twice, and VerifyNewKey without one', () => {
    const peer = connected()
    const session = peer.exchange().finish()
    expect(errorName(session.ask(update(3)))).toBe('InvalidRequest')
    expect(errorName(session.ask(update(1)))).toBe('KEY_UPDATE_ACK')
    session.secure.update('requester')
    expect(errorName(session.ask(update(2)))).toBe('InvalidRequest')
    expect(errorName(session.ask(update(1)))).toBe('InvalidRequest')
    expect(errorName(session.ask(update(3)))).toBe('KEY_UPDATE_ACK')
    expect(errorName(session.ask(update(4)))).toBe('InvalidRequest')
  })

  it('keeps as many sessions as it says, each with keys of its own', () => {
    const peer = new Peer({...options, maxSessions: 2}).negotiate()
    const [first, second] = [peer.exchange(1).finish(), peer.exchange(1).finish()]
    expect(() => peer.exchange(1)).toThrow('SessionLimitExceeded')
    expect(errorName(first.ask(getDigests), peer.context())).toBe('DIGESTS')
    expect(errorName(second.ask(getDigests), peer.context())).toBe('DIGESTS')
    first.ask(END_SESSION.encode({spdmVersion}))
    expect(peer.exchange(1).secure.id).toBe(first.secure.id)
  })

  it('says DecryptError once for a record that does not authenticate, and then nothing', () => {
    const peer = connected()
    const session = peer.exchange().finish()
    const payload = session.secure.seal(getDigests)
    payload[10]! ^= 1
    const answer = peer.responder.respond({secured: true, payload})!
    expect(errorName(session.secure.open(answer.payload))).toBe('DecryptError')
    expect(session.ask(getDigests)).toBeUndefined()
  })

  it('discards records of sessions that nobody opened', () => {
    const {responder} = connected()
    for (const payload of [new Uint8Array(), random(3), random(40)])
      expect(responder.respond({secured: true, payload})).toBeUndefined()
  })

  it('does not answer what belongs outside inside, nor the reverse', () => {
    const peer = connected()
    const session = peer.exchange().finish()
    for (const request of [
      GET_VERSION.encode({}),
      CHALLENGE.encode({spdmVersion}),
      NEGOTIATE_ALGORITHMS.encode({spdmVersion}),
    ])
      expect(errorName(session.ask(request))).toBe('UnexpectedRequest')
    expect(answers(peer, heartbeat)).toBe('SessionRequired')
    const older = new Peer(options).negotiate({version: 0x11})
    expect(answers(older, HEARTBEAT.encode({spdmVersion: 0x11}))).toBe('Unspecified')
  })

  it('forgets a session after twice its heartbeat period of silence', () => {
    let now = 0
    const peer = new Peer({...options, heartbeatPeriod: 5, monotonic: () => now}).negotiate()
    const session = peer.exchange().finish()
    now = 10_000
    expect(errorName(session.ask(heartbeat))).toBe('HEARTBEAT_ACK')
    now = 20_001
    expect(session.ask(heartbeat)).toBeUndefined()
    expect(peer.responder.sessions).toEqual([])
  })

  it('agrees on no secret with a point that is not on the curve', () => {
    const peer = connected()
    const request = KEY_EXCHANGE.encode(
      {spdmVersion, reqSessionId: 1, exchangeData: new Uint8Array(96).fill(1), opaqueData: peer.secured()},
      peer.context(),
    )
    expect(answers(peer, request)).toBe('InvalidRequest')
    expect(peer.responder.sessions).toEqual([])
  })
})

describe('measurements', () => {
  const one = (index: number): Uint8Array => GET_MEASUREMENTS.encode({spdmVersion, measurementOperation: index})
  const signed = GET_MEASUREMENTS.encode({
    spdmVersion,
    signatureRequested: true,
    measurementOperation: 0xff,
    nonce: random(32),
    slotIdParam: 0,
  })

  it('an absent index is refused and starts L1/L2 again', () => {
    const transcripts: number[] = []
    const slot = options.slots[0]!
    const peer = new Peer({
      ...options,
      slots: [{...slot, sign: question => (transcripts.push(lengthOf(question.transcript)), slot.sign(question))}],
    }).negotiate()
    peer.ask(signed)
    peer.ask(one(1))
    expect(answers(peer, one(0x77))).toBe('InvalidRequest')
    peer.ask(signed)
    peer.ask(one(1))
    peer.ask(signed)
    expect(transcripts[1]).toBe(transcripts[0])
    expect(transcripts[2]).toBeGreaterThan(transcripts[0]!)
  })
})

describe('responses that are not ready', () => {
  it('come when they are asked for again, once, with the right token', () => {
    const peer = new Peer({...options, isSlow}).negotiate()
    const {notReady} = ERROR.decode(peer.ask(getDigests)!)
    expect(notReady).toMatchObject({requestCode: SPDM_CODE.GET_DIGESTS})
    expect(answers(peer, again(notReady!.token))).toBe('DIGESTS')
    expect(answers(peer, again(notReady!.token))).toBe('InvalidRequest')
    const {token} = ERROR.decode(peer.ask(getDigests)!).notReady!
    expect(answers(peer, again(token + 1))).toBe('InvalidRequest')
    expect(answers(peer, again(token))).toBe('InvalidRequest')
  })
})
