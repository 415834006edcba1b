/** TCP transport against a real socket at the other end: what is sent, and every way in which a peer can misbehave. */
import {describe, expect, it} from 'vitest'
import {fromHex, toHex} from '../../src/bits/index.js'
import {TsmctlError} from '../../src/errors.js'
import {connectTcp} from '../../src/kernel/index.js'
import {BINDINGS} from '../../src/operations/spdm-binding.js'
import {connectSpdmTcp} from '../../src/operations/spdm-tcp-transport.js'
import {MCTP_RECORDS} from '../../src/spdm/index.js'
import {frame, type Peer, scripted, type Turn} from './tcp-peer.js'

const GET_VERSION = {secured: false, payload: fromHex('10840000')}
const VERSION_OBJECT = fromHex('0100 0100 04000000 1004000000010012')
const ANSWER = frame(1, VERSION_OBJECT)
const BYE = frame(0xfffd, new Uint8Array(0))

const halves = (bytes: Uint8Array, at: number): Turn => [bytes.subarray(0, at), bytes.subarray(at)]

async function failure(peer: Peer, timeout = 2000, signal?: AbortSignal): Promise<TsmctlError> {
  const transport = await connectSpdmTcp(peer.address, {timeout: 2000})
  try {
    await transport.exchange(GET_VERSION, timeout, signal)
  } catch (error) {
    expect(error).toBeInstanceOf(TsmctlError)
    return error as TsmctlError
  } finally {
    await transport.close()
    // the other side saw us leave
    await peer.left
  }
  return expect.fail('it was taken for an answer')
}

