/**
 * Memory Space Enable and Bus Master Enable of a TDI (PCIe r7.0 §7.5.1.1.3). Clearing either while the TDI is locked or
 * runs moves it to ERROR (§11.2); setting one does not. tsmctl writes neither: the kernel and the driver do.
 */
import {TsmctlError} from '../errors.js'
import type {Kernel} from '../kernel/index.js'
import {COMMON_HEADER} from '../pci/index.js'
import {devicePath} from '../tsm/index.js'

/** Bytes every user may read. */
const HEADER = 64

/** What is worth saying about the Command register of a device that was just locked. */
export function commandNotes(kernel: Kernel, bdf: string): readonly string[] {
  try {
    const bytes = kernel.readAt(`${devicePath(bdf)}/config`, 0, HEADER)
    const {memorySpace, busMaster} = COMMON_HEADER.read(
      new DataView(bytes.buffer, bytes.byteOffset),
      0,
      bytes.length,
    ).value
    return [
      ...(memorySpace ? [] : ['memory decoding is off: the TSM cannot map the device, and accept may be refused']),
      ...(busMaster ? [] : ['bus mastering is off, as after most drivers; the driver switches it on when it is bound']),
    ]
  } catch (error) {
    if (!(error instanceof TsmctlError)) throw error
    return [`the Command register could not be read: ${error.got ?? error.message}`]
  }
}
