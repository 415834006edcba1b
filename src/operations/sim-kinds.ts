/** What can go wrong where on a simulated machine, for help texts. */
import {KINDS_AT} from '../sim/index.js'

const POINTS: Readonly<Record<keyof typeof KINDS_AT, string>> = {
  verb: 'lock, accept, unlock',
  evidence: 'evidence',
  validate: 'validate',
  binding: 'unbind, bind, probe, override',
  reading: 'read:ATTRIBUTE',
  connect: 'connect',
  disconnect: 'disconnect',
  now: 'now',
}

/** Points with the kinds of faults that make sense there, in the order of a device's life. */
export const kindsByPoint = (): readonly {readonly points: string; readonly kinds: readonly string[]}[] =>
  Object.entries(POINTS).map(([key, points]) => ({points, kinds: KINDS_AT[key as keyof typeof KINDS_AT]}))
