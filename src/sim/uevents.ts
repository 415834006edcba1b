/** Kobject uevents of a simulated machine, as a listener on the kernel's socket gets them (Linux lib/kobject_uevent.c). */
import {setImmediate} from 'node:timers/promises'
import {encodeUevent} from '../kernel/index.js'
import {ueventVariables} from './device-tree.js'
import type {Machine, MachineState} from './machine.js'
import type {MachineStore} from './store.js'

/** Milliseconds between two looks at the state. */
const INTERVAL = 50

const DRIVER = 'DRIVER='
const MODALIAS = 'MODALIAS='

/** The message of one entry of the ring. */
function payload({functions}: Machine, entry: string, sequence: number): Uint8Array {
  const [action, target = '', ...extra] = entry.split(' ')
  const fn = functions.find(({bdf}) => bdf === target)
  const driver = extra.find(one => one.startsWith(DRIVER))?.slice(DRIVER.length) ?? null
  const devpath = fn === undefined ? target : fn.path.slice('/sys'.length)
  const strings = [
    `SUBSYSTEM=${fn === undefined ? 'tsm' : 'pci'}`,
    ...extra.filter(one => !one.startsWith(DRIVER)),
    // the kernel takes the modalias out of an unbind: nobody shall load the module again
    ...(fn === undefined ? [] : ueventVariables(fn, driver)).filter(
      one => action !== 'unbind' || !one.startsWith(MODALIAS),
    ),
    `SEQNUM=${sequence}`,
  ]
  const properties = new Map(strings.map(text => text.split(/=(.*)/s, 2) as [string, string]))
  return encodeUevent({action: action!, devpath, properties})
}

interface Position {
  readonly bootId: string
  readonly next: number
}

/** Where the listener is now, and what it gets on the way there. */
function catchUp(machine: Machine, {bootId, events: {next, ring}}: MachineState, from: Position) {
  const first = next - ring.length
  const isLost = bootId !== from.bootId || from.next < first
  const missed = isLost ? [] : ring.slice(from.next - first)
  return {
    position: {bootId, next},
    heard: isLost ? ['lost' as const] : missed.map((entry, i) => payload(machine, entry, from.next + i)),
  }
}

type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>

async function* follow({machine, state}: MachineStore, start: Position, sleep: Sleep, signal: AbortSignal) {
  let from = start
  while (!signal.aborted) {
    const {position, heard} = catchUp(machine, state(), from)
    from = position
    for (const event of heard) {
      yield event
      if (signal.aborted) return
    }
    try {
      await sleep(INTERVAL, signal)
      // a clock that is not real lets no time pass, and others must have their turn
      await setImmediate()
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}

/** Events from now on, in order; `lost` where the ring has been overrun, or the machine booted. Ends on abort. */
export function listen(store: MachineStore, sleep: Sleep, signal: AbortSignal): AsyncIterable<Uint8Array | 'lost'> {
  const {bootId, events} = store.state()
  return follow(store, {bootId, next: events.next}, sleep, signal)
}
