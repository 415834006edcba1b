/** The latest kernel events of a machine, as its state holds them: in few bytes, since every change writes the state. */
import type {MachineState} from './machine.js'

export interface EventRing {
  /** Sequence number of the next event. */
  next: number
  /** `ACTION TARGET`, then `KEY=VALUE` as often as needed; the last one has number `next - 1`. */
  ring: string[]
}

/** As many as a listener may fall behind before some are lost to it. */
export const RING_SIZE = 128

export const noEvents = (): EventRing => ({next: 1, ring: []})

/** What an event is about: a PCI function, or the path of another kobject below `/sys`. */
type Target = string

type Action = 'add' | 'remove' | 'change' | 'bind' | 'unbind'

/** Appends one event; the oldest makes room. Of a function, the driver that it has at this moment is part of it. */
export function emit(state: MachineState, action: Action, target: Target, ...extra: readonly string[]): void {
  const {events, functions} = state
  const driver = action === 'unbind' || action === 'remove' ? null : functions[target]?.driver
  events.ring.push([action, target, ...extra, ...(driver ? [`DRIVER=${driver}`] : [])].join(' '))
  events.next += 1
  if (events.ring.length > RING_SIZE) events.ring.shift()
}

/** A PCI error that only a reset repairs (Linux drivers/pci/pcie/err.c): how a broken IDE stream shows, if at all. */
export function emitError(state: MachineState, device: Target): void {
  emit(state, 'change', device, 'ERROR_EVENT=BEGIN_RECOVERY', 'DEVICE_ONLINE=0')
  emit(state, 'change', device, 'ERROR_EVENT=FAILED_RECOVERY', 'DEVICE_ONLINE=0')
}
