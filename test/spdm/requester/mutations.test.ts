/**
 * Every datagram of an honest conversation, damaged in every way: what is asked ends in one of our errors or in the
 * truth, never in an exception of another kind, in time, and with the transport closed.
 */
import fc from 'fast-check'
import {expect, it} from 'vitest'
import {concat} from '../../../src/bits/index.js'
import {TsmctlError} from '../../../src/errors.js'
import {endsConnection} from '../../../src/spdm/requester/link.js'
import {bench, type Passing, TIMEOUTS} from './bench.js'

/** Datagrams of the conversation below, about. */
const LENGTH = 16
const VERSIONS = [0x10, 0x11, 0x12, 0x13, 0x14]

type Damage = (bytes: Uint8Array, seed: number, passing: Passing) => Uint8Array | undefined
const DAMAGE: Readonly<Record<string, Damage>> = {
  'a bit flipped': (bytes, seed) =>
    bytes.map((byte, i) => (i === seed % bytes.length ? byte ^ (1 << (seed % 8)) : byte)),
  'a byte of the head': (bytes, seed) => bytes.map((byte, i) => (i === seed % 24 ? (seed % 3) * 127 : byte)),
  'cut short': (bytes, seed) => bytes.subarray(0, seed % bytes.length),
  longer: (bytes, seed) => concat(bytes, new Uint8Array(seed % 50).fill(seed % 2)),
  'a piece twice': (bytes, seed) => concat(bytes.subarray(0, seed % bytes.length), bytes),
  'an earlier one': (_, seed, {history}) => history[seed % Math.max(1, history.length)] ?? new Uint8Array(),
  'its request': (_, __, {request}) => request,
  'an error': (bytes, seed) => Uint8Array.of(bytes[0]!, 0x7f, seed % 256, 0),
  nothing: () => undefined,
}

const cases = fc.record({
  version: fc.constantFrom(...VERSIONS),
  at: fc.nat(LENGTH),
  damage: fc.constantFrom(...Object.keys(DAMAGE)),
  seed: fc.nat(0xffff),
  isSmall: fc.boolean(),
})

it('a damaged datagram is an error of ours, or does no harm', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({version, at, damage, seed, isSmall}) => {
      const {requester, wire, clock} = bench({
        device: {versions: [version]},
        requester: isSmall ? {offer: {dataTransferSize: 300}} : {},
      })
      wire.tamper = passing =>
        passing.count === at && passing.response !== undefined && passing.response.length > 0
          ? DAMAGE[damage]!(passing.response, seed, passing)
          : passing.response
      let failure: unknown
      try {
        await requester.negotiate()
        await requester.challenge()
        await requester.measurements()
        if (version >= 0x11) {
          const session = await requester.openSession()
          await session.heartbeat()
          await session.end()
        }
      } catch (error) {
        failure = error
        expect(error).toBeInstanceOf(TsmctlError)
        expect((error as TsmctlError).kind).not.toBe('bug')
      }
      expect(clock.now).toBeLessThan(5 * TIMEOUTS.total)
      if (failure !== undefined && endsConnection(failure)) expect(wire.closed).toBe(1)
      await requester.close()
      expect(wire.closed).toBe(1)
    }),
    {numRuns: 120, seed: 1},
  )
})
