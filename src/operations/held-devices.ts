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

const isNullOrText = (value: unknown): boolean => value === null || typeof value === 'string'

const isHeld = (value: unknown): value is Held =>
  typeof value === 'object' &&
  value !== null &&
  isNullOrText((value as Held).driver) &&
  isNullOrText((value as Held).driverOverride)

/** Never throws: only convenience is lost, and giving a device back must not depend on a file. */
function readAll(kernel: Kernel): Record<string, Held> {
  try {
    const bytes = kernel.state.read(FILE) ?? new Uint8Array()
    const all = JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
    return typeof all === 'object' && all !== null
      ? Object.fromEntries(Object.entries(all).filter((entry): entry is [string, Held] => isHeld(entry[1])))
      : {}
  } catch {
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
