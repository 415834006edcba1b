/** The evidence that the kernel holds for a locked function: when it changes, and which of it somebody has verified. */
import {type Dsm, type TdiRecord, toBase64} from './machine.js'
import {takeMeasurements} from './responder.js'

const LARGEST = 0xffff_ffff

/** The kernel's counter has 32 bits, and 0 stands for nothing at all. */
export const nextGeneration = (generation: number): number => (generation >= LARGEST ? 1 : generation + 1)

/** New measurements with `nonce`: another generation, which nobody has verified yet. */
export function refreshed(tdi: TdiRecord, dsm: Dsm, nonce: Uint8Array, random: (length: number) => Uint8Array): void {
  tdi.previous = tdi.measurements
  tdi.measurements = toBase64(takeMeasurements(dsm, nonce, random))
  tdi.reports += 1
  tdi.generation = nextGeneration(tdi.generation)
  tdi.validated = null
}
