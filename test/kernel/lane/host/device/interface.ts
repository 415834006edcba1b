/**
 * The TDI of an emulated device. Streams are taken as running and nothing is secured: the test modules open no session,
 * so TDISP is spoken in the clear, which a real device does not answer (PCIe r7.0 §11.3.1).
 */
import {TdispResponder} from '../../../../../src/sim/dsm/tdisp.js'
import {environment} from '../../../../../src/kernel/index.js'
import {
  BODY,
  TDISP_ERROR,
  TDISP_ERROR_CODE,
  TDISP_VERSION_1_0,
  tdispMessage,
  tdispPayload,
} from '../../../../../src/tdisp/index.js'
import type {TdispErrorName} from '../../../../../src/tdisp/index.js'
import type {DeviceControl, ReportedRange} from '../../control.js'

/** Stands for the session there is none of. */
const CLEAR = 0
const INTERFACE_ID = 4
const SOME_RANGE: readonly ReportedRange[] = [{rangeId: 0, firstPage: 0x8_0000, pages: 4}]

export class Interface {
  readonly #requesterId: number
  #tdisp: TdispResponder

  constructor(requesterId: number) {
    this.#requesterId = requesterId
    this.#tdisp = this.#made({})
  }

  /** What the report says is fixed by a lock: an unlocked device takes the description of now. */
  describe(control: DeviceControl): void {
    if (this.#tdisp.stateOf({requesterId: this.#requesterId}) === 'CONFIG_UNLOCKED') this.#tdisp = this.#made(control)
  }

  /** ERROR, without a message. */
  break(): void {
    this.#tdisp.disturb({requesterId: this.#requesterId}, 'locked configuration changed')
  }

  /** Answers a payload, ProtocolID first. */
  answer(payload: Uint8Array): Uint8Array | undefined {
    return this.#tdisp.handle(tdispMessage(payload), CLEAR)
  }

  /** Refuses a payload, which is not carried out. */
  refuse(payload: Uint8Array, code: TdispErrorName): Uint8Array {
    const message = TDISP_ERROR.encode({
      tdispVersion: TDISP_VERSION_1_0,
      errorCode: TDISP_ERROR_CODE[code],
      errorData: 0,
    })
    message.set(tdispMessage(payload).subarray(INTERFACE_ID, BODY), INTERFACE_ID)
    return tdispPayload(message)
  }

  #made({ranges = SOME_RANGE, msixEntries = 0, maxPortion}: DeviceControl): TdispResponder {
    return new TdispResponder({
      tdis: [
        {
          address: {requesterId: this.#requesterId},
          report: {
            noFwUpdate: true,
            dmaWithoutPasid: true,
            msixTableSize: Math.max(0, msixEntries - 1),
            deviceSpecificInfo: new Uint8Array(),
          },
          ranges: ranges.map(range => ({...range, firstPage: BigInt(range.firstPage)})),
        },
      ],
      lockFlags: ['noFwUpdate', 'lockMsix'],
      ...(maxPortion !== undefined && {maxPortion}),
      random: environment.random,
      isStreamRunning: () => true,
    })
  }
}
