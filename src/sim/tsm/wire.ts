/** What carries messages between a simulated TSM and a simulated device. */
import {TsmctlError} from '../../errors.js'
import type {Datagram, Transport} from '../../spdm/index.js'

/** Carries one message to the device and back; undefined when nothing comes back. */
export type Wire = (request: Datagram) => Datagram | undefined

/** One on which somebody may have to wait. */
export type SlowWire = (request: Datagram) => Promise<Datagram | undefined>

export const silent = (peer: string): TsmctlError =>
  new TsmctlError({
    kind: 'timeout',
    attempted: 'exchange a message with the device',
    subject: peer,
    got: 'no answer',
  })

const LARGEST = 0x4_0000

export const transportOver = (wire: Wire | SlowWire, peer: string): Transport => ({
  peer,
  maxPadding: 0,
  maxPayload: LARGEST,
  async exchange(request) {
    const answer = await wire(request)
    if (answer === undefined) throw silent(peer)
    return answer
  },
  async close() {
    // nothing was opened
  },
})
