/**
 * The requester over a mailbox that misbehaves in the middle of a conversation. What
 * is asked ends in one of our errors or in the truth, in time, and the mailbox is let go of.
 */
import {expect, it} from 'vitest'
import {TsmctlError} from '../../src/errors.js'
import {environment} from '../../src/kernel/index.js'
import {openDoeTransport} from '../../src/operations/spdm-doe-transport.js'
import {
  createLabDevice,
  createLabDsm,
  type MailboxFault,
  type MailboxFaultKind,
  spdmMailbox,
  withDsm,
} from '../../src/sim/index.js'
import {Requester, Responder} from '../../src/spdm/index.js'
import {virtualClock} from '../pci/mailbox-kernel.js'
import {GPU, machines} from '../sim/machines.js'

const {random} = environment
const make = machines()
const machine = await make('bare-device')
const device = await createLabDevice({random, asym: 'ecdsa-p256', exchange: 'secp256r1', maxPadding: 3})
const TIMEOUTS = {response: 500, crypto: 500, total: 5000}
/** Not the answer to a request. */
const UNCALLED: readonly MailboxFaultKind[] = ['busy', 'left-over', 'left-error']
/** Milliseconds for four operations, a farewell, and the aborts of a mailbox that does not obey. */
const MOST = 30_000

async function conversation(fault: MailboxFault): Promise<{readonly ended: unknown; readonly elapsed: number}> {
  const clock = virtualClock()
  const responder = new Responder(withDsm(device.options, createLabDsm(random)))
  const kernel = machine.open({...clock, mailboxes: () => ({...spdmMailbox(responder), faults: [fault]})})
  const {sleep} = clock
  let ended: unknown = 'well'
  try {
    const transport = await openDoeTransport(kernel, GPU, {useMailbox: true})
    const monotonic = (): number => clock.elapsed()
    const requester = new Requester({transport, random, monotonic, sleep, timeouts: TIMEOUTS})
    try {
      await requester.negotiate()
      const {slots} = await requester.digests()
      expect(slots.map(({slot}) => slot)).toEqual([0])
      await requester.challenge()
      const session = await requester.openSession()
      await session.heartbeat()
      await session.end()
    } finally {
      await transport.close()
    }
  } catch (error) {
    ended = error
  }
  kernel.lock(`doe-${GPU}`)()
  return {ended, elapsed: clock.elapsed()}
}

const KINDS: readonly MailboxFaultKind[] = [
  'busy',
  'left-over',
  'left-error',
  'error',
  'silent',
  'slow',
  'foreign',
  'truncated',
  'excess',
  'late-error',
  'short',
  'huge',
  'gone',
]
/** Discovery asks for three entries; these are in the negotiation, and in the session. */
const TIMES = [
  {after: 4, stubborn: true},
  {after: 13, stubborn: false},
]

it.each(KINDS)('%s in the middle', async kind => {
  for (const time of TIMES) {
    // one machine, one conversation at a time
    // oxlint-disable-next-line no-await-in-loop
    const {ended, elapsed} = await conversation({do: kind, ms: 60_000, ...time})
    expect(ended === 'well' || (ended instanceof TsmctlError && ended.kind !== 'bug')).toBe(true)
    expect(elapsed).toBeLessThan(MOST)
    // only what comes uncalled for can be aborted in time
    if (ended === 'well') expect(UNCALLED).toContain(kind)
  }
})
