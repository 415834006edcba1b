/** A guest with one device to be admitted: machine, driver, device and policy as they should be. */
import {existsSync, readlinkSync} from 'node:fs'
import {basename} from 'node:path'
import {type Kernel, liveKernel} from '../../../../src/kernel/index.js'
import {readPciFacts} from '../../../../src/operations/device-facts.js'
import type {DeviceControl} from '../control.js'
import {describeDevice, interfaceOf} from './device.js'
import {deviceOf} from './machine.js'

/** Of the program and of the operations a spec calls itself. */
const STATE = '/run/tsmctl-state'
/** Milliseconds for a driver to come. */
const PATIENCE = 10_000
const PAUSE = 20

export const openKernel = (): Kernel => liveKernel({stateDirectory: STATE})

export function driverOf(bdf: string): string | undefined {
  const link = `${deviceOf(bdf)}/driver`
  return existsSync(link) ? basename(readlinkSync(link)) : undefined
}

/** Drivers are probed in the background. */
export async function driverBound(bdf: string): Promise<string> {
  const end = performance.now() + PATIENCE
  for (;;) {
    const driver = driverOf(bdf)
    if (driver !== undefined) return driver
    if (performance.now() > end) throw new Error(`no driver for ${bdf}`)
    // oxlint-disable-next-line no-await-in-loop
    await new Promise(resolve => setTimeout(resolve, PAUSE))
  }
}

/** A sound device, wired as it is, but for what `different` says. */
export async function tellDevice(kernel: Kernel, bdf: string, different: DeviceControl = {}): Promise<void> {
  describeDevice(bdf, {...interfaceOf(await readPciFacts(kernel, bdf)), ...different})
}
