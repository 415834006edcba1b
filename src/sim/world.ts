/** What happens to a guest from outside: rivals, the host, the hardware, the clock. */
import {environment} from '../kernel/index.js'
import {addFunctions, bindDriver, removeFunction, unbindDriver} from './drivers.js'
import {emit} from './event-ring.js'
import {refreshed} from './evidence-state.js'
import type {Fault} from './faults.js'
import {guestTsmPath, type Machine, type MachineState, type SimFunction} from './machine.js'
import {disturb} from './tsm/index.js'
import {acceptAsRival, relock, unlockTdi} from './tsm-verbs.js'

export function passTime({world}: MachineState, {seconds = 0}: Fault): void {
  world.clock += seconds
}

/** The TSM's module goes; what it holds is unlocked, whatever is bound. */
function removeTsm(machine: Machine, state: MachineState): void {
  if (!state.world.tsm) return
  const attempt = {machine, state, random: environment.random}
  for (const fn of machine.functions) if (state.functions[fn.bdf]!.tdi.lockedBy !== null) unlockTdi(attempt, fn)
  state.world.tsm = false
  emit(state, 'remove', guestTsmPath(machine))
}

function returnTsm(machine: Machine, state: MachineState): void {
  if (machine.devsec === null || state.world.tsm) return
  state.world.tsm = true
  // the files of the functions appear between the two
  emit(state, 'add', guestTsmPath(machine))
  emit(state, 'change', guestTsmPath(machine))
}

/** What needs the device to be there. */
function befallDevice(machine: Machine, state: MachineState, fn: SimFunction, {do: what}: Fault): void {
  const record = state.functions[fn.bdf]!
  if (!record.present) return
  switch (what) {
    case 'relock':
      if (fn.dsm !== null && state.world.tsm) relock({machine, state, random: environment.random}, fn)
      return
    case 'vanish':
      return removeFunction(machine, state, fn.bdf)
    case 'bind-driver':
      return bindDriver(state, fn, fn.driver ?? 'vfio-pci')
    case 'unbind':
      return unbindDriver(state, fn)
    case 'rival-accept':
      return acceptAsRival({machine, state, random: environment.random}, fn)
    case 'reset':
      return disturb(machine, state, fn, 'function level reset')
    case 'bme-clear':
      return disturb(machine, state, fn, 'bus master or memory space disabled')
    case 'regenerate':
      if (fn.dsm !== null && record.tdi.lockedBy !== null)
        refreshed(record.tdi, fn.dsm, new Uint8Array(), environment.random)
      return
    default:
      return undefined
  }
}

/** Lets `fault`, one of the world's, happen to its device and to the guest. */
export function befall(machine: Machine, state: MachineState, fault: Fault): void {
  switch (fault.do) {
    case 'clock':
      return passTime(state, fault)
    case 'host-refuses':
    case 'host-relents':
      state.world.refuses = fault.do === 'host-refuses'
      return
    case 'tsm-gone':
      return removeTsm(machine, state)
    case 'tsm-back':
      return returnTsm(machine, state)
    case 'rescan':
      return addFunctions(machine, state)
    default:
      return befallDevice(
        machine,
        state,
        machine.functions.find(({bdf}) => bdf === fault.device)!,
        fault,
      )
  }
}
