/** Somebody in the middle who cannot sign: whatever they change, nothing that they changed is called verified. */
import fc from 'fast-check'
import {expect, it} from 'vitest'
import {environment} from '../../src/kernel/index.js'
import {readRoots} from '../../src/operations/spdm-chain.js'
import {Interview} from '../../src/operations/spdm-interview.js'
import {labDeviceOf} from '../../src/operations/spdm-lab.js'
import {verdictOf} from '../../src/operations/spdm-questions.js'
import {TsmctlError} from '../../src/errors.js'
import {type Datagram, Requester, Responder} from '../../src/spdm/index.js'

type Change = (datagram: Datagram, exchange: number) => Datagram
const same: Change = datagram => datagram

/** An attestation of a device of its own, with `change` between both sides. */
async function attested(version: string) {
  const made = await labDeviceOf({versions: [version], asym: 'ecdsa-p256', hash: 'sha256'})
  const roots = await readRoots('root.der', made.root)
  const {random} = environment
  return async (asking: Change, answering: Change) => {
    const responder = new Responder(made.options)
    const sizes: (readonly [asked: number, answered: number])[] = []
    let now = 0
    const transport = {
      peer: 'lab',
      maxPadding: 3,
      maxPayload: 0x20000,
      async exchange(request: Datagram) {
        const exchange = sizes.length
        const answer = responder.respond(asking(request, exchange))
        if (answer === undefined) throw new TsmctlError({kind: 'timeout', attempted: 'exchange', got: 'silence'})
        sizes.push([request.payload.length, answer.payload.length])
        return answering(answer, exchange)
      },
      close: async () => undefined,
    }
    const sleep = async (milliseconds: number): Promise<void> => {
      now += milliseconds
    }
    const requester = new Requester({transport, random, monotonic: () => now++, sleep})
    const interview = new Interview(requester, {roots, session: version !== '1.0', requesterId: 0, now: new Date()})
    const error = await interview.run().catch((failure: unknown) => failure)
    return {verdict: verdictOf(interview.questions), sizes, error}
  }
}

/** One bit of a byte: no answer becomes an ERROR by it. */
const BIT = fc.constantFrom(1, 2, 4, 8, 16, 32, 64, 128)

/** Flips `bits` of the byte that is `at` per mille into the message of `place`. */
const flip =
  (place: number, at: number, bits: number): Change =>
  (datagram, exchange) => {
    if (exchange !== place) return datagram
    const offset = Math.floor((datagram.payload.length * at) / 1000)
    return {...datagram, payload: datagram.payload.map((byte, i) => (i === offset ? byte ^ bits : byte))}
  }

it.each(['1.0', '1.1', '1.2', '1.3', '1.4'])('no byte of an answer can be changed in SPDM %s', async version => {
  const ask = await attested(version)
  const honest = await ask(same, same)
  expect([honest.verdict, honest.error]).toEqual(['verified', undefined])
  const changes = fc.tuple(fc.nat({max: honest.sizes.length - 1}), fc.nat({max: 999}), BIT)
  await fc.assert(
    fc.asyncProperty(changes, async ([place, at, bits]) => {
      const {verdict, error} = await ask(same, flip(place, at, bits))
      expect(verdict).not.toBe('verified')
      expect(error === undefined || error instanceof TsmctlError).toBe(true)
    }),
    {numRuns: 25},
  )
})

/** CHALLENGE, which a device may refuse: then other signatures prove what that one would have. */
const REFUSABLE = 0x83
it('nor of what is asked, as long as the device answers', async () => {
  const ask = await attested('1.3')
  const {sizes} = await ask(same, same)
  await fc.assert(
    fc.asyncProperty(fc.nat({max: sizes.length - 1}), fc.nat({max: 999}), BIT, async (place, at, bits) => {
      let isRefused = false
      const asking: Change = (datagram, exchange) => {
        isRefused ||= exchange === place && datagram.payload[1] === REFUSABLE && !datagram.secured
        return flip(place, at, bits)(datagram, exchange)
      }
      const {verdict} = await ask(asking, same)
      expect(isRefused || verdict !== 'verified').toBe(true)
    }),
    {numRuns: 40},
  )
})
