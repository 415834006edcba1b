/** A guest with one device to be admitted: machine, driver, device and policy as they should be. */
import {existsSync, readFileSync, readlinkSync, writeFileSync} from 'node:fs'
import {basename} from 'node:path'
import {type Kernel, liveKernel} from '../../../../src/kernel/index.js'
import {readPciFacts} from '../../../../src/operations/device-facts.js'
import type {DeviceControl} from '../control.js'
import {describeDevice, interfaceOf} from './device.js'
import {deviceOf, insmod, modelHardware} from './machine.js'

/** Of the program and of the operations a spec calls itself. */
const STATE = '/run/tsmctl-state'

export const openKernel = (): Kernel => liveKernel({stateDirectory: STATE})

export function driverOf(bdf: string): string | null {
  const link = `${deviceOf(bdf)}/driver`
  return existsSync(link) ? basename(readlinkSync(link)) : null
}

export const overrideOf = (bdf: string): string => readFileSync(`${deviceOf(bdf)}/driver_override`, 'utf8').trimEnd()

/** Has the kernel bind the driver of a function, if it has none: its probe is over on return, as it is not of a rescan. */
export function bindDriver(bdf: string): void {
  writeFileSync('/sys/bus/pci/drivers_probe', bdf)
  if (driverOf(bdf) === null) throw new Error(`no driver for ${bdf}`)
}

/** Whether devices that are found get drivers. */
const autoprobe = (isOn: boolean): void => writeFileSync('/sys/bus/pci/drivers_autoprobe', isOn ? '1' : '0')

/** What `find` finds gets no driver: probing takes longer than most of what a spec looks at. */
export function withoutProbing(find: () => void): void {
  autoprobe(false)
  try {
    find()
  } finally {
    autoprobe(true)
  }
}

/** Leaves a function to nobody, whatever held it. */
export function unbind(bdf: string): void {
  if (driverOf(bdf) !== null) writeFileSync(`${deviceOf(bdf)}/driver/unbind`, bdf)
  writeFileSync(`${deviceOf(bdf)}/driver_override`, '\n')
}

/** A sound device, wired as it is, but for what `different` says. */
export async function tellDevice(kernel: Kernel, bdf: string, different: DeviceControl = {}): Promise<void> {
  describeDevice(bdf, {...interfaceOf(await readPciFacts(kernel, bdf)), ...different})
}

/**
 * A guest whose TSM takes `functions`, with sound devices behind them and no drivers. The TSM accepts nothing that user
 * space has not called verified, unless `parameters` say otherwise.
 */
export async function prepareGuest(
  kernel: Kernel,
  functions: readonly string[],
  parameters: Readonly<Record<string, string | number>> = {require_validate: 1},
): Promise<void> {
  withoutProbing(() => modelHardware())
  functions.forEach(unbind)
  insmod('tsmtest_devsec', {funcs: functions, ...parameters})
  for (const bdf of functions) await tellDevice(kernel, bdf)
}
