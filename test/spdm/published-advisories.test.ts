/**
 * Advisories that were published against SPDM and its implementations, each by its name.
 *
 * | advisory                                                 | what went wrong there                                    |
 * | -------------------------------------------------------- | -------------------------------------------------------- |
 * | CVE-2023-31127, GHSA-qw76-4v8p-xq9f, DMTF-2023-0001      | KEY_EXCHANGE ended by PSK_FINISH skips authentication    |
 * | CVE-2023-32690, GHSA-56h8-4gv5-jf2c                      | CTExponent of 64 and more, shifted into a timeout        |
 * | GHSA-j54w-759w-xj3m, DMTF-2026-0001                      | RequesterInfo of GET_CSR overruns a buffer               |
 * | GHSA-m4wc-xmvg-369f, DMTF-2026-0002                      | offset + length of a log request wraps at 32 bits        |
 * | CVE-2026-61810, GHSA-chjj-xvqx-c8w4, DMTF-2026-0003      | OpaqueData of FINISH is in no transcript (DSP0274 1.4.0) |
 * | libspdm issue 2631                                       | ChunkSize beyond the message that carries the chunk      |
 */
import {describe, expect, it} from 'vitest'
import {concat} from '../../src/bits/index.js'
import {
  CAPABILITIES,
  CHUNK_SEND,
  decodeSpdmMessage,
  DEFAULT_OFFER,
  FINISH,
  FINISH_RSP,
  GET_CAPABILITIES,
  GET_CERTIFICATE,
  GET_CSR,
  GET_MEASUREMENT_EXTENSION_LOG,
  GET_VERSION,
  OPAQUE_TABLE,
  PSK_FINISH,
  SPDM_CODE,
} from '../../src/spdm/index.js'
import {bench} from './requester/bench.js'
import {errorName, labOptions, Peer, type PeerSession, random, REQUESTER} from './responder/peer.js'

const options = await labOptions()
const KEY = new TextEncoder().encode('the key both have')
const WITH_PSK = {...options, psk: () => KEY}

const open = (): PeerSession => new Peer(options).negotiate({version: 0x14}).exchange()

/** FINISH or PSK_FINISH with verify data that is right for what the session has seen. */
function finishBy(session: PeerSession, layout: typeof FINISH | typeof PSK_FINISH, fields: object = {}): Uint8Array {
  const head = layout.encode({spdmVersion: session.peer.connection.version, ...fields}, {hashSize: 0})
  session.th.append(head)
  return concat(head, session.secure.verifyData('requester', session.th.digest()))
}

describe('CVE-2023-31127: a handshake is ended by the message that belongs to it', () => {
  const flags = {...REQUESTER, pskCap: 1}
  const peer = (clear = false) =>
    new Peer(WITH_PSK).negotiate({flags: {...flags, handshakeInTheClearCap: clear}, version: 0x12})

  it('not KEY_EXCHANGE by PSK_FINISH', () => {
    const session = peer().exchange()
    expect(errorName(session.ask(finishBy(session, PSK_FINISH)))).toMatch(/InvalidRequest|UnexpectedRequest/)
    expect(errorName(session.ask(Uint8Array.of(0x12, SPDM_CODE.HEARTBEAT, 0, 0)))).not.toBe('HEARTBEAT_ACK')
  })

  it('not PSK_EXCHANGE by FINISH', () => {
    const session = peer().psk(KEY, Uint8Array.of(1))
    expect(errorName(session.ask(finishBy(session, FINISH)))).toMatch(/InvalidRequest|UnexpectedRequest/)
    expect(errorName(session.ask(Uint8Array.of(0x12, SPDM_CODE.HEARTBEAT, 0, 0)))).not.toBe('HEARTBEAT_ACK')
  })

  it('nor in the clear', () => {
    const other = peer(true)
    const session = other.exchange()
    expect(errorName(other.ask(finishBy(session, PSK_FINISH)))).toBe('SessionRequired')
  })
})

describe('CVE-2023-32690: CTExponent is bounded before it is an exponent', () => {
  it.each([32, 63, 64, 255])('%i, of a responder', async ctExponent => {
    const {requester, wire, clock} = bench({device: {versions: [0x12]}})
    wire.tamper = ({code, response}) => {
      if (code !== SPDM_CODE.GET_CAPABILITIES) return response
      const changed = response!.slice()
      changed[CAPABILITIES.fields.ctExponent.at as number] = ctExponent
      return changed
    }
    await expect(requester.negotiate()).rejects.toMatchObject({reason: 'capabilities'})
    expect(clock.now).toBeLessThan(10)
  })

  it.each([32, 63, 64, 255])('%i, of a requester', ctExponent => {
    const peer = new Peer(options)
    peer.ask(GET_VERSION.encode({}))
    const sizes = {dataTransferSize: 4096, maxSpdmMsgSize: 4096}
    const request = {spdmVersion: 0x12, ctExponent, flags: REQUESTER, reserved4: 0, extFlags: 0, ...sizes}
    expect(errorName(peer.ask(GET_CAPABILITIES.encode(request)))).toBe('InvalidRequest')
  })
})

