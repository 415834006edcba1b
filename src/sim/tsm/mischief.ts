/** Devices that do not keep to TDISP, or lose what it stands on: faults of one step of a verb. */
import {
  BODY,
  TDISP_ERROR,
  TDISP_ERROR_CODE,
  TDISP_PROTOCOL,
  TDISP_REQUEST,
  TDISP_VERSION_1_0,
  type TdispErrorName,
  tdispMessage,
  tdispPayload,
  type TdispRequestName,
} from '../../tdisp/index.js'
import {DEFAULT_STREAM} from '../dsm/index.js'
import type {Fault, FaultKind} from '../faults.js'
import type {DeviceEnd, Interposer} from './device-end.js'

/** The request that a verb is about. */
const MAIN: Readonly<Record<string, TdispRequestName>> = {
  lock: 'LOCK_INTERFACE_REQUEST',
  accept: 'START_INTERFACE_REQUEST',
  unlock: 'STOP_INTERFACE_REQUEST',
}

/** Offsets in a message. */
const VERSION = 0
const INTERFACE_ID = 4
/** TDISPVersion that nobody has defined. */
const WRONG_VERSION = 0x11
/** What a vendor's own error says, in the format of a VDM: PCI-SIG's registry, a vendor, nothing more. */
const VENDOR_ERROR = Uint8Array.of(0, 2, 0xac, 0x3e)

/** TDISP_ERROR in answer to `request`, which is not carried out. */
function refusal(request: Uint8Array, name: TdispErrorName): Uint8Array {
  const isVendors = name === 'VENDOR_SPECIFIC_ERROR'
  const message = TDISP_ERROR.encode({
    tdispVersion: TDISP_VERSION_1_0,
    errorCode: TDISP_ERROR_CODE[name],
    errorData: isVendors ? VENDOR_ERROR.length : name === 'UNSUPPORTED_REQUEST' ? request[1]! : 0,
    extendedErrorData: isVendors ? VENDOR_ERROR : new Uint8Array(),
  })
  message.set(request.subarray(INTERFACE_ID, BODY), INTERFACE_ID)
  return tdispPayload(message)
}

/** A copy of an answer with another byte somewhere in its message. */
function altered(answer: Uint8Array | undefined, at: number, byte: (old: number) => number): Uint8Array | undefined {
  if (answer === undefined) return undefined
  const message = tdispMessage(answer).slice()
  message[at] = byte(message[at]!)
  return tdispPayload(message)
}

type Trick = (
  fault: Fault,
  payload: Uint8Array,
  answer: (payload: Uint8Array) => Uint8Array | undefined,
  device: DeviceEnd,
) => Uint8Array | undefined

const TRICKS: Readonly<Partial<Record<FaultKind, Trick>>> = {
  'tdisp-error': ({code = 'UNSPECIFIED'}, payload) => refusal(tdispMessage(payload), code),
  // the request is carried out, and nobody hears of it
  'no-answer': (_, payload, answer) => (answer(payload), undefined),
  'wrong-interface': (_, payload, answer) => altered(answer(payload), INTERFACE_ID, old => 0xff - old),
  'wrong-version': (_, payload, answer) => altered(answer(payload), VERSION, () => WRONG_VERSION),
  'session-end': (_fault, _payload, _answer, device) => (device.loseSessions(), undefined),
  'stream-fail': (_, payload, answer, device) => (device.dsm.streamInsecure(DEFAULT_STREAM), answer(payload)),
}

/** How `fault` at `verb` comes between a session and its DSM, once; undefined for faults that strike elsewhere. */
export function interposerOf(fault: Fault | undefined, verb: string): Interposer | undefined {
  const trick = fault && TRICKS[fault.do]
  if (fault === undefined || trick === undefined) return undefined
  const code = TDISP_REQUEST[fault.request ?? MAIN[verb]!]
  let isDone = false
  return (payload, answer, device) => {
    if (isDone || payload[0] !== TDISP_PROTOCOL || tdispMessage(payload)[1] !== code) return answer(payload)
    isDone = true
    return trick(fault, payload, answer, device)
  }
}
