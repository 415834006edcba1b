/**
 * One request and its answer with the DSM of a device, from the TSM's side (PCIe r7.0 §11.3). An answer counts only when
 * ProtocolID, version, type, INTERFACE_ID and every length are what the request calls for.
 */
import {DecodeError, type Encodable, equal, type Fields, get, hex, type Layout, mask, type View} from '../bits/index.js'
import {TsmctlError} from '../errors.js'
import {BODY, INTERFACE_ID} from './header.js'
import {TDISP_ERROR} from './messages.js'
import {TDISP_ERROR_CODE, TDISP_MESSAGE, TDISP_MESSAGE_NAMES, type TdispMessageName} from './names.js'
import {tdispMessage, tdispPayload} from './payload.js'
import {type Attempt, refusalOf} from './refusal.js'

/** TDISPVersion of all messages here: major 1, minor 0. */
export const TDISP_VERSION_1_0 = 0x10

/**
 * Sends the payload of a PCI-SIG vendor-defined message, ProtocolID first, inside a secured SPDM session and gives the
 * payload of the answer.
 */
export type SendPayload = (payload: Uint8Array) => Promise<Uint8Array>

/** FUNCTION_ID of a TDI: its own requester ID, and the segment where the device has been told one. */
export interface TdiAddress {
  readonly requesterId: number
  readonly requesterSegment?: number | undefined
}

/** INTERFACE_ID for an address. Throws RangeError for numbers that do not fit. */
export const interfaceIdOf = ({requesterId, requesterSegment}: TdiAddress): Encodable<typeof INTERFACE_ID.fields> => ({
  requesterId,
  requesterSegment: requesterSegment ?? 0,
  requesterSegmentValid: requesterSegment !== undefined,
})

const two = (value: number): string => value.toString(16).padStart(2, '0')

/** `TDI 3d:01.0`, for people. */
export function tdiName({requesterId, requesterSegment}: TdiAddress): string {
  const segment = requesterSegment === undefined ? '' : `${two(requesterSegment)}:`
  const bus = get(mask(15, 8), requesterId)
  const device = get(mask(7, 3), requesterId)
  return `TDI ${segment}${two(bus)}:${two(device)}.${get(mask(2, 0), requesterId)}`
}

/** For people: what a request is for. */
const PURPOSE: Readonly<Partial<Record<TdispMessageName, string>>> = {
  GET_TDISP_VERSION: 'read the TDISP versions',
  GET_TDISP_CAPABILITIES: 'read the TDISP capabilities',
  LOCK_INTERFACE_REQUEST: 'lock the interface',
  GET_DEVICE_INTERFACE_REPORT: 'read the interface report',
  GET_DEVICE_INTERFACE_STATE: 'read the interface state',
  START_INTERFACE_REQUEST: 'start the interface',
  STOP_INTERFACE_REQUEST: 'stop the interface',
  BIND_P2P_STREAM_REQUEST: 'bind a peer-to-peer stream',
  UNBIND_P2P_STREAM_REQUEST: 'unbind a peer-to-peer stream',
  SET_MMIO_ATTRIBUTE_REQUEST: 'change the attributes of an MMIO range',
  VDM_REQUEST: 'exchange a vendor-defined TDISP message',
}

export const attemptOf = (request: TdispMessageName, tdi: TdiAddress): Attempt => ({
  attempted: PURPOSE[request] ?? `send ${request}`,
  subject: tdiName(tdi),
})

/** The answer breaks the specification: `got` says where. */
export const broken = (attempt: Attempt, got: string, cause?: unknown): TsmctlError =>
  new TsmctlError({
    kind: 'malformed',
    ...attempt,
    got,
    hint: 'the device does not keep to TDISP; stop the interface and do not use it',
    ...(cause !== undefined && {cause}),
  })

const nameOf = <T extends Fields>({name}: Layout<T>): TdispMessageName => name as TdispMessageName

/** Decodes `message` strictly; what does not decode is a failure of the device in this attempt. */
function decoded<T extends Fields>(layout: Layout<T>, message: Uint8Array, attempt: Attempt): View<T> {
  try {
    return layout.decode(message)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw broken(attempt, `an answer that is no ${layout.name}: ${error.message}`, error)
  }
}

