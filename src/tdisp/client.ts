/**
 * The TSM's side of TDISP for one TDI (PCIe r7.0 §11.3, §11.4). The usual life: version, capabilities, state, lock,
 * report, appraisal of the report, start; after any failure behind lock: stop.
 */
import {type Encodable, get, mask, type View} from '../bits/index.js'
import {TsmctlError} from '../errors.js'
import {attemptOf, broken, exchange, type SendPayload, TDISP_VERSION_1_0, type TdiAddress} from './exchange.js'
import * as messages from './messages.js'
import {TDI_STATE_NAMES, TDISP_REQUEST, type TdispRequestName, type TdiState} from './names.js'
import type {InterfaceReport, MMIO_RANGE} from './report.js'
import {readReport} from './report-portions.js'

export type TdispCapabilities = View<typeof messages.TDISP_CAPABILITIES.fields>

/** Flag of LOCK_INTERFACE_REQUEST, and the capability that allows it. */
export const LOCK_FLAGS = {
  noFwUpdate: 'lockNoFwUpdate',
  systemCacheLineSize: 'lockSystemCacheLineSize',
  lockMsix: 'lockMsix',
  bindP2p: 'lockBindP2p',
  allRequestRedirect: 'lockAllRequestRedirect',
} as const satisfies Partial<
  Record<keyof Encodable<typeof messages.LOCK_INTERFACE_REQUEST.fields>, keyof TdispCapabilities>
>

export type LockFlag = keyof typeof LOCK_FLAGS
export const LOCK_FLAG_KEYS = Object.keys(LOCK_FLAGS) as readonly LockFlag[]

export interface LockWish {
  readonly flags?: readonly LockFlag[]
  /** Stream ID of the IDE stream that is keyed and running over this SPDM session. */
  readonly defaultStreamId: number
  /** Signed, in bytes; added to every address of the report. 0 unless given. */
  readonly mmioReportingOffset?: bigint
  readonly bindP2pAddressMask?: bigint
}

export interface TdiReport {
  readonly bytes: Uint8Array
  readonly report: InterfaceReport
}

export interface TdispVendorMessage {
  /** REGISTRY_ID: 0 PCI-SIG, 1 CXL. */
  readonly registryId: number
  readonly vendorId: Uint8Array
  readonly vendorData: Uint8Array
}

/** Requests every device supports: 81h to 87h. */
const MANDATORY: readonly TdispRequestName[] = [
  'GET_TDISP_VERSION',
  'GET_TDISP_CAPABILITIES',
  'LOCK_INTERFACE_REQUEST',
  'GET_DEVICE_INTERFACE_REPORT',
  'GET_DEVICE_INTERFACE_STATE',
  'START_INTERFACE_REQUEST',
  'STOP_INTERFACE_REQUEST',
]

/** Whether REQ_MSGS_SUPPORTED names a request: bit n is request 80h + n. */
function isRequestSupported(reqMsgsSupported: Uint8Array, request: TdispRequestName): boolean {
  const n = TDISP_REQUEST[request] - 0x80
  return get(mask(n % 8, n % 8), reqMsgsSupported[Math.floor(n / 8)] ?? 0) === 1
}

export interface TdispClientOptions {
  readonly send: SendPayload
  readonly tdi: TdiAddress
  /** LENGTH asked for in each GET_DEVICE_INTERFACE_REPORT, 1 to 65535 bytes. */
  readonly reportPortion?: number
}

/** Fits, with all headers, into the smallest buffer that is common for SPDM over DOE. */
const USUAL_PORTION = 4096

/** All methods throw TsmctlError as `exchange` does. */
export class TdispClient {
  readonly #peer: {readonly send: SendPayload; readonly tdi: TdiAddress}
  readonly #portion: number
  #capabilities: TdispCapabilities | undefined

  constructor({send, tdi, reportPortion = USUAL_PORTION}: TdispClientOptions) {
    this.#peer = {send, tdi}
    this.#portion = reportPortion
  }

