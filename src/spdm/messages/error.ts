/** ERROR and its extended data (DSP0274 1.3 §10.12). */
import {
  type AnyLayout,
  bytes,
  DecodeError,
  layout,
  nested,
  NEXT,
  REST,
  type Seen,
  u32,
  u8,
  type View,
} from '../../bits/index.js'
import {SPDM_CODE_NAMES, SPDM_ERROR_CODE, SPDM_ERROR_NAMES} from './codes.js'
import {header} from './header.js'

const SPEC = 'DSP0274 1.3 §10.12'

/** Most bytes of ExtendedErrorData. */
const MAX_EXTENDED_ERROR_SIZE = 32

/** Extended data of ResponseNotReady: when and with what to ask again. */
export const RESPONSE_NOT_READY = layout(
  {id: 'spdm-response-not-ready', name: 'ResponseNotReady extended error data', spec: SPEC},
  {
    rdtExponent: u8(0, 'RDTExponent: ready in 2^n microseconds'),
    requestCode: u8(1, 'RequestCode that is not ready', {names: SPDM_CODE_NAMES}),
    token: u8(2, 'Token to ask with'),
    rdtm: u8(3, 'RDTM: the answer is dropped after this many times the delay'),
  },
)

/** Extended data of a vendor's or standards body's own error, whose registry ErrorData names. */
export const VENDOR_ERROR = layout(
  {id: 'spdm-vendor-error', name: 'VendorDefined extended error data', spec: SPEC},
  {
    vendorIdLength: u8(0, 'Len: bytes of VendorID'),
    vendorId: bytes(NEXT, 'vendorIdLength', 'VendorID'),
    opaqueErrorData: bytes(NEXT, REST, 'OpaqueErrorData'),
  },
)

/** Extended data of ResponseTooLarge and, for a certificate chain, DataTooLarge: the size that would have been needed. */
export const TOO_LARGE = layout(
  {id: 'spdm-too-large', name: 'ResponseTooLarge or DataTooLarge extended error data', spec: SPEC},
  {actualSize: u32(0, 'size in bytes')},
)

const {ResponseNotReady, LargeResponse, ResponseTooLarge, DataTooLarge, VendorDefined} = SPDM_ERROR_CODE

/** Structure of the extended data of codes that give it one, beyond what the layout of ERROR names itself. */
export const EXTENDED_ERROR_DATA: Readonly<Record<number, AnyLayout>> = {
  [ResponseTooLarge]: TOO_LARGE,
  [DataTooLarge]: TOO_LARGE,
  [VendorDefined]: VENDOR_ERROR,
}

const is =
  (...codes: readonly number[]) =>
  (seen: Seen): boolean =>
    codes.includes(seen.errorCode as number)

/** Extended data that the code requires is part of the message; other codes may come without any. */
export const ERROR = layout(
  {id: 'spdm-error', name: 'ERROR', spec: SPEC},
  {
    ...header('ERROR'),
    errorCode: u8(2, 'ErrorCode', {names: SPDM_ERROR_NAMES}),
    errorData: u8(3, 'ErrorData: the request code if unsupported'),
    notReady: nested(NEXT, RESPONSE_NOT_READY, 'when to ask again', {when: is(ResponseNotReady)}),
    handle: u8(NEXT, 'Handle of the large response', {when: is(LargeResponse)}),
    extendedErrorData: bytes(NEXT, REST, 'ExtendedErrorData', {
      when: (seen: Seen) => !is(ResponseNotReady, LargeResponse)(seen),
    }),
  },
)

/** What the extended data of an ERROR says where a code gives it a meaning; undefined when it is absent or unknown. */
export interface ErrorDetail {
  /** Bytes that a response or data would have needed. */
  readonly actualSize?: number
  /** The error of a vendor or standards body. */
  readonly vendor?: {readonly registryId: number; readonly vendorId: Uint8Array; readonly data: Uint8Array}
}

/** Throws DecodeError when the data is there but does not have the form its code prescribes. */
export function errorDetail({
  errorCode,
  errorData,
  extendedErrorData: data,
}: View<(typeof ERROR)['fields']>): ErrorDetail | undefined {
  if (data === undefined || data.length === 0) return undefined
  if (data.length > MAX_EXTENDED_ERROR_SIZE)
    throw new DecodeError({
      structure: ERROR.name,
      path: 'extendedErrorData',
      offset: ERROR.headSize,
      expected: `at most ${MAX_EXTENDED_ERROR_SIZE} bytes`,
      got: `${data.length}`,
    })
  if (errorCode === ResponseTooLarge || errorCode === DataTooLarge)
    return {actualSize: TOO_LARGE.decode(data).actualSize}
  if (errorCode !== VendorDefined) return undefined
  const {vendorId, opaqueErrorData} = VENDOR_ERROR.decode(data)
  return {vendor: {registryId: errorData, vendorId, data: opaqueErrorData}}
}
