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
/** Milliseconds for a driver to come. */
const PATIENCE = 40_000
const PAUSE = 20

export const openKernel = (): Kernel => liveKernel({stateDirectory: STATE})

export function driverOf(bdf: string): string | null {
  const link = `${deviceOf(bdf)}/driver`
  return existsSync(link) ? basename(readlinkSync(link)) : null
}

export const overrideOf = (bdf: string): string => readFileSync(`${deviceOf(bdf)}/driver_override`, 'utf8').trimEnd()

/** Drivers are probed in the background. */
export async function driverBound(bdf: string): Promise<string> {
  const end = performance.now() + PATIENCE
  for (;;) {
    const driver = driverOf(bdf)
    if (driver !== null) return driver
    if (performance.now() > end) throw new Error(`no driver for ${bdf}`)
    // oxlint-disable-next-line no-await-in-loop
    await new Promise(resolve => setTimeout(resolve, PAUSE))
  }
}

export const unbind = (bdf: string): void => {
  if (driverOf(bdf) !== null) writeFileSync(`${deviceOf(bdf)}/driver/unbind`, bdf)
}

/** A sound device, wired as it is, but for what `different` says. */
export async function tellDevice(kernel: Kernel, bdf: string, different: DeviceControl = {}): Promise<void> {
  describeDevice(bdf, {...interfaceOf(await readPciFacts(kernel, bdf)), ...different})
}

/** Whether devices that are found get drivers. */
export const autoprobe = (isOn: boolean): void => writeFileSync('/sys/bus/pci/drivers_autoprobe', isOn ? '1' : '0')

/**
 * A guest whose TSM takes `functions`, with sound devices behind them. The TSM accepts nothing that user space has not
 * called verified, unless `parameters` say otherwise.
 */
export async function prepareGuest(
  kernel: Kernel,
  functions: readonly string[],
  parameters: Readonly<Record<string, string | number>> = {require_validate: 1},
): Promise<void> {
  modelHardware()
  insmod('tsmtest_devsec', {funcs: functions, ...parameters})
  for (const bdf of functions) await tellDevice(kernel, bdf)
}
