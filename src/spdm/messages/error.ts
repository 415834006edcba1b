/** ERROR and its extended data (DSP0274 1.3 §10.12). */
import {bytes, layout, nested, NEXT, REST, type Seen, u8} from '../../bits/index.js'
import {SPDM_CODE_NAMES, SPDM_ERROR_CODE, SPDM_ERROR_NAMES} from './codes.js'
import {header} from './header.js'

const SPEC = 'DSP0274 1.3 §10.12'

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

const is =
  (code: number) =>
  (seen: Seen): boolean =>
    seen.errorCode === code

export const ERROR = layout(
  {id: 'spdm-error', name: 'ERROR', spec: SPEC},
  {
    ...header('ERROR'),
    errorCode: u8(2, 'ErrorCode', {names: SPDM_ERROR_NAMES}),
    errorData: u8(3, 'ErrorData: the request code if unsupported'),
    notReady: nested(NEXT, RESPONSE_NOT_READY, 'when to ask again', {when: is(SPDM_ERROR_CODE.ResponseNotReady)}),
    handle: u8(NEXT, 'Handle of the large response', {when: is(SPDM_ERROR_CODE.LargeResponse)}),
    extendedErrorData: bytes(NEXT, REST, 'ExtendedErrorData'),
  },
)