describe('GHSA-j54w-759w-xj3m: RequesterInfo of GET_CSR stays inside its message', () => {
  const request = GET_CSR.encode({spdmVersion: 0x13, requesterInfo: random(20)})

  it.each([
    [4, 'RequesterInfoLength'],
    [6, 'OpaqueDataLength'],
  ])('a length at %i beyond the end (%s)', at => {
    const wrong = request.slice()
    wrong.fill(0xff, at, at + 2)
    expect(() => decodeSpdmMessage(wrong)).toThrow(/beyond|need|left|end/i)
  })

  it('and nobody here makes a CSR of it', () => {
    expect(errorName(new Peer(options).negotiate({version: 0x13}).ask(request))).toBe('UnsupportedRequest')
  })
})

describe('GHSA-m4wc-xmvg-369f: offset and length are never a 32-bit sum', () => {
  const LOG = random(64)
  const peer = (version: number) => new Peer({...options, measurementLog: LOG}).negotiate({version})
  const sums = [
    [0xffff_fff0, 0x20],
    [0xffff_ffff, 1],
    [1, 0xffff_ffff],
    [64, 0xffff_ffc0],
    [63, 0xffff_ffff],
  ] as const

  it.each(sums)('MEL: offset %i, length %i', (offset, length) => {
    const answer = peer(0x13).ask(GET_MEASUREMENT_EXTENSION_LOG.encode({spdmVersion: 0x13, offset, length}))!
    if (offset >= LOG.length) return expect(errorName(answer)).toBe('InvalidRequest')
    const {value} = decodeSpdmMessage(answer)
    expect(value).toMatchObject({portion: LOG.slice(offset), remainderLength: 0})
  })

  it.each(sums)('a large chain: offset %i, length %i', (largeOffset, largeLength) => {
    const all = peer(0x14)
    const chain = all.chain()
    const request = {spdmVersion: 0x14, largeCertChain: true, largeOffset, largeLength}
    const answer = all.ask(GET_CERTIFICATE.encode(request))!
    if (largeOffset >= chain.length) return expect(errorName(answer)).toBe('InvalidRequest')
    const {value} = decodeSpdmMessage(answer)
    expect(value).toMatchObject({certChain: chain.slice(largeOffset), largeRemainderLength: 0})
  })
})

describe('CVE-2026-61810: OpaqueData of FINISH and FINISH_RSP is in the transcript', () => {
  const opaqueData = OPAQUE_TABLE.encode({elements: [{registryId: 0, elementData: Uint8Array.of(1, 0, 0, 0x12)}]})
  const other = opaqueData.map((byte, i) => (i === 9 ? byte ^ 1 : byte))

  it('verify data that covers it is taken', () => {
    const session = open()
    expect(errorName(session.ask(finishBy(session, FINISH, {opaqueData})))).toBe('FINISH_RSP')
  })

  it.each([
    ['changed', {opaqueData: other}],
    ['taken away', {}],
  ])('and once it is %s it is not', (_, fields) => {
    const session = open()
    const right = finishBy(session, FINISH, {opaqueData})
    const head = FINISH.encode({spdmVersion: 0x14, ...fields}, {hashSize: 0})
    const {size} = session.peer.connection.hash!
    expect(errorName(session.ask(concat(head, right.subarray(-size))))).toBe('DecryptError')
    expect(session.peer.responder.sessions).toEqual([])
  })

  it('verify data over the header alone, as 1.4.0 reads, is not taken', () => {
    const session = open()
    const head = FINISH.encode({spdmVersion: 0x14, opaqueData}, {hashSize: 0})
    session.th.append(head.subarray(0, 4))
    const verifyData = session.secure.verifyData('requester', session.th.digest())
    expect(errorName(session.ask(concat(head, verifyData)))).toBe('DecryptError')
  })

  it('what somebody adds to FINISH_RSP is noticed', async () => {
    const {flags} = DEFAULT_OFFER
    const {requester, wire} = bench({
      device: {versions: [0x14], capabilities: {handshakeInTheClearCap: true}},
      requester: {offer: {flags: {...flags, handshakeInTheClearCap: true}}},
    })
    await requester.negotiate()
    wire.tamper = ({code, response}) => {
      if (code !== SPDM_CODE.FINISH) return response
      const head = FINISH_RSP.encode({spdmVersion: 0x14}, {})
      return concat(FINISH_RSP.encode({spdmVersion: 0x14, opaqueData}, {}), response!.subarray(head.length))
    }
    await expect(requester.openSession()).rejects.toMatchObject({reason: 'verify-data'})
  })
})

describe('libspdm issue 2631: a chunk is no larger than what arrived', () => {
  const chunk = CHUNK_SEND.encode({spdmVersion: 0x12, handle: 1, largeMessageSize: 100, chunk: random(60)})

  it.each([61, 100, 0xffff, 0xffff_ffff])('ChunkSize %i of 60 bytes', size => {
    const peer = new Peer(options).negotiate()
    const wrong = chunk.slice()
    new DataView(wrong.buffer).setUint32(8, size, true)
    expect(errorName(peer.ask(wrong))).toBe('InvalidRequest')
    expect(errorName(peer.ask(wrong))).toBe('InvalidRequest')
  })
})
