/** TCP streams and listeners where the SPDM tests do not reach: slow readers, and ends in every order. */
import {readdirSync} from 'node:fs'
import {connect} from 'node:net'
import {expect, it} from 'vitest'
import {connectTcp, listenTcp} from '../../src/kernel/index.js'

const LIMITS = {timeout: 2000}

async function pair() {
  const listener = await listenTcp({host: '127.0.0.1', port: 0})
  const [client, server] = await Promise.all([connectTcp(listener.address, LIMITS), listener.accept()])
  return {listener, client, server: server!}
}

it('carries bytes both ways, in whatever pieces they are asked for', async () => {
  const {listener, client, server} = await pair()
  await client.write(Uint8Array.of(1, 2, 3, 4, 5), LIMITS)
  expect(await server.read(2, LIMITS)).toEqual(Uint8Array.of(1, 2))
  expect([server.pending, await server.read(0, LIMITS)]).toEqual([3, new Uint8Array(0)])
  expect(await server.read(3, LIMITS)).toEqual(Uint8Array.of(3, 4, 5))
  const large = new Uint8Array(300_000).map((_, i) => i % 251)
  await Promise.all([
    server.write(large, LIMITS),
    client.read(large.length, LIMITS).then(got => expect(Buffer.compare(got!, large)).toBe(0)),
  ])
  server.close()
  expect(await client.read(1, LIMITS)).toBeUndefined()
  await expect(client.write(large, LIMITS)).rejects.toMatchObject({kind: 'malformed'})
  client.close()
  client.close()
  listener.close()
})

it('does not wait for ever for somebody who reads nothing', async () => {
  const {listener, client, server} = await pair()
  const flood = client.write(new Uint8Array(32 * 1024 * 1024), {timeout: 50})
  await expect(flood).rejects.toMatchObject({kind: 'timeout'})
  // what arrives unasked stays within the socket's own buffer
  expect(server.pending).toBeLessThan(1024 * 1024)
  client.close()
  server.close()
  listener.close()
})

it('gives up waiting for a client when it is closed or told to, and closes twice', async () => {
  const listener = await listenTcp({host: '127.0.0.1', port: 0})
  const abort = new AbortController()
  const waiting = listener.accept(abort.signal)
  abort.abort()
  expect(await waiting).toBeUndefined()
  const again = listener.accept()
  const refused = await connectTcp(listener.address, LIMITS)
  expect(await again).toBeDefined()
  // nobody accepts this one
  const left = await connectTcp(listener.address, LIMITS)
  await left.write(Uint8Array.of(1), LIMITS)
  const last = listener.accept()
  expect((await last)!.peer).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/)
  const never = listener.accept()
  listener.close()
  listener.close()
  expect(await never).toBeUndefined()
  refused.close()
  left.close()
})

const descriptors = (): number => readdirSync('/proc/self/fd').length

it('lets go of a peer that never reads what is written to it', async () => {
  const listener = await listenTcp({host: '127.0.0.1', port: 0})
  const deaf = connect(listener.address).pause()
  const stream = (await listener.accept())!
  await expect(stream.write(new Uint8Array(0x2000000), {timeout: 50})).rejects.toMatchObject({kind: 'timeout'})
  const before = descriptors()
  stream.close()
  await expect.poll(descriptors, {timeout: 3000}).toBeLessThan(before)
  deaf.destroy()
  listener.close()
})
