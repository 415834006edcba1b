/** Waiting for what the kernel does by itself, with a bound. */
import {setTimeout} from 'node:timers/promises'

const INTERVAL = 20

/** Asks again and again until `isSo`; throws after `seconds`. `what` completes "waited for". */
export async function until(what: string, isSo: () => boolean, seconds = 20): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s for ${what}`)
    // one look after the other
    // oxlint-disable-next-line no-await-in-loop
    await setTimeout(INTERVAL)
  }
}
