/** A listener whose answers are as late as the device says. */
import {setTimeout as wait} from 'node:timers/promises'
import type {TcpListener} from '../../../../../src/kernel/index.js'
import type {EmulatedDevice} from './device.js'

export const lateAnswers = (listener: TcpListener, device: EmulatedDevice): TcpListener => ({
  address: listener.address,
  async accept(signal) {
    const stream = await listener.accept(signal)
    if (stream === undefined) return undefined
    const {peer} = stream
    return {
      peer,
      get pending() {
        return stream.pending
      },
      read: (length, limits) => stream.read(length, limits),
      async write(bytes, limits) {
        if (device.pause > 0) await wait(device.pause)
        return stream.write(bytes, limits)
      },
      close: () => stream.close(),
    }
  },
  close: () => listener.close(),
})