  /** The versions the device lists. Throws `unsupported` unless 1.0 is one of them. */
  async version(): Promise<readonly number[]> {
    const {versionNumEntries} = await exchange(this.#peer, messages.GET_TDISP_VERSION, messages.TDISP_VERSION)
    const attempt = attemptOf('GET_TDISP_VERSION', this.#peer.tdi)
    if (versionNumEntries.length === 0) throw broken(attempt, 'an empty list of versions')
    const versions = [...versionNumEntries]
    if (!versions.includes(TDISP_VERSION_1_0))
      throw new TsmctlError({
        kind: 'unsupported',
        ...attempt,
        attempted: 'agree on a TDISP version',
        got: `the device lists ${versions.map(version => `${get(mask(7, 4), version)}.${get(mask(3, 0), version)}`).join(', ')}, we speak 1.0`,
        hint: 'TDISP 1.0 is the version of PCIe; update the firmware of the device',
      })
    return versions
  }

  /** What the device supports for this TDI; remembered for the checks of later requests. */
  async capabilities(): Promise<TdispCapabilities> {
    const answer = await exchange(this.#peer, messages.GET_TDISP_CAPABILITIES, messages.TDISP_CAPABILITIES, {
      tsmCaps: 0,
    })
    const missing = MANDATORY.filter(name => !isRequestSupported(answer.reqMsgsSupported, name))
    if (missing.length > 0)
      throw broken(
        attemptOf('GET_TDISP_CAPABILITIES', this.#peer.tdi),
        `REQ_MSGS_SUPPORTED without the mandatory ${missing.join(', ')}`,
      )
    return (this.#capabilities = answer)
  }

  async state(): Promise<TdiState> {
    const {tdiState} = await exchange(this.#peer, messages.GET_DEVICE_INTERFACE_STATE, messages.DEVICE_INTERFACE_STATE)
    const name = TDI_STATE_NAMES[tdiState]
    if (name === undefined)
      throw broken(attemptOf('GET_DEVICE_INTERFACE_STATE', this.#peer.tdi), `undefined TDI_STATE ${tdiState}`)
    return name
  }

  /**
   * CONFIG_UNLOCKED to CONFIG_LOCKED. Returns START_INTERFACE_NONCE, which start needs. Throws `unsupported` before
   * anything is sent when the device does not support a flag.
   */
  async lock({
    flags = [],
    defaultStreamId,
    mmioReportingOffset = 0n,
    bindP2pAddressMask,
  }: LockWish): Promise<Uint8Array> {
    const capabilities = this.#capabilities ?? (await this.capabilities())
    const refused = flags.filter(flag => !capabilities[LOCK_FLAGS[flag]])
    if (refused.length > 0)
      throw this.#unsupported(
        'LOCK_INTERFACE_REQUEST',
        `LOCK_INTERFACE_FLAGS_SUPPORTED lacks ${refused.join(', ')}`,
        'lock without these flags if the policy allows it',
      )
    const {startInterfaceNonce} = await exchange(
      this.#peer,
      messages.LOCK_INTERFACE_REQUEST,
      messages.LOCK_INTERFACE_RESPONSE,
      {
        ...Object.fromEntries(flags.map(flag => [flag, true])),
        defaultStreamId,
        mmioReportingOffset: BigInt.asUintN(64, mmioReportingOffset),
        bindP2pAddressMask,
      },
    )
    return startInterfaceNonce
  }

  /** The whole report, in as many portions as the device makes of it. */
  report(): Promise<TdiReport> {
    return readReport(this.#peer, this.#portion)
  }

  /** CONFIG_LOCKED to RUN, with the nonce of this lock. */
  async start(startInterfaceNonce: Uint8Array): Promise<void> {
    await exchange(this.#peer, messages.START_INTERFACE_REQUEST, messages.START_INTERFACE_RESPONSE, {
      startInterfaceNonce,
    })
  }

  /** Any state to CONFIG_UNLOCKED. */
  async stop(): Promise<void> {
    await exchange(this.#peer, messages.STOP_INTERFACE_REQUEST, messages.STOP_INTERFACE_RESPONSE)
  }

  async bindP2pStream(p2pStreamId: number): Promise<void> {
    await this.#optional('BIND_P2P_STREAM_REQUEST')
    await exchange(this.#peer, messages.BIND_P2P_STREAM_REQUEST, messages.BIND_P2P_STREAM_RESPONSE, {p2pStreamId})
  }

  async unbindP2pStream(p2pStreamId: number): Promise<void> {
    await this.#optional('UNBIND_P2P_STREAM_REQUEST')
    await exchange(this.#peer, messages.UNBIND_P2P_STREAM_REQUEST, messages.UNBIND_P2P_STREAM_RESPONSE, {p2pStreamId})
  }

  /** Opens a range of the report to everybody (`isNonTeeMem`), or closes it again. */
  async setMmioAttribute(range: Encodable<typeof MMIO_RANGE.fields>, isNonTeeMem: boolean): Promise<void> {
    await this.#optional('SET_MMIO_ATTRIBUTE_REQUEST')
    if (range.isMemAttrUpdatable !== true)
      throw this.#unsupported(
        'SET_MMIO_ATTRIBUTE_REQUEST',
        'the report does not mark the range as updatable',
        'only ranges with IS_MEM_ATTR_UPDATABLE can change',
      )
    await exchange(this.#peer, messages.SET_MMIO_ATTRIBUTE_REQUEST, messages.SET_MMIO_ATTRIBUTE_RESPONSE, {
      mmioRange: {...fieldsOf(range), isNonTeeMem},
    })
  }

  /** A vendor's own message; the answer must be of the same registry and vendor. Its data is not looked at. */
  async vendorMessage({registryId, vendorId, vendorData}: TdispVendorMessage): Promise<Uint8Array> {
    await this.#optional('VDM_REQUEST')
    const answer = await exchange(this.#peer, messages.VDM_REQUEST, messages.VDM_RESPONSE, {
      registryId,
      vendorId,
      vendorData,
    })
    const same = answer.registryId === registryId && Buffer.compare(answer.vendorId, vendorId) === 0
    if (!same) throw broken(attemptOf('VDM_REQUEST', this.#peer.tdi), 'a message of another vendor')
    return answer.vendorData
  }

  async #optional(request: TdispRequestName): Promise<void> {
    const {reqMsgsSupported} = this.#capabilities ?? (await this.capabilities())
    if (!isRequestSupported(reqMsgsSupported, request))
      throw this.#unsupported(request, `REQ_MSGS_SUPPORTED lacks ${request}`, 'the device does not offer this')
  }

  #unsupported(request: TdispRequestName, got: string, hint: string): TsmctlError {
    return new TsmctlError({kind: 'unsupported', ...attemptOf(request, this.#peer.tdi), got, hint})
  }
}

/** Own fields of a range that may be a decoded view. */
const fieldsOf = ({
  firstPage,
  pages,
  msixTable,
  msixPba,
  isMemAttrUpdatable,
  rangeId,
}: Encodable<typeof MMIO_RANGE.fields>) => ({
  firstPage,
  pages,
  msixTable,
  msixPba,
  isMemAttrUpdatable,
  rangeId,
})
