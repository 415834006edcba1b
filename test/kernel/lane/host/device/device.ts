/** One device behind a mailbox: our responder, its TDI, and what a spec wants of both. */
import {
  type Datagram,
  ERROR,
  Responder,
  SPDM_CODE,
  SPDM_CODE_NAMES,
  SPDM_ERROR_CODE,
} from '../../../../../src/spdm/index.js'
import type {RespondingDevice} from '../../../../../src/operations/spdm-respond.js'
import {requestEvent, TDISP_PROTOCOL, tdispMessage} from '../../../../../src/tdisp/index.js'
import {type DeviceControl, LONGEST_PAUSE, type Mischief} from '../../control.js'
import type {Identity} from './identity.js'
import {Interface} from './interface.js'

/** Offset of a message's code, in SPDM and in TDISP. */
const CODE = 1

export interface EmulatedDevice extends RespondingDevice {
  /** Milliseconds by which the answer just given is late. */
  readonly pause: number
}

export interface Circumstances {
  /** Where the function is, as Requester ID. */
  readonly requesterId: number
  /** What the device shall be now. */
  readonly control: () => DeviceControl
  /** Told of every SPDM and TDISP request by its name. */
  readonly heard: (request: string) => void
}

/** A device after power-on. */
export function createDevice(identity: Identity, {requesterId, control, heard}: Circumstances): EmulatedDevice {
  const tdi = new Interface(requesterId)
  let responder = respondsAs({})
  let measurements: Datagram | undefined
  let pause = 0

  /** Mischief at the request called `name`. */
  const at = (name: string | undefined): Mischief | undefined => control().mischief?.find(one => one.at === name)

  function respondsAs(now: DeviceControl): Responder {
    return new Responder({...identity.options(now), vendor})
  }

  function vendor(payload: Uint8Array): Uint8Array | undefined {
    if (payload[0] !== TDISP_PROTOCOL) return undefined
    const name = requestEvent(tdispMessage(payload)[CODE] ?? 0)
    heard(name ?? 'unknown')
    const mischief = at(name)
    if (name === 'LOCK_INTERFACE_REQUEST') tdi.describe(control())
    switch (mischief?.do) {
      case 'refuse':
        return tdi.refuse(payload, mischief.code ?? 'UNSPECIFIED')
      case 'break':
        tdi.break()
        break
      case 'pause':
        pause = Math.min(mischief.milliseconds, LONGEST_PAUSE)
        break
      case 'hang-up':
        return undefined
    }
    return tdi.answer(payload)
  }

  function answerTo(request: Datagram, code: number): Datagram | undefined {
    if (code === SPDM_CODE.GET_VERSION) responder = respondsAs(control())
    const answer = responder.respond(request)
    if (code !== SPDM_CODE.GET_MEASUREMENTS) return answer
    const earlier = control().replay === true ? measurements : undefined
    measurements = answer
    return earlier ?? answer
  }

  return {
    get pause() {
      return pause
    },
    respond(request) {
      pause = 0
      const [version, code] = request.payload as unknown as readonly [number, number]
      const name = SPDM_CODE_NAMES[code]
      heard(name ?? 'unknown')
      const mischief = at(name)
      switch (mischief?.do) {
        case 'hang-up':
          return undefined
        case 'busy': {
          const payload = ERROR.encode({spdmVersion: version, errorCode: SPDM_ERROR_CODE.Busy, errorData: 0})
          return {secured: false, payload}
        }
        case 'break':
          tdi.break()
          break
        case 'pause':
          pause = Math.min(mischief.milliseconds, LONGEST_PAUSE)
      }
      return answerTo(request, code)
    },
  }
}
