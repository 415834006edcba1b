/**
 * What `lock` took away from a device and must be able to give back in another process: its driver and its
 * driver_override. Kept in tsmctl's state as `held.json`.
 */
import type {Kernel} from '../kernel/index.js'

export interface Held {
  readonly driver: string | null
  readonly driverOverride: string | null
}

const FILE = 'held.json'
const NOTHING: Held = {driver: null, driverOverride: null}

function readAll(kernel: Kernel): Record<string, Held> {
  const bytes = kernel.state.read(FILE)
  if (bytes === undefined) return {}
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, Held>
  } catch {
    // only convenience is lost: without it nothing is bound again by itself
    return {}
  }
}

const writeAll = (kernel: Kernel, all: Record<string, Held>): void =>
  kernel.state.replace(FILE, new Uint8Array(Buffer.from(`${JSON.stringify(all, null, 2)}\n`)))

export const heldOf = (kernel: Kernel, bdf: string): Held => readAll(kernel)[bdf] ?? NOTHING

export const holdDevice = (kernel: Kernel, bdf: string, held: Held): void =>
  writeAll(kernel, {...readAll(kernel), [bdf]: held})

export function releaseDevice(kernel: Kernel, bdf: string): void {
  const {[bdf]: released, ...others} = readAll(kernel)
  if (released !== undefined) writeAll(kernel, others)
}