/** The refusal in `message`, or why it is not even that. */
function refused(message: Uint8Array, attempt: Attempt): TsmctlError {
  const error = decoded(TDISP_ERROR, message, attempt)
  const {VENDOR_SPECIFIC_ERROR, VERSION_MISMATCH} = TDISP_ERROR_CODE
  const extended = error.errorCode === VENDOR_SPECIFIC_ERROR ? error.errorData : 0
  if (error.extendedErrorData.length !== extended)
    return broken(
      attempt,
      `TDISP_ERROR ${hex(error.errorCode, 4)} with ${error.extendedErrorData.length} bytes of extended data instead of ${extended}`,
    )
  // only that error may come in another version
  if (error.tdispVersion !== TDISP_VERSION_1_0 && error.errorCode !== VERSION_MISMATCH)
    return broken(attempt, `TDISP_ERROR of TDISPVersion ${hex(error.tdispVersion, 2)}`)
  return refusalOf(attempt, error)
}

/** One request ready to be sent, and the reader of what comes back. */
export interface TdispQuestion<A extends Fields> {
  /** ProtocolID first. */
  readonly payload: Uint8Array
  /**
   * Decodes the answer's payload. Throws TsmctlError: of the kind that a TDISP_ERROR means, `malformed` for an answer
   * that breaks the specification.
   */
  readonly read: (payload: Uint8Array) => View<A>
}

/**
 * The question that message `request` asks of the TDI, to be answered with `response`; for whoever has a way of its own
 * of sending. Throws TsmctlError `usage` for values no request can carry.
 */
export function tdispQuestion<Q extends Fields, A extends Fields>(
  tdi: TdiAddress,
  request: Layout<Q>,
  response: Layout<A>,
  body: object = {},
): TdispQuestion<A> {
  const attempt = attemptOf(nameOf(request), tdi)
  const asked = encoded(request, {...body, tdispVersion: TDISP_VERSION_1_0, interfaceId: interfaceIdOf(tdi)}, attempt)
  return {payload: tdispPayload(asked), read: payload => answerIn(payload, asked, response, attempt)}
}

/** Asks the TDI over `send`. Throws TsmctlError as `tdispQuestion` and its reader do. */
export async function exchange<Q extends Fields, A extends Fields>(
  {send, tdi}: {readonly send: SendPayload; readonly tdi: TdiAddress},
  request: Layout<Q>,
  response: Layout<A>,
  body: object = {},
): Promise<View<A>> {
  const {payload, read} = tdispQuestion(tdi, request, response, body)
  return read(await send(payload))
}

function answerIn<A extends Fields>(
  payload: Uint8Array,
  asked: Uint8Array,
  response: Layout<A>,
  attempt: Attempt,
): View<A> {
  let message: Uint8Array
  try {
    message = tdispMessage(payload)
  } catch (error) {
    throw broken(attempt, 'an answer of another protocol', error)
  }
  if (message.length < BODY) throw broken(attempt, `an answer of ${message.length} bytes, less than a TDISP header`)
  if (!equal(message.subarray(4, BODY), asked.subarray(4, BODY)))
    throw broken(attempt, "an answer for another interface: its INTERFACE_ID is not the request's")
  const type = message[1]!
  if (type === TDISP_MESSAGE.TDISP_ERROR) throw refused(message, attempt)
  const name = TDISP_MESSAGE_NAMES[type]
  if (name === undefined)
    throw new TsmctlError({
      kind: 'transition',
      ...attempt,
      got: `an answer of undefined type ${hex(type, 2)}, which counts as TDISP_ERROR`,
      hint: 'read the interface state, and stop the interface if it is not as expected',
    })
  if (name !== nameOf(response)) throw broken(attempt, `${name} instead of ${response.name}`)
  if (message[0] !== TDISP_VERSION_1_0) throw broken(attempt, `TDISPVersion ${hex(message[0]!, 2)} instead of 0x10`)
  return decoded(response, message, attempt)
}

function encoded<Q extends Fields>(layout: Layout<Q>, values: object, attempt: Attempt): Uint8Array {
  try {
    return layout.encode(values as Encodable<Q>)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new TsmctlError({kind: 'usage', ...attempt, got: error.message, cause: error})
  }
}
