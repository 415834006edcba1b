/**
 * A device is taken from CONFIG_UNLOCKED to RUN and back over a keyed stream: our IDE_KM and TDISP clients inside a session
 * of our requester, against the responder and the DSM of a simulated device, over each transport there is.
 */
import {afterAll, describe, expect, it} from 'vitest'
import {environment, type Kernel, listenTcp} from '../../src/kernel/index.js'
import {type KeySlot, KmClient, SUB_STREAMS} from '../../src/ide/index.js'
import {labDeviceOf} from '../../src/operations/spdm-lab.js'
import {openDoeTransport} from '../../src/operations/spdm-doe-transport.js'
import {serveSpdm} from '../../src/operations/spdm-respond.js'
import {connectSpdmTcp} from '../../src/operations/spdm-tcp-transport.js'
import {parseBdf, ridOf} from '../../src/pci/index.js'
import {Requester, Responder, type RequesterSession, type Transport} from '../../src/spdm/index.js'
import {TdispClient} from '../../src/tdisp/index.js'
import {GPU, machines} from '../sim/machines.js'

const STREAM = 1
const {signal} = new AbortController()
const make = machines()
const servers = new AbortController()
afterAll(() => servers.abort())

async function inProcess(): Promise<Transport> {
  const responder = new Responder((await labDeviceOf({})).options)
  return {
    peer: 'in this process',
    maxPadding: 0,
    maxPayload: 0x2_0000,
    exchange: async request => responder.respond(request)!,
    close: async () => {},
  }
}

async function overTcp(): Promise<Transport> {
  const listener = await listenTcp({host: '127.0.0.1', port: 0})
  void serveSpdm(listener, new Responder((await labDeviceOf({})).options), {signal: servers.signal})
  return connectSpdmTcp(listener.address, {timeout: 2000, signal})
}

async function throughMailbox(): Promise<Transport> {
  const {kernel} = await make('bare-device')
  return openDoeTransport(kernel, GPU, {useMailbox: true})
}

const requesterOf = (transport: Transport, kernel: Pick<Kernel, 'random' | 'monotonic' | 'sleep'> = environment) =>
  new Requester({
    transport,
    random: length => kernel.random(length),
    monotonic: () => Number(kernel.monotonic()) / 1e6,
    sleep: milliseconds => kernel.sleep(milliseconds),
  })

const SLOTS = (['receive', 'transmit'] as const).flatMap(direction =>
  SUB_STREAMS.map((subStream): KeySlot => ({portIndex: 0, streamId: STREAM, keySet: 0, direction, subStream})),
)

const clients = (session: RequesterSession) => {
  const send = (payload: Uint8Array): Promise<Uint8Array> => session.vendorDefined(payload)
  return {km: new KmClient({send}), tdisp: new TdispClient({send, tdi: {requesterId: ridOf(parseBdf(GPU))}})}
}

async function inTurn<T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop
  for (const one of all) await act(one)
}

describe.each([
  ['in one process', inProcess],
  ['over TCP', overTcp],
  ['through the mailbox of a simulated machine', throughMailbox],
])('%s', (_, open) => {
  it('locks, reports, runs and stops over a keyed stream', async () => {
    const transport = await open()
    const requester = requesterOf(transport)
    try {
      const {responder} = await requester.negotiate()
      const session = await requester.openSession()
      const {km, tdisp} = clients(session)
      expect((await km.query(0)).requesterId).toBe(ridOf(parseBdf(GPU)))
      expect(await tdisp.version()).toEqual([0x10])

      // nothing is locked over a stream without keys
      await expect(tdisp.lock({defaultStreamId: STREAM})).rejects.toMatchObject({kind: 'transition'})
      await inTurn(SLOTS, slot => km.program(slot, environment.random(32)))
      await inTurn(SLOTS, slot => km.go(slot))
      const nonce = await tdisp.lock({flags: ['noFwUpdate', 'lockMsix'], defaultStreamId: STREAM})
      expect(await tdisp.state()).toBe('CONFIG_LOCKED')
      const {report} = await tdisp.report()
      expect(report.noFwUpdate).toBe(true)
      expect(report.mmioRanges.length).toBeGreaterThan(0)

      await expect(tdisp.start(new Uint8Array(32))).rejects.toMatchObject({details: {tdispError: 'INVALID_NONCE'}})
      await tdisp.start(nonce)
      expect(await tdisp.state()).toBe('RUN')
      // keys of the session change, and what was locked over it stays
      if (responder.flags.keyUpdCap) await session.keyUpdate()
      expect(await tdisp.state()).toBe('RUN')

      const other = await requester.openSession()
      await expect(clients(other).tdisp.lock({defaultStreamId: STREAM})).rejects.toMatchObject({kind: 'transition'})
      await other.end()
      await tdisp.stop()
      expect(await tdisp.state()).toBe('CONFIG_UNLOCKED')
      await inTurn(SLOTS, slot => km.stop(slot))
      await session.end()
    } finally {
      await requester.close()
    }
  })

  it('goes to ERROR with the session that locked it', async () => {
    const requester = requesterOf(await open())
    try {
      await requester.negotiate()
      const session = await requester.openSession()
      const {km, tdisp} = clients(session)
      await inTurn(SLOTS, slot => km.program(slot, environment.random(32)))
      await inTurn(SLOTS, slot => km.go(slot))
      await tdisp.start(await tdisp.lock({defaultStreamId: STREAM}))
      await session.end()
      const next = await requester.openSession()
      expect(await clients(next).tdisp.state()).toBe('ERROR')
    } finally {
      await requester.close()
    }
  })
})
