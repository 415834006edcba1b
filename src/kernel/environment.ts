/** Clock and randomness of the running machine: the part of the port that is the same on every host. */
import {setTimeout} from 'node:timers/promises'
import type {Kernel} from './port.js'

/** `node:crypto` is loaded on first use: listing devices needs none of it. */
export const random = (length: number): Uint8Array =>
  new Uint8Array(process.getBuiltinModule('node:crypto').randomBytes(length))

export const environment: Pick<Kernel, 'now' | 'monotonic' | 'sleep' | 'random'> = {
  now: () => new Date(),
  monotonic: () => process.hrtime.bigint(),
  sleep: milliseconds => setTimeout(milliseconds),
  random,
}
