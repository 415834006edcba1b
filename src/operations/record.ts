/** `record`: reads a machine as our read verbs do and keeps every answer, for replay anywhere. */
import {ErrnoError, errnoOf, TsmctlError} from '../errors.js'
import {formatCapture, type Kernel, recordingKernel} from '../kernel/index.js'
import {deviceDirectory} from '../pci/index.js'
import {readTdi} from '../tsm/index.js'
import {COLUMNS} from './columns.js'
import {BOOT_ID, textOrNull} from './device-facts.js'
import {listColumns} from './list-columns.js'
import {listDevices} from './list.js'
import {readDiagnosedMachine} from './read-diagnosed.js'
import {showDevice} from './show.js'

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

/** Files that transitions and evidence look at beside the devices. */
const BESIDE = [BOOT_ID, '/sys/bus/pci/drivers_autoprobe']

/**
 * Everything that the read verbs read, by reading it as they do. A new read verb belongs in here: `record` keeps what
 * this list asks, and the test of the round trip runs the verbs on what was kept.
 */
const READINGS: readonly ((kernel: Kernel, bdfs: readonly string[], signal?: AbortSignal) => unknown)[] = [
  (kernel, _, signal) => listColumns(kernel, {columns: COLUMNS, signal}),
  (kernel, _, signal) => readDiagnosedMachine(kernel, signal),
  (kernel, bdfs, signal) => forEach(bdfs, bdf => showDevice(kernel, bdf, signal)),
  (kernel, bdfs, signal) => forEach(bdfs, bdf => readTdi(kernel, bdf, signal)),
  // what a connect would have to hold awake
  (kernel, bdfs) => bdfs.forEach(bdf => textOrNull(kernel, `${deviceDirectory(bdf)}/power/control`)),
  kernel => BESIDE.forEach(path => textOrNull(kernel, path)),
]

async function forEach(bdfs: readonly string[], read: (bdf: string) => Promise<unknown>): Promise<void> {
  for (const bdf of bdfs) {
    try {
      // one after the other: attributes of a TSM wait for a lock
      // oxlint-disable-next-line no-await-in-loop
      await read(bdf)
    } catch (error) {
      // not a TDI, or gone meanwhile: whatever it answered is recorded
      if (errnoOf(error) === undefined && !(error instanceof TsmctlError)) throw error
    }
  }
}

/** Captures everything that the read verbs read on this machine. Throws ErrnoError EINTR on abort. */
export async function recordMachine(kernel: Kernel, {anonymise, signal}: RecordOptions): Promise<Recorded> {
  const recording = recordingKernel(kernel, {anonymise})
  const {devices} = await listDevices(recording, signal)
  const bdfs = devices.map(({bdf}) => bdf)
  for (const reading of READINGS) {
    // oxlint-disable-next-line no-await-in-loop
    await reading(recording, bdfs, signal)
    if (signal?.aborted) throw new ErrnoError('EINTR', 'record', 'this machine')
  }
  const capture = recording.capture()
  return {text: formatCapture(capture), functions: devices.length, nodes: capture.nodes.size}
}
