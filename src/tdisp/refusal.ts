/** TDISP_ERROR as a failure people can act on (PCIe r7.0 §11.3.24). */
import {hex, toHex, type View} from '../bits/index.js'
import {type ErrorKind, TsmctlError} from '../errors.js'
import type {TDISP_ERROR} from './messages.js'
import {TDISP_ERROR_CODE, TDISP_ERROR_NAMES, TDISP_MESSAGE_NAMES, type TdispErrorName} from './names.js'

interface Meaning {
  readonly kind: ErrorKind
  readonly meaning: string
  readonly hint: string
}

const MEANINGS: Readonly<Record<TdispErrorName, Meaning>> = {
  INVALID_REQUEST: {
    kind: 'transition',
    meaning: 'a field of the request is not acceptable',
    hint: 'check its values; a lock also needs its default IDE stream keyed and running over this SPDM session',
  },
  BUSY: {
    kind: 'busy',
    meaning: 'the device cannot process the request now',
    hint: 'try again when the outstanding requests are answered',
  },
  INVALID_INTERFACE_STATE: {
    kind: 'transition',
    meaning: 'the interface is in a state in which this request is not allowed',
    hint: 'read the interface state; stop the interface to start from CONFIG_UNLOCKED',
  },
  UNSPECIFIED: {
    kind: 'transition',
    meaning: 'an error without further explanation',
    hint: 'read the interface state, and stop the interface if it is not as expected',
  },
  UNSUPPORTED_REQUEST: {
    kind: 'unsupported',
    meaning: 'the device does not support this request',
    hint: 'read REQ_MSGS_SUPPORTED of the capabilities',
  },
  VERSION_MISMATCH: {
    kind: 'unsupported',
    meaning: 'the device does not support this TDISP version',
    hint: 'ask the device for its TDISP versions',
  },
  VENDOR_SPECIFIC_ERROR: {
    kind: 'transition',
    meaning: 'an error that the vendor of the device defines',
    hint: "look the extended error data up in the vendor's documentation",
  },
  INVALID_INTERFACE: {
    kind: 'not-found',
    meaning: 'the device has no interface of this ID',
    hint: "check the requester ID: it is the function's own bus, device and function number",
  },
  INVALID_NONCE: {
    kind: 'transition',
    meaning: 'the start nonce is not the one of the last lock; the interface stays as it was',
    hint: 'somebody else may have locked the interface anew: stop, lock and appraise it again',
  },
  INSUFFICIENT_ENTROPY: {
    kind: 'busy',
    meaning: 'the device has no entropy for a nonce',
    hint: 'try again later',
  },
  INVALID_DEVICE_CONFIGURATION: {
    kind: 'transition',
    meaning: 'the configuration of the device does not allow a lock',
    hint: 'check BARs, requester IDs, and that every stream and extended capability is configured as TDISP demands',
  },
}

/** What was asked of whom: `attempted` completes "cannot …". */
export interface Attempt {
  readonly attempted: string
  readonly subject: string
}

/** The failure that an answer of TDISP_ERROR is. */
export function refusalOf({attempted, subject}: Attempt, error: View<typeof TDISP_ERROR.fields>): TsmctlError {
  const {errorCode, errorData, extendedErrorData} = error
  const name = TDISP_ERROR_NAMES[errorCode]
  const {kind, meaning, hint} =
    name === undefined
      ? {...MEANINGS.UNSPECIFIED, meaning: 'an error code the specification does not define'}
      : MEANINGS[name]
  const data =
    errorCode === TDISP_ERROR_CODE.UNSUPPORTED_REQUEST
      ? `, request ${TDISP_MESSAGE_NAMES[errorData] ?? hex(errorData, 2)}`
      : errorCode === TDISP_ERROR_CODE.VENDOR_SPECIFIC_ERROR
        ? `, ${extendedErrorData.length} bytes of extended data`
        : ''
  return new TsmctlError({
    kind,
    attempted,
    subject,
    got: `TDISP_ERROR ${name ?? 'of undefined code'} (${hex(errorCode, 4)}): ${meaning}${data}`,
    hint,
    details: {tdispError: name ?? null, errorCode, errorData, extendedErrorData: toHex(extendedErrorData)},
  })
}
