/** A simulated machine behind the kernel port. What needs certificates or YAML is loaded when it is called. */
import type {CreateOptions} from './create.js'
import type {LabDevice, LabDeviceSpec} from './lab-device.js'
import type {ScenarioSource} from './scenario.js'

export {
  clearFaults,
  type DeviceStatus,
  injectFault,
  machineStatus,
  type MachineStatus,
  publications,
  type Publications,
  resetMachine,
} from './administration.js'
export type {CreateOptions} from './create.js'
export {type Fault, type FaultKind, type FaultPoint, KINDS_AT} from './faults.js'
export type {EndState, HostStatus} from './host/status.js'
export type {MailboxFault, MailboxFaultKind} from './doe-mailbox.js'
export type {LabDevice, LabDeviceSpec} from './lab-device.js'
export {spdmMailbox, withDsm} from './spdm-mailbox.js'
export {createLabDsm} from './lab-dsm.js'
export {simKernel, type SimOptions} from './kernel.js'
export type {ModelReferences, NonceMode, ReferenceValue, TsmKind, Violation} from './machine.js'
export type {MailboxModel, MailboxModels} from './mailboxes.js'
export type {ScenarioSource} from './scenario.js'
export {
  type Attack,
  ATTACK_SCENARIOS,
  attackName,
  NOT_SIMULATED,
  SCENARIO_GROUPS,
  type ScenarioGroup,
  SCENARIO_TEXTS,
  SCENARIOS,
  stopperOf,
} from './scenarios/index.js'
export {machineExists} from './store.js'
export {nearest} from './strict-schema.js'
export type {LinkStatus} from './tsm/status.js'

/**
 * Makes the machine of `source` in `directory`: a built-in scenario's name, or a scenario's text. Keys and certificates
 * are made now and belong to this machine alone. Throws TsmctlError: `usage` when there is a machine already or the name
 * is unknown, `malformed` for a text that is no scenario.
 */
export async function createMachine(
  directory: string,
  source: ScenarioSource = 'guest',
  options: CreateOptions = {},
): Promise<void> {
  const create = await import('./create.js')
  await create.createMachine(directory, source, options)
}

/** Makes keys and certificates, and everything a `Responder` needs. Throws TsmctlError `unsupported`. */
export async function createLabDevice(spec: LabDeviceSpec): Promise<LabDevice> {
  const lab = await import('./lab-device.js')
  return lab.createLabDevice(spec)
}