describe('a responder over TCP', () => {
  it('gets DOE objects in big-endian frames, and CONTINUE at the end', async () => {
    const peer = await scripted([[ANSWER], [frame(1, fromHex('0100 0200 04000000 ffffffff 00000000'))], [BYE]])
    const transport = await connectSpdmTcp(peer.address, {timeout: 2000})
    expect(transport.peer).toBe(`tcp://127.0.0.1:${peer.address.port}`)
    expect(await transport.exchange(GET_VERSION, 2000)).toEqual({
      secured: false,
      payload: fromHex('1004000000010012'),
    })
    const record = {secured: true, payload: fromHex('ffffffff0100ee')}
    expect(await transport.exchange(record, 2000)).toEqual({secured: true, payload: fromHex('ffffffff00000000')})
    await transport.close()
    await transport.close()
    await peer.left
    const sent = [
      '00000001 00000002 0000000c  01000100 03000000 10840000',
      '00000001 00000002 00000010  01000200 04000000 ffffffff 0100ee 00',
      '0000fffd 00000002 00000000',
    ]
    expect(peer.received.map(toHex)).toEqual(sent.map(words => words.replaceAll(' ', '')))
  })

  it('gets messages behind their MCTP type when that is wanted', async () => {
    const peer = await scripted([
      [frame(1, fromHex('05 1004000000010012'), 1)],
      [frame(1, fromHex('06 ffffffff 0000 0100 ee'), 1)],
      [frame(0xfffd, new Uint8Array(0), 1)],
    ])
    const transport = await connectSpdmTcp(peer.address, {timeout: 2000, binding: BINDINGS.mctp})
    expect([transport.maxPadding, transport.records]).toEqual([0, MCTP_RECORDS])
    expect(await transport.exchange(GET_VERSION, 2000)).toEqual({
      secured: false,
      payload: fromHex('1004000000010012'),
    })
    const record = {secured: true, payload: fromHex('ffffffff00000100ee')}
    expect(await transport.exchange(record, 2000)).toEqual(record)
    await transport.close()
    await peer.left
    const sent = [
      '00000001 00000001 00000005  05 10840000',
      '00000001 00000001 0000000a  06 ffffffff 0000 0100 ee',
      '0000fffd 00000001 00000000',
    ]
    expect(peer.received.map(toHex)).toEqual(sent.map(words => words.replaceAll(' ', '')))
  })

  it.each([
    ['nothing', '', /empty MCTP/],
    ['PLDM', '01 8002', /type 1, which is not SPDM/],
    ['an integrity check', '85 10040000', /with an integrity check/],
  ])('may not answer with %s on MCTP', async (_, payload, message) => {
    const peer = await scripted([[frame(1, fromHex(payload), 1)], [BYE]])
    const transport = await connectSpdmTcp(peer.address, {timeout: 2000, binding: BINDINGS.mctp})
    await expect(transport.exchange(GET_VERSION, 2000)).rejects.toThrow(message)
    await transport.close()
    await peer.left
  })

  it('is asked to end when the caller wants that', async () => {
    const peer = await scripted([[frame(0xfffe, new Uint8Array(0))]])
    await (await connectSpdmTcp(peer.address, {timeout: 2000, shutdown: true})).close()
    await peer.left
    expect(peer.received.map(toHex)).toEqual(['0000fffe0000000200000000'])
  })

  it.each([1, 5, 12, 13, 20])('may send its answer in pieces, here cut at byte %i', async at => {
    const peer = await scripted([halves(ANSWER, at), [BYE]])
    const transport = await connectSpdmTcp(peer.address, {timeout: 2000})
    expect((await transport.exchange(GET_VERSION, 2000)).payload.length).toBe(8)
    await transport.close()
    await peer.left
  })

  const faults: readonly (readonly [string, Turn, string, RegExp])[] = [
    ['hangs', ['hang'], 'timeout', /not done within 60 ms/],
    ['hangs within the header', [ANSWER.subarray(0, 5)], 'timeout', /not done within/],
    ['hangs within the payload', [ANSWER.subarray(0, 20)], 'timeout', /not done within/],
    ['closes instead of answering', ['close'], 'timeout', /closed the connection instead of answering/],
    ['closes within the header', [ANSWER.subarray(0, 5), 'close'], 'malformed', /after 5 of 12 bytes/],
    ['closes behind the header', [ANSWER.subarray(0, 12), 'close'], 'malformed', /in front of 16 bytes/],
    ['closes within the payload', [ANSWER.subarray(0, 20), 'close'], 'malformed', /after 8 of 16 bytes/],
    ['resets the connection', ['reset'], 'malformed', /reset by the other side/],
    ['states a size beyond any message', [frame(1, VERSION_OBJECT, 2, 0xffffffff)], 'malformed', /4294967295 bytes/],
    ['states a size that the DOE object denies', [frame(1, VERSION_OBJECT.subarray(0, 12))], 'malformed', /dwords/],
    ['sends an empty payload', [frame(1, new Uint8Array(0))], 'malformed', /DOE Data Object Header/],
    ['answers with another command', [frame(0xdead, VERSION_OBJECT)], 'malformed', /NORMAL with TEST/],
    ['answers with a command nobody knows', [frame(0x77, VERSION_OBJECT)], 'malformed', /command 0x0077/],
    ['does not know the command', [frame(0xffff, new Uint8Array(0))], 'unsupported', /does not know/],
    ['answers with another transport', [frame(1, VERSION_OBJECT, 1)], 'malformed', /transport type 1/],
    ['speaks of something else', [frame(1, fromHex('0100 0000 03000000 01000001'))], 'malformed', /which is not SPDM/],
    ['speaks for another vendor', [frame(1, fromHex('8680 0100 03000000 01000001'))], 'malformed', /vendor 0x8086/],
  ]
  it.each(faults)('that %s is a typed error, and the socket is released', async (_, turn, kind, message) => {
    const error = await failure(await scripted([turn, [BYE]]), kind === 'timeout' ? 60 : 5000)
    expect([error.kind, error.message]).toEqual([kind, expect.stringMatching(message)])
    expect(error.hint ?? error.message).not.toBe('')
  })

  it('that sends two answers is found out at the next request', async () => {
    const twice = new Uint8Array(Buffer.concat([ANSWER, ANSWER]))
    const peer = await scripted([[twice]])
    const transport = await connectSpdmTcp(peer.address, {timeout: 2000})
    await transport.exchange(GET_VERSION, 2000)
    await expect(transport.exchange(GET_VERSION, 2000)).rejects.toThrow(/nobody had asked for/)
    // and stays useless
    await expect(transport.exchange(GET_VERSION, 2000)).rejects.toThrow(/earlier exchange failed/)
    await transport.close()
    await peer.left
  })

  it('is left at once when the user interrupts', async () => {
    const peer = await scripted([['hang']])
    const abort = new AbortController()
    const failed = failure(peer, 60_000, abort.signal)
    setTimeout(() => abort.abort(), 20)
    expect((await failed).kind).toBe('interrupted')
  })

  it('that is not there is not found, with a hint', async () => {
    const free = await scripted([])
    const gone = await connectTcp(free.address, {timeout: 2000})
    gone.close()
    await free.left
    // port 1 of the loopback is nobody's
    await expect(connectSpdmTcp({host: '127.0.0.1', port: 1}, {timeout: 2000})).rejects.toMatchObject({
      kind: 'not-found',
      errno: 'ECONNREFUSED',
      hint: expect.stringContaining('Is a responder listening there?'),
    })
    const signal = AbortSignal.abort()
    await expect(connectSpdmTcp(free.address, {timeout: 2000, signal})).rejects.toMatchObject({kind: 'interrupted'})
  })
})
