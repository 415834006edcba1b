/** The lab responder's life over TCP: frames, discovery, and clients that come, misbehave and go. */
import {afterEach, describe, expect, it} from 'vitest'
import {fromHex, toHex} from '../../src/bits/index.js'
import {connectTcp, listenTcp, type TcpStream} from '../../src/kernel/index.js'
import {parseAddress, parseEndpoint} from '../../src/operations/spdm-endpoint.js'
import {type Served, serveSpdm} from '../../src/operations/spdm-respond.js'
import {readFrame} from '../../src/operations/spdm-tcp-frame.js'
import {frame} from './tcp-peer.js'

const LIMITS = {timeout: 2000}
const NOTHING = new Uint8Array(0)

/** Answers every message with its own bytes reversed; discards those that start with a zero. */
const mirror = {
  respond: ({secured, payload}: {secured: boolean; payload: Uint8Array}) =>
    payload[0] === 0 ? undefined : {secured, payload: payload.toReversed()},
}

let stop: (() => Promise<Served>) | undefined
afterEach(() => stop?.())

async function serving(idle?: number) {
  const listener = await listenTcp({host: '127.0.0.1', port: 0})
  const abort = new AbortController()
  const events: string[] = []
  const served = serveSpdm(listener, mirror, {signal: abort.signal, onEvent: line => events.push(line), idle})
  stop = () => {
    abort.abort()
    return served
  }
  return {client: () => connectTcp(listener.address, LIMITS), served, events, address: listener.address}
}

async function ask(stream: TcpStream, request: Uint8Array): Promise<string | undefined> {
  await stream.write(request, LIMITS)
  const answer = await readFrame(stream, LIMITS)
  return answer && `${answer.command.toString(16)}/${answer.transport} ${toHex(answer.payload)}`
}

const object = (type: string, payload: string): Uint8Array =>
  fromHex(`0100${type}00 ${((payload.length + 16) / 8).toString(16).padStart(2, '0')}000000 ${payload}`)

describe('serveSpdm', () => {
  it('lists its types, answers messages and records, says hello', async () => {
    const {client} = await serving()
    const stream = await client()
    expect(await ask(stream, frame(1, object('00', '00000000')))).toBe('1/2 010000000300000001000001')
    expect(await ask(stream, frame(1, object('00', '01000000')))).toBe('1/2 010000000300000001000102')
    expect(await ask(stream, frame(1, object('00', '02000000')))).toBe('1/2 010000000300000001000200')
    expect(await ask(stream, frame(1, object('00', '03000000')))).toBe('1/2 0100000003000000ffff0000')
    expect(await ask(stream, frame(1, object('01', '10840000')))).toBe('1/2 010001000300000000008410')
    expect(await ask(stream, frame(1, object('02', 'ff000001')))).toBe('1/2 0100020003000000010000ff')
    expect(await ask(stream, frame(0xdead, NOTHING, 0))).toBe(
      `dead/0 ${toHex(new TextEncoder().encode('Server Hello!\0'))}`,
    )
    stream.close()
  })

  const goodbyes: readonly (readonly [string, Uint8Array, string | undefined])[] = [
    ['CONTINUE', frame(0xfffd, NOTHING), 'fffd/2 '],
    ['an unknown command', frame(0x8001, NOTHING), 'ffff/2 '],
    ['another transport', frame(1, NOTHING, 1), 'ffff/1 '],
    ['an unknown type', frame(1, object('05', '00000000')), undefined],
    ['an unknown vendor', frame(1, fromHex('8680 0100 03000000 10840000')), undefined],
    ['a short discovery', frame(1, fromHex('0100 0000 02000000')), undefined],
    ['a length that lies', frame(1, fromHex('0100 0100 09000000 10840000')), undefined],
    ['no object at all', frame(1, fromHex('01')), undefined],
    ['what the device discards', frame(1, object('01', '00000000')), undefined],
    ['a size beyond any message', frame(1, NOTHING, 2, 0x7fffffff), undefined],
  ]
  it.each(goodbyes)('ends the connection after %s, and serves the next', async (_, bytes, answer) => {
    const {client} = await serving()
    const first = await client()
    const second = await client()
    expect(await ask(first, bytes)).toBe(answer)
    expect(await first.read(1, LIMITS)).toBeUndefined()
    expect(await ask(second, frame(1, object('01', '10840000')))).toBe('1/2 010001000300000000008410')
    first.close()
    second.close()
  })

  it('survives clients that leave in the middle, or say nothing', async () => {
    const {client, events} = await serving(50)
    const rude = await client()
    await rude.write(frame(1, object('01', '10840000')).subarray(0, 15), LIMITS)
    rude.close()
    const silent = await client()
    expect(await silent.read(1, LIMITS)).toBeUndefined()
    const polite = await client()
    expect(await ask(polite, frame(1, object('01', '10840000')))).toBe('1/2 010001000300000000008410')
    expect(await ask(polite, frame(0xfffd, NOTHING))).toBe('fffd/2 ')
    const told = events.map(line => line.replace(/^tcp:\S+ /, '')).filter(line => line !== 'connected')
    expect(told).toEqual([
      'it closed the connection after 3 of 12 bytes (0 exchanges)',
      'not done within 50 ms (0 exchanges)',
      'is done (1 exchanges)',
    ])
  })

  it('ends on SHUTDOWN, and when the user interrupts, also within a connection', async () => {
    const {client, served} = await serving()
    const stream = await client()
    expect(await ask(stream, frame(1, object('01', '10840000')))).toBeDefined()
    expect(await ask(stream, frame(0xfffe, NOTHING))).toBe('fffe/2 ')
    expect(await served).toEqual({connections: 1, exchanges: 1, ended: 'shutdown'})
    const again = await serving()
    const waiting = await again.client()
    expect(await ask(waiting, frame(1, object('01', '10840000')))).toBeDefined()
    expect(await stop!()).toEqual({connections: 1, exchanges: 1, ended: 'interrupted'})
    await expect(again.client()).rejects.toMatchObject({errno: 'ECONNREFUSED'})
  })

  it('says when its port is taken', async () => {
    const {address} = await serving()
    await expect(listenTcp(address)).rejects.toMatchObject({kind: 'busy', errno: 'EADDRINUSE'})
  })
})

it('understands where a responder is', () => {
  expect(parseEndpoint('tcp://127.0.0.1')).toEqual({kind: 'tcp', address: {host: '127.0.0.1', port: 2323}})
  expect(parseEndpoint('tcp://[::1]:99')).toEqual({kind: 'tcp', address: {host: '::1', port: 99}})
  expect(parseEndpoint('01:00.0')).toEqual({kind: 'doe', bdf: '0000:01:00.0'})
  expect(parseAddress('localhost:0', 0)).toEqual({host: 'localhost', port: 0})
  for (const wrong of ['tcp://', 'tcp://a b', 'tcp://h:0', 'tcp://h:65536', 'tcp://::1', 'udp://h:1', 'tcp://h:1/'])
    expect(() => parseEndpoint(wrong)).toThrow(expect.objectContaining({kind: 'usage'}))
})
