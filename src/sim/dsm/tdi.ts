/** One TDI of a device: its state, and what a lock fixes until it ends (PCIe r7.0 §11.2). */
import {type Encodable, fromHex, toHex} from '../../bits/index.js'
import {
  INTERFACE_REPORT,
  type LockFlag,
  nextState,
  nonceIsValid,
  type TdiAddress,
  type TdiEvent,
  type TdiState,
  type TdiTransition,
} from '../../tdisp/index.js'
import type {TdiMemory} from './memory.js'

/** MMIO range of a device. */
export interface RangeOfTdi {
  /** 4 KiB page: physical in the specification of a device, with the offset added in its report. */
  readonly firstPage: bigint
  readonly pages: number
  readonly rangeId: number
  readonly msixTable?: boolean
  readonly msixPba?: boolean
  readonly isNonTeeMem?: boolean
  readonly isMemAttrUpdatable?: boolean
}

export interface TdiSpec {
  readonly address: TdiAddress
  /** As reported when everything is locked; a lock without LOCK_MSIX hides what concerns MSI-X. */
  readonly report: Omit<Encodable<typeof INTERFACE_REPORT.fields>, 'mmioRanges'>
  readonly ranges: readonly RangeOfTdi[]
  /** Whether BARs, capabilities and streams are set up as a lock demands; they are unless told otherwise. */
  readonly isConfigurationValid?: () => boolean
}

/** What LOCK_INTERFACE_REQUEST fixed. */
export interface Lock {
  readonly session: number
  readonly flags: ReadonlySet<LockFlag>
  readonly defaultStreamId: number
  /** Bytes, modulo 2^64. */
  readonly mmioReportingOffset: bigint
  /** With the attributes as they are now. */
  readonly ranges: RangeOfTdi[]
  readonly p2pStreams: Set<number>
}

const PAGE = 4096n

export class Tdi {
  readonly spec: TdiSpec
  #state: TdiState = 'CONFIG_UNLOCKED'
  #nonce: Uint8Array | undefined
  #lock: Lock | undefined

  /** As after a reset, or as `memory` has it. */
  constructor(spec: TdiSpec, memory?: TdiMemory) {
    this.spec = spec
    if (memory === undefined) return
    this.#state = memory.state
    this.#nonce = memory.nonce === null ? undefined : fromHex(memory.nonce)
    this.#lock = memory.lock === null ? undefined : recalled(memory.lock, spec)
  }

  get memory(): TdiMemory {
    return {
      state: this.#state,
      nonce: this.#nonce === undefined ? null : toHex(this.#nonce),
      lock: this.#lock === undefined ? null : remembered(this.#lock),
    }
  }

  get state(): TdiState {
    return this.#state
  }

  /** Of the current lock, while it can be used. */
  get nonce(): Uint8Array | undefined {
    return this.#nonce
  }

  get lock(): Lock | undefined {
    return this.#lock
  }

  /** Goes through the state machine; the nonce ends where the machine says so, and the lock with CONFIG_UNLOCKED. */
  happen(event: TdiEvent): TdiTransition['response'] {
    const {state, response} = nextState(this.#state, event)
    this.#state = state
    if (!nonceIsValid(state)) {
      this.#nonce?.fill(0)
      this.#nonce = undefined
    }
    if (state === 'CONFIG_UNLOCKED') this.#lock = undefined
    return response
  }

  /** LOCK_INTERFACE_REQUEST was found acceptable. */
  lockWith(nonce: Uint8Array, lock: Omit<Lock, 'ranges' | 'p2pStreams'>): void {
    this.happen('LOCK_INTERFACE_REQUEST')
    this.#nonce = nonce.slice()
    this.#lock = {...lock, ranges: this.spec.ranges.map(range => ({...range})), p2pStreams: new Set()}
  }

  /** Ranges as reported under the current lock: MMIO_REPORTING_OFFSET added, MSI-X named only when it is locked. */
  reportedRanges(): RangeOfTdi[] {
    const {ranges = [], mmioReportingOffset = 0n, flags} = this.#lock ?? {}
    const locksMsix = flags?.has('lockMsix') === true
    return ranges.map(range => ({
      ...range,
      firstPage: BigInt.asUintN(64, range.firstPage * PAGE + mmioReportingOffset) / PAGE,
      msixTable: locksMsix && range.msixTable === true,
      msixPba: locksMsix && range.msixPba === true,
    }))
  }

  /** The report under the current lock (§11.3.11). */
  report(): Uint8Array {
    const {report} = this.spec
    const flags = this.#lock?.flags
    const unlockedMsix = {msixTableSize: 0, msixReserved: 0, msixFunctionMask: false, msixEnable: false}
    return INTERFACE_REPORT.encode({
      ...report,
      ...(flags?.has('lockMsix') !== true && unlockedMsix),
      noFwUpdate: report.noFwUpdate === true || flags?.has('noFwUpdate') === true,
      mmioRanges: this.reportedRanges(),
    })
  }
}

const remembered = (lock: Lock): NonNullable<TdiMemory['lock']> => ({
  session: lock.session,
  flags: [...lock.flags],
  defaultStreamId: lock.defaultStreamId,
  mmioReportingOffset: String(lock.mmioReportingOffset),
  nonTee: lock.ranges.map(({isNonTeeMem}) => isNonTeeMem === true),
  p2pStreams: [...lock.p2pStreams],
})

const recalled = (lock: NonNullable<TdiMemory['lock']>, {ranges}: TdiSpec): Lock => ({
  session: lock.session,
  flags: new Set(lock.flags),
  defaultStreamId: lock.defaultStreamId,
  mmioReportingOffset: BigInt(lock.mmioReportingOffset),
  ranges: ranges.map((range, i) => ({...range, isNonTeeMem: lock.nonTee[i] === true})),
  p2pStreams: new Set(lock.p2pStreams),
})
