/** A request that is answered with ERROR (DSP0274 1.3 §10.12). */
import {TsmctlError} from '../../errors.js'
import {ERROR, type RESPONSE_NOT_READY, SPDM_ERROR_CODE} from '../messages/index.js'

export type ErrorName = keyof typeof SPDM_ERROR_CODE

export interface RefusalDetails {
  /** ErrorData. */
  readonly data?: number
  readonly extended?: Uint8Array
  readonly notReady?: Partial<ReturnType<typeof RESPONSE_NOT_READY.decode>>
  readonly handle?: number
}

/** Thrown by what handles a request, and turned into its response. It never leaves the responder. */
export class Refusal extends TsmctlError {
  readonly error: ErrorName
  readonly #details: RefusalDetails

  constructor(error: ErrorName, details: RefusalDetails = {}) {
    super({kind: 'not-permitted', attempted: 'answer an SPDM request', got: error})
    this.error = error
    this.#details = details
  }

  /** ERROR under `version`. */
  encode(version: number): Uint8Array {
    const {data = 0, extended, notReady, handle} = this.#details
    return ERROR.encode({
      spdmVersion: version,
      errorCode: SPDM_ERROR_CODE[this.error],
      errorData: data,
      notReady,
      handle,
      extendedErrorData: extended,
    })
  }
}

/** Ends the handling of a request with ERROR. */
export function refuse(error: ErrorName, details?: RefusalDetails): never {
  throw new Refusal(error, details)
}

/** Refuses as InvalidRequest unless `holds`. */
export function require(holds: boolean): asserts holds {
  if (!holds) refuse('InvalidRequest')
}
