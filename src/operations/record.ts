/** `record`: reads a machine as our read verbs do and keeps every answer, for replay anywhere. */
import {errnoOf, TsmctlError} from '../errors.js'
import {formatCapture, type Kernel, recordingKernel} from '../kernel/index.js'
import {inspectFunction} from '../pci/index.js'
import {readTdi} from '../tsm/index.js'
import {textOrNull} from './device-facts.js'
import {listDevices} from './list.js'

export interface RecordOptions {
  readonly anonymise: boolean
  readonly signal?: AbortSignal | undefined
}

export interface Recorded {
  /** The capture file's text. */
  readonly text: string
  readonly functions: number
  readonly nodes: number
}

/** Captures everything that `list` and `show` read on this machine. */
export async function recordMachine(kernel: Kernel, {anonymise, signal}: RecordOptions): Promise<Recorded> {
  const recording = recordingKernel(kernel, {anonymise})
  const {devices} = await listDevices(recording, signal)
  for (const {bdf} of devices) {
    try {
      // oxlint-disable-next-line no-await-in-loop
      await inspectFunction(recording, bdf, signal)
      // oxlint-disable-next-line no-await-in-loop
      await readTdi(recording, bdf, signal)
    } catch (error) {
      // not a TDI, or gone meanwhile: whatever it answered is recorded
      if (signal?.aborted || (errnoOf(error) === undefined && !(error instanceof TsmctlError))) throw error
    }
  }
  for (const path of ['/proc/sys/kernel/random/boot_id', '/sys/bus/pci/drivers_autoprobe']) textOrNull(recording, path)
  const capture = recording.capture()
  return {text: formatCapture(capture), functions: devices.length, nodes: capture.nodes.size}
}
