/** Generic netlink when the kernel, or the helper process before it, misbehaves: at the boundary of the helper. */
import {describe, expect, it} from 'vitest'
import {concat} from '../../src/bits/index.js'
import {TsmctlError} from '../../src/errors.js'
import {NLMSGHDR, SOCKADDR_NL} from '../../src/kernel/genetlink/message.js'
import type {Ask, HelperPool} from '../../src/kernel/helper-process.js'
import {encodeAttributes, stringAttribute, u32Attribute} from '../../src/kernel/index.js'
import {hasKoffi} from '../../src/kernel/native/libc.js'
import {netlinkClient} from '../../src/kernel/native/netlink-client.js'
import {rejectedErrno} from './errnos.js'

/** A datagram for request `sequence` from a sender with that port, or an errno. */
type Received =
  number | {readonly sequence: number; readonly port?: number; readonly type: number; readonly payload: Uint8Array}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** A helper whose socket receives these, one after the other; `calls` says what was asked of it. */
function helperThatReceives(received: readonly Received[], calls: string[] = []): HelperPool {
  const left = [...received]
  const serve = ({call}: {call: string}): unknown => {
    calls.push(call)
    if (call === 'socket') return {result: 5, out: []}
    if (call !== 'recvfrom') return {result: 0, out: []}
    const next = left.shift()
    if (next === undefined) return expect.unreachable('it waits for ever')
    if (typeof next === 'number') return {result: next, out: []}
    const {sequence, port = 0, type, payload} = next
    const datagram = concat(NLMSGHDR.encode({length: 16 + payload.length, type, flags: 2, sequence}), payload)
    return {
      result: datagram.length,
      out: [datagram, SOCKADDR_NL.encode({family: 16, port}), Buffer.alloc(4)].map(base64),
    }
  }
  return {
    use: (_, __, work) => work((async request => serve(request as {call: string})) as Ask),
    close: () => undefined,
  }
}

const family = encodeAttributes([{type: 1, value: Uint8Array.of(31, 0)}, stringAttribute(2, 'x'), u32Attribute(3, 1)])
const acknowledged = (sequence: number, errno = 0): Received => ({
  sequence,
  type: 2,
  payload: concat(u32Attribute(0, errno === 0 ? 0 : 2 ** 32 - errno).value, NLMSGHDR.encode({length: 16})),
})
const described: readonly Received[] = [
  {sequence: 1, type: 16, payload: concat(new Uint8Array(4), family)},
  acknowledged(1),
]
const item = (byte: number, port = 0): Received => ({
  sequence: 2,
  port,
  type: 31,
  payload: Uint8Array.of(0, 0, 0, 0, byte, 0, 0, 0),
})
const end: Received = {sequence: 2, type: 3, payload: new Uint8Array(4)}
const request = {family: 'x', version: 1, command: 1, attributes: new Uint8Array(0)}

describe.skipIf(!hasKoffi())('a generic-netlink dump', () => {
  it('resolves the family first, and closes its socket', async () => {
    const calls: string[] = []
    const client = netlinkClient(helperThatReceives([...described, item(1), item(2), end], calls))
    expect((await client.netlinkDump(request)).map(payload => payload[0])).toEqual([1, 2])
    expect(calls.filter(call => call === 'send')).toHaveLength(2)
    expect(calls.at(-1)).toBe('close')
  })

  it('believes nobody but the kernel, and goes on when interrupted', async () => {
    const client = netlinkClient(
      helperThatReceives([...described, item(9, 4711), -4, item(1), {...(end as object), port: 1} as Received, end]),
    )
    expect((await client.netlinkDump(request)).map(payload => payload[0])).toEqual([1])
  })

  it.each([
    ['ENOBUFS', [-105]],
    ['EMSGSIZE', [{...(item(1) as object), payload: new Uint8Array(65_540)} as Received]],
    ['ESTALE', [item(1), acknowledged(2, 116)]],
  ])('reports %s, and closes its socket', async (errno, received) => {
    const calls: string[] = []
    const client = netlinkClient(helperThatReceives([...described, ...received], calls))
    expect(await rejectedErrno(client.netlinkDump(request))).toBe(errno)
    expect(calls.at(-1)).toBe('close')
  })

  it('is not begun with more than a message holds', async () => {
    const client = netlinkClient(helperThatReceives(described))
    expect(await rejectedErrno(client.netlinkDump({...request, attributes: new Uint8Array(70_000)}))).toBe('EMSGSIZE')
  })

  it('says why koffi does not load', async () => {
    const pool: HelperPool = {
      use: (_, __, work) => work((async () => ({failed: 'GLIBC_2.99 not found\x1b[2J'})) as unknown as Ask),
      close: () => undefined,
    }
    const failure = await netlinkClient(pool)
      .netlinkDump(request)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(TsmctlError)
    expect(failure).toMatchObject({kind: 'unsupported'})
    expect((failure as TsmctlError).got).toBe(
      'the optional package "koffi" does not load: GLIBC_2.99 not found\\x1b[2J',
    )
  })
})

it('a family that older kernels cannot describe has no policy', async context => {
  if (!hasKoffi()) context.skip('koffi is not installed')
  for (const errno of [95, 61]) {
    const client = netlinkClient(helperThatReceives([...described, acknowledged(2, errno)]))
    // oxlint-disable-next-line no-await-in-loop
    const {policy, ...rest} = await client.netlinkFamily('x')
    expect(policy).toBeUndefined()
    expect(rest).toEqual({name: 'x', version: 1, maxAttribute: 0, commands: new Set()})
  }
  const client = netlinkClient(helperThatReceives([...described, acknowledged(2, 1)]))
  expect(await rejectedErrno(client.netlinkFamily('x'))).toBe('EPERM')
})
