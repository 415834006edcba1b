/** Driver core semantics: who matches, who is bound, and what must never be bound (Linux drivers/base/dd.c). */
import {emit} from './event-ring.js'
import {type Machine, type MachineState, type SimFunction, unlockedTdi} from './machine.js'
import {powerOff} from './tsm/index.js'

/**
 * Binds `driver`, whatever it may break: a TDI that is locked and not accepted is in nobody's trust boundary, and a
 * driver that uses it works on an unverified device.
 */
export function bindDriver(state: MachineState, {bdf}: SimFunction, driver: string): void {
  const record = state.functions[bdf]!
  if (record.driver !== null) return
  record.driver = driver
  record.enabled = 1
  emit(state, 'bind', bdf)
  const {lockedBy, accepted} = record.tdi
  if (lockedBy !== null && !accepted)
    state.violations.push({
      kind: 'bound-while-locked',
      device: bdf,
      detail: `${driver} was bound while ${lockedBy} had the device locked and not accepted`,
    })
}

export function unbindDriver(state: MachineState, {bdf}: SimFunction): void {
  const record = state.functions[bdf]!
  if (record.driver !== null) emit(state, 'unbind', bdf)
  record.driver = null
  // the guest series leaves Command alone while locked; otherwise the driver would break its own TDI
  record.enabled = 0
}

/** Of a physical function: whether drivers are bound to its virtual ones. */
export const VF_AUTOPROBE = 'sriov_drivers_autoprobe'

/** A virtual function may have no driver unless one was named for it (Linux pci-driver.c, pci_device_can_probe). */
export function canProbe({functions}: MachineState, {bdf, host}: SimFunction): boolean {
  const physfn = host?.vf?.physfn
  if (physfn === undefined || functions[bdf]!.override !== null) return true
  return functions[physfn]!.switches?.[VF_AUTOPROBE] ?? true
}

/** Binds whatever matches: the override if there is one, else the driver that knows the ids. */
export function probeDriver({drivers}: Machine, state: MachineState, fn: SimFunction): void {
  if (!canProbe(state, fn)) return
  const driver = state.functions[fn.bdf]!.override ?? fn.driver
  if (driver !== null && drivers.includes(driver)) bindDriver(state, fn, driver)
}

/** What was removed is found again. */
export function addFunctions(machine: Machine, state: MachineState): void {
  for (const fn of machine.functions) {
    const record = state.functions[fn.bdf]!
    if (record.present) continue
    record.present = true
    record.override = null
    emit(state, 'add', fn.bdf)
    if (state.autoprobe) probeDriver(machine, state, fn)
  }
}

/** The function goes, and with it what the TSM held for it. */
export function removeFunction(machine: Machine, state: MachineState, device: string): void {
  const record = state.functions[device]!
  if (!record.present) return
  if (record.driver !== null) emit(state, 'unbind', device)
  emit(state, 'remove', device)
  record.present = false
  record.driver = null
  record.enabled = 0
  record.tdi = unlockedTdi(record.tdi.epoch, record.tdi.measurements ?? record.tdi.previous, record.tdi.state)
  powerOff(
    machine,
    state,
    machine.functions.find(({bdf}) => bdf === device)!,
  )
}
