/**
 * What a spec in the guest wants of an emulated device: `/mnt/control/<BDF>.json`, written there and read by the process
 * that runs the devices outside. It is read before every message, so a device is described anew between two operations.
 * What the device was asked stands in `<BDF>.heard`, a request per line, and its trust anchor in `<BDF>.root.der`.
 */
import type {TdispErrorName} from '../../../src/tdisp/index.js'

/** A part of a BAR as the interface report shows it (PCIe r7.0 §11.3.11). */
export interface ReportedRange {
  /** Number of the BAR. */
  readonly rangeId: number
  /** Physical address in units of 4 KiB. */
  readonly firstPage: number
  readonly pages: number
  readonly msixTable?: boolean
  readonly msixPba?: boolean
  readonly isNonTeeMem?: boolean
}

/**
 * Whose certificates the device shows. `own`: the root is `<BDF>.root.der`; `stranger`: a sound chain to another root;
 * `foreign-leaf`: our root and device CA, and a certificate they did not issue; `foreign-root`: our root above another
 * vendor's device CA.
 */
export type Chain = 'own' | 'stranger' | 'foreign-leaf' | 'foreign-root'

/** What the device does instead of answering as it should, every time while it is told so. */
export type Mischief =
  /** ERROR(Busy), and nothing is carried out. */
  | {readonly at: string; readonly do: 'busy'}
  /** TDISP_ERROR, and nothing is carried out. */
  | {readonly at: string; readonly do: 'refuse'; readonly code?: TdispErrorName}
  /** The TDI goes to ERROR by itself before the message is looked at. */
  | {readonly at: string; readonly do: 'break'}
  /** The connection ends without an answer. QEMU makes no other: the mailbox is dead until the machine boots again. */
  | {readonly at: string; readonly do: 'hang-up'}
  /** The answer takes this long, at most `LONGEST_PAUSE`: the processor that asked stands still meanwhile. */
  | {readonly at: string; readonly do: 'pause'; readonly milliseconds: number}

export const LONGEST_PAUSE = 3000

export interface DeviceControl {
  /** What the report shows. A device knows its BARs; a responder behind a mailbox sees no configuration space. */
  readonly ranges?: readonly ReportedRange[]
  /** Entries of the MSI-X table, which is off as every driver leaves it; none unless given. */
  readonly msixEntries?: number
  /** Most bytes of the report in one answer. */
  readonly maxPortion?: number
  /** From GET_VERSION on. */
  readonly chain?: Chain
  /** Measured as the firmware, from GET_VERSION on. */
  readonly firmware?: string
  /** Invasive debugging is open, and measured to be, from GET_VERSION on. */
  readonly debug?: boolean
  /** The device's signatures are of another key, from GET_VERSION on. */
  readonly badSignature?: boolean
  /** MEASUREMENTS are those of the last time, signed over the nonce of then. */
  readonly replay?: boolean
  /** `at`: name of the SPDM or TDISP request. */
  readonly mischief?: readonly Mischief[]
}
