/**
 * The platform's TSM of a guest: it has one session with every DSM, and moves TDIs through TDISP in it (PCIe r7.0 §11.4).
 * A state is what the DSM says when it is asked, never what an answer to something else seems to imply.
 */
import {concat, type Fields, type Layout, type View} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {
  DEVICE_INTERFACE_REPORT,
  DEVICE_INTERFACE_STATE,
  GET_DEVICE_INTERFACE_REPORT,
  GET_DEVICE_INTERFACE_STATE,
  GET_TDISP_CAPABILITIES,
  GET_TDISP_VERSION,
  LOCK_FLAGS,
  LOCK_INTERFACE_REQUEST,
  LOCK_INTERFACE_RESPONSE,
  type LockFlag,
  START_INTERFACE_REQUEST,
  START_INTERFACE_RESPONSE,
  STOP_INTERFACE_REQUEST,
  STOP_INTERFACE_RESPONSE,
  TDI_STATE_NAMES,
  type TdiState,
  TDISP_CAPABILITIES,
  TDISP_VERSION,
  TDISP_VERSION_1_0,
  tdispQuestion,
} from '../../tdisp/index.js'
import {addressOf, type FunctionOfDsm} from './guest-dsm.js'
import type {TsmSession} from './tsm-session.js'

/** What a lock gave. */
export interface Locked {
  readonly nonce: Uint8Array
  readonly report: Uint8Array
}

/** The TSM's own failure: the device did what no answer of it explains. */
const unexpected = (got: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'move a TDI through its life', got})

/** As strict as it gets; the others say what a platform is like, or allow more. */
const STRICTEST: readonly LockFlag[] = ['noFwUpdate', 'lockMsix', 'allRequestRedirect']

/** LENGTH of GET_DEVICE_INTERFACE_REPORT. */
const PORTION = 1024
/** OFFSET is a 16-bit field. */
const LONGEST_REPORT = 0xffff

export class PlatformTsm {
  readonly #session: TsmSession
  readonly #fn: FunctionOfDsm

  constructor(session: TsmSession, fn: FunctionOfDsm) {
    this.#session = session
    this.#fn = fn
  }

  /** GET_DEVICE_INTERFACE_STATE. */
  state(): TdiState {
    const {tdiState} = this.#ask(GET_DEVICE_INTERFACE_STATE, DEVICE_INTERFACE_STATE)
    const name = TDI_STATE_NAMES[tdiState]
    if (name === undefined) throw unexpected(`TDI_STATE ${tdiState}`)
    return name
  }

  /**
   * Version, capabilities, state, LOCK with the strictest flags there are, state, report. A TDI that somebody left locked
   * or in ERROR is stopped first; when anything fails behind LOCK it is stopped again. Throws TsmctlError.
   */
  lock(): Locked {
    const {versionNumEntries} = this.#ask(GET_TDISP_VERSION, TDISP_VERSION)
    if (!versionNumEntries.includes(TDISP_VERSION_1_0)) throw unexpected('a device without TDISP 1.0')
    const capabilities = this.#ask(GET_TDISP_CAPABILITIES, TDISP_CAPABILITIES, {tsmCaps: 0})
    if (this.state() !== 'CONFIG_UNLOCKED') this.stop()
    const flags = STRICTEST.filter(flag => capabilities[LOCK_FLAGS[flag]])
    try {
      const {startInterfaceNonce} = this.#ask(LOCK_INTERFACE_REQUEST, LOCK_INTERFACE_RESPONSE, {
        ...Object.fromEntries(flags.map(flag => [flag, true])),
        defaultStreamId: this.#session.stream!.streamId,
        mmioReportingOffset: BigInt.asUintN(64, BigInt(this.#fn.dsm.mmioReportingOffset)),
      })
      this.#demand('CONFIG_LOCKED')
      return {nonce: startInterfaceNonce, report: this.#report()}
    } catch (error) {
      this.#tidyUp()
      throw error
    }
  }

  /** CONFIG_LOCKED to RUN with the nonce of the lock. Throws TsmctlError; the TDI is left as the DSM has it. */
  start(startInterfaceNonce: Uint8Array): void {
    this.#ask(START_INTERFACE_REQUEST, START_INTERFACE_RESPONSE, {startInterfaceNonce})
    this.#demand('RUN')
  }

  /** Any state to CONFIG_UNLOCKED. Throws TsmctlError. */
  stop(): void {
    this.#ask(STOP_INTERFACE_REQUEST, STOP_INTERFACE_RESPONSE)
    this.#demand('CONFIG_UNLOCKED')
  }

  /** The first failure is the one to tell; a device that does not stop is left to the end of its session. */
  #tidyUp(): void {
    try {
      this.stop()
    } catch (error) {
      if (!(error instanceof TsmctlError)) throw error
    }
  }

  #demand(wanted: TdiState): void {
    const is = this.state()
    if (is !== wanted) throw unexpected(`the DSM is in ${is} instead of ${wanted}`)
  }

  #report(): Uint8Array {
    const portions: Uint8Array[] = []
    let offset = 0
    for (let rest = 1; rest > 0;) {
      const answer = this.#ask(GET_DEVICE_INTERFACE_REPORT, DEVICE_INTERFACE_REPORT, {offset, length: PORTION})
      const {portionLength, remainderLength, reportBytes} = answer
      const isAhead = portionLength > 0 && portionLength <= PORTION
      if (!isAhead || offset + portionLength > LONGEST_REPORT) throw unexpected('a report in impossible portions')
      portions.push(reportBytes)
      offset += portionLength
      rest = remainderLength
    }
    return concat(...portions)
  }

  #ask<Q extends Fields, A extends Fields>(request: Layout<Q>, response: Layout<A>, body: object = {}): View<A> {
    const {payload, read} = tdispQuestion(addressOf(this.#fn.dsm), request, response, body)
    return read(this.#session.ask(payload))
  }
}
