/**
 * How many virtual functions a device had when it was connected: no kernel remembers. A record of an earlier boot says
 * nothing, because no connection outlives one.
 */
import type {SriovFacts} from '../evidence/index.js'
import type {Kernel} from '../kernel/index.js'
import {deviceDirectory} from '../pci/index.js'
import {bootIdOf, textOrNull} from './device-facts.js'

const nameOf = (bdf: string): string => `connected-${bdf}.json`
const COUNT = /^\d{1,5}$/

/** VFs that `physicalFunction` has now; null when it has no SR-IOV, or does not show it. */
function vfsOf(kernel: Kernel, physicalFunction: string): number | null {
  const text = textOrNull(kernel, `${deviceDirectory(physicalFunction)}/sriov_numvfs`)
  return text !== null && COUNT.test(text) ? Number(text) : null
}

/** Remembers the device as it is when it is connected. Never throws: the connection stands, with or without a record. */
export function rememberConnection(kernel: Kernel, bdf: string): void {
  const record = {boot: bootIdOf(kernel), vfs: vfsOf(kernel, bdf)}
  // most devices have no virtual functions, and leave no file
  if (record.vfs === null) return
  try {
    kernel.state.replace(nameOf(bdf), new Uint8Array(Buffer.from(JSON.stringify(record))))
  } catch {
    // what was not recorded is not proven later
  }
}

export function forgetConnection(kernel: Kernel, bdf: string): void {
  try {
    kernel.state.remove(nameOf(bdf))
  } catch {
    // another boot makes it void
  }
}

function vfsAtConnect(kernel: Kernel, bdf: string): number | null {
  try {
    const bytes = kernel.state.read(nameOf(bdf))
    if (bytes === undefined) return null
    const {boot, vfs} = JSON.parse(Buffer.from(bytes).toString('utf8')) as Readonly<Record<string, unknown>>
    const boots = bootIdOf(kernel)
    return boots !== null && boot === boots && Number.isSafeInteger(vfs) ? (vfs as number) : null
  } catch {
    return null
  }
}

/** Undefined for a device without virtual functions. */
export function sriovFacts(kernel: Kernel, physicalFunction: string): SriovFacts | undefined {
  const now = vfsOf(kernel, physicalFunction)
  const atConnect = vfsAtConnect(kernel, physicalFunction)
  return now === null && atConnect === null ? undefined : {physicalFunction, atConnect, now}
}
