/**
 * A device's side of TDISP (PCIe r7.0 §11.3): every request is checked for version, code, interface, size, state and
 * arguments, in this order, and answered or refused with the error the specification names. The state machine itself is
 * the table of the TDISP room.
 */
import {DecodeError, type Encodable, equal, type Fields, type Layout, type View} from '../../bits/index.js'
import {
  BODY,
  BIND_P2P_STREAM_REQUEST,
  GET_DEVICE_INTERFACE_REPORT,
  GET_DEVICE_INTERFACE_STATE,
  GET_TDISP_CAPABILITIES,
  GET_TDISP_VERSION,
  INTERFACE_ID,
  LOCK_FLAG_KEYS,
  LOCK_FLAGS,
  LOCK_INTERFACE_REQUEST,
  type LockFlag,
  MMIO_RANGE,
  nextState,
  requestEvent,
  SET_MMIO_ATTRIBUTE_REQUEST,
  START_INTERFACE_REQUEST,
  STOP_INTERFACE_REQUEST,
  TDI_STATE,
  type TdiAddress,
  type TdiEnvironmentEvent,
  type TdiState,
  TDISP_CAPABILITIES,
  TDISP_ERROR,
  TDISP_ERROR_CODE,
  TDISP_MESSAGE_NAMES,
  TDISP_MESSAGES,
  TDISP_REQUEST,
  TDISP_VERSION_1_0,
  type TdispErrorName,
  tdispPayload,
  type TdispRequestName,
  UNBIND_P2P_STREAM_REQUEST,
  VDM_REQUEST,
} from '../../tdisp/index.js'
import type {TdiMemory} from './memory.js'
import {Tdi, type TdiSpec} from './tdi.js'

/** Whose message a VDM is. */
export interface VendorOfMessage {
  /** REGISTRY_ID: 0 PCI-SIG, 1 CXL. */
  readonly registryId: number
  readonly vendorId: Uint8Array
}

export interface TdispSpec {
  readonly tdis: readonly TdiSpec[]
  readonly lockFlags: readonly LockFlag[]
  /** Optional requests the device knows; 81h to 87h it always knows. */
  readonly optionalRequests?: readonly TdispRequestName[]
  readonly devAddrWidth?: number
  readonly numReqThis?: number
  readonly numReqAll?: number
  /** Most report bytes in one answer. */
  readonly maxPortion?: number
  /** Bytes of a CSPRNG, or undefined when there is no entropy. */
  readonly random: (length: number) => Uint8Array | undefined
  /** Whether an IDE stream is keyed and running over a session. */
  readonly isStreamRunning: (streamId: number, session: number) => boolean
  /** Answers a vendor's own message; without it, and when it returns undefined, the message is an invalid request. */
  readonly vendorMessage?: (vendorData: Uint8Array, of: VendorOfMessage) => Uint8Array | undefined
}

const NONCE_SIZE = 32
/** OFFSET and REMAINDER_LENGTH are 16-bit fields; a report has to be reachable with any portion. */
const MAX_REPORT = 0xffff
const MANDATORY = 7

/** Body of an accepted request's answer, or why it is refused. */
type Outcome = object | TdispErrorName
type Handler = (tdi: Tdi, message: Uint8Array, session: number) => Outcome

/** Decodes a request of the right size for `then`; any other is an invalid request. */
const reads =
  <T extends Fields>(layout: Layout<T>, then: (tdi: Tdi, request: View<T>, session: number) => Outcome): Handler =>
  (tdi, message, session) => {
    let request: View<T>
    try {
      request = layout.decode(message)
    } catch (error) {
      if (error instanceof DecodeError) return 'INVALID_REQUEST'
      throw error
    }
    const name = layout.name as TdispRequestName
    const {response} = nextState(tdi.state, name)
    return response === 'ok' ? then(tdi, request, session) : (response as TdispErrorName)
  }

export class TdispResponder {
  readonly #spec: TdispSpec
  readonly #tdis: readonly Tdi[]
  readonly #requests: ReadonlySet<TdispRequestName>

  /** Throws RangeError when a TDI's report is longer than 65535 bytes or its fields do not fit. */
  constructor(spec: TdispSpec, memory: readonly TdiMemory[] = []) {
    this.#spec = spec
    this.#tdis = spec.tdis.map((tdi, i) => new Tdi(tdi, memory[i]))
    for (const tdi of this.#tdis)
      if (tdi.report().length + tdi.spec.ranges.length * MMIO_RANGE.headSize > MAX_REPORT)
        throw new RangeError(`a TDI report of more than ${MAX_REPORT} bytes`)
    const all = Object.keys(TDISP_REQUEST) as TdispRequestName[]
    this.#requests = new Set([...all.slice(0, MANDATORY), ...(spec.optionalRequests ?? [])])
  }

  get memory(): readonly TdiMemory[] {
    return this.#tdis.map(tdi => tdi.memory)
  }

  /** State of a TDI, undefined when there is none at this address. */
  stateOf(address: TdiAddress): TdiState | undefined {
    return this.#find(address)?.state
  }

  /** Something happens to a TDI without its DSM being asked. */
  disturb(address: TdiAddress, event: TdiEnvironmentEvent): void {
    this.#find(address)?.happen(event)
  }

  /** TDIs that were locked over this session go to ERROR. */
  sessionEnded(session: number): void {
    for (const tdi of this.#tdis) if (tdi.lock?.session === session) tdi.happen('SPDM session ended')
  }

  /** TDIs that use this stream go to ERROR. */
  streamStopped(streamId: number): void {
    for (const tdi of this.#tdis)
      if (tdi.lock?.defaultStreamId === streamId || tdi.lock?.p2pStreams.has(streamId) === true)
        tdi.happen('IDE stream insecure')
  }

  /** Answer to a TDISP message; undefined for what is too short to be one. Never throws. */
  handle(message: Uint8Array, session: number): Uint8Array | undefined {
    if (message.length < BODY) return undefined
    const [version, code] = message as unknown as readonly [number, number]
    const id = message.subarray(4, BODY)
    const refuse = (error: TdispErrorName, errorData = 0): Uint8Array =>
      this.#answer(TDISP_ERROR as unknown as Layout<Fields>, id, {errorCode: TDISP_ERROR_CODE[error], errorData})
    if (version !== TDISP_VERSION_1_0) return refuse('VERSION_MISMATCH')
    const request = requestEvent(code)
    if (request === undefined || !this.#requests.has(request)) return refuse('UNSUPPORTED_REQUEST', code)
    const tdi = this.#find(INTERFACE_ID.decode(id))
    if (tdi === undefined) return refuse('INVALID_INTERFACE')
    const outcome = this.#handlers[request](tdi, message, session)
    if (typeof outcome === 'string') return refuse(outcome)
    const response = TDISP_MESSAGES[TDISP_MESSAGE_NAMES[code - 0x80]!]
    return this.#answer(response as Layout<Fields>, id, outcome)
  }

  /** A response echoes the INTERFACE_ID bit by bit. */
  #answer(layout: Layout<Fields>, id: Uint8Array, body: object): Uint8Array {
    const message = layout.encode({...body, tdispVersion: TDISP_VERSION_1_0} as Encodable<Fields>)
    message.set(id, 4)
    return tdispPayload(message)
  }

  #find({
    requesterId,
    requesterSegment,
    requesterSegmentValid = requesterSegment !== undefined,
  }: TdiAddress & {readonly requesterSegmentValid?: boolean}): Tdi | undefined {
    const segment = requesterSegmentValid ? requesterSegment : undefined
    return this.#tdis.find(
      ({spec: {address}}) => address.requesterId === requesterId && address.requesterSegment === segment,
    )
  }

  readonly #handlers: Readonly<Record<TdispRequestName, Handler>> = {
    GET_TDISP_VERSION: reads(GET_TDISP_VERSION, () => ({versionNumEntries: Uint8Array.of(TDISP_VERSION_1_0)})),
    GET_TDISP_CAPABILITIES: reads(GET_TDISP_CAPABILITIES, () => this.#capabilities()),
    LOCK_INTERFACE_REQUEST: reads(LOCK_INTERFACE_REQUEST, (tdi, request, session) => this.#lock(tdi, request, session)),
    GET_DEVICE_INTERFACE_REPORT: reads(GET_DEVICE_INTERFACE_REPORT, (tdi, request) => this.#report(tdi, request)),
    GET_DEVICE_INTERFACE_STATE: reads(GET_DEVICE_INTERFACE_STATE, ({state}) => ({tdiState: TDI_STATE[state]})),
    START_INTERFACE_REQUEST: reads(START_INTERFACE_REQUEST, (tdi, {startInterfaceNonce}) => {
      const isCurrent = tdi.nonce !== undefined && equal(tdi.nonce, startInterfaceNonce)
      return outcomeOf(tdi.happen(isCurrent ? 'START_INTERFACE_REQUEST' : 'START_INTERFACE_REQUEST wrong nonce'))
    }),
    STOP_INTERFACE_REQUEST: reads(STOP_INTERFACE_REQUEST, tdi => outcomeOf(tdi.happen('STOP_INTERFACE_REQUEST'))),
    BIND_P2P_STREAM_REQUEST: reads(BIND_P2P_STREAM_REQUEST, (tdi, {p2pStreamId}, session) => {
      const {flags, p2pStreams, defaultStreamId} = tdi.lock!
      const isFree = p2pStreamId !== defaultStreamId && !p2pStreams.has(p2pStreamId)
      if (!flags.has('bindP2p') || !isFree || !this.#spec.isStreamRunning(p2pStreamId, session))
        return 'INVALID_REQUEST'
      p2pStreams.add(p2pStreamId)
      return {}
    }),
    UNBIND_P2P_STREAM_REQUEST: reads(UNBIND_P2P_STREAM_REQUEST, (tdi, {p2pStreamId}) =>
      tdi.lock!.p2pStreams.delete(p2pStreamId) ? {} : 'INVALID_REQUEST',
    ),
    SET_MMIO_ATTRIBUTE_REQUEST: reads(SET_MMIO_ATTRIBUTE_REQUEST, (tdi, {mmioRange}) => setAttribute(tdi, mmioRange)),
    VDM_REQUEST: reads(VDM_REQUEST, (_tdi, {registryId, vendorId, vendorData}) => {
      const answer = this.#spec.vendorMessage?.(vendorData, {registryId, vendorId})
      return answer === undefined ? 'INVALID_REQUEST' : {registryId, vendorId, vendorData: answer}
    }),
  }

  #capabilities(): Encodable<typeof TDISP_CAPABILITIES.fields> {
    const {lockFlags, devAddrWidth = 52, numReqThis = 1, numReqAll = 1} = this.#spec
    const reqMsgsSupported = new Uint8Array(16)
    for (const name of this.#requests) {
      const n = TDISP_REQUEST[name] - 0x80
      reqMsgsSupported[Math.floor(n / 8)]! += 2 ** (n % 8)
    }
    const flags = Object.fromEntries(lockFlags.map(flag => [LOCK_FLAGS[flag], true]))
    return {...flags, reqMsgsSupported, devAddrWidth, numReqThis, numReqAll}
  }

  #lock(tdi: Tdi, request: View<typeof LOCK_INTERFACE_REQUEST.fields>, session: number): Outcome {
    const {lockFlags, random, isStreamRunning} = this.#spec
    const {defaultStreamId, mmioReportingOffset} = request
    const flags = new Set(LOCK_FLAG_KEYS.filter(flag => request[flag]))
    const isKnown = request.flagsReserved === 0 && [...flags].every(flag => lockFlags.includes(flag))
    if (!isKnown) return 'INVALID_REQUEST'
    if (!isStreamRunning(defaultStreamId, session))
      return outcomeOf(tdi.happen('LOCK_INTERFACE_REQUEST stream without keys'))
    if (tdi.spec.isConfigurationValid?.() === false)
      return outcomeOf(tdi.happen('LOCK_INTERFACE_REQUEST invalid configuration'))
    const startInterfaceNonce = random(NONCE_SIZE)
    if (startInterfaceNonce === undefined) return outcomeOf(tdi.happen('LOCK_INTERFACE_REQUEST no entropy'))
    tdi.lockWith(startInterfaceNonce, {session, flags, defaultStreamId, mmioReportingOffset})
    return {startInterfaceNonce}
  }

  #report(tdi: Tdi, {offset, length}: View<typeof GET_DEVICE_INTERFACE_REPORT.fields>): Outcome {
    const report = tdi.report()
    if (length === 0 || offset >= report.length) return 'INVALID_REQUEST'
    const most = Math.min(length, this.#spec.maxPortion ?? MAX_REPORT)
    const reportBytes = report.subarray(offset, offset + most)
    return {reportBytes, remainderLength: report.length - offset - reportBytes.length}
  }
}

/** `ok` as an empty body, a refusal as it is. */
const outcomeOf = (response: ReturnType<Tdi['happen']>): Outcome =>
  response === 'ok' || response === 'none' ? {} : response

/** Only IS_NON_TEE_MEM may change, and only of a whole range that the report marks as updatable. */
function setAttribute(tdi: Tdi, wanted: View<typeof MMIO_RANGE.fields>): Outcome {
  const index = tdi
    .reportedRanges()
    .findIndex(
      range =>
        range.firstPage === wanted.firstPage &&
        range.pages === wanted.pages &&
        range.rangeId === wanted.rangeId &&
        (range.msixTable ?? false) === wanted.msixTable &&
        (range.msixPba ?? false) === wanted.msixPba &&
        range.isMemAttrUpdatable === true &&
        wanted.isMemAttrUpdatable,
    )
  if (index < 0) return 'INVALID_REQUEST'
  const {ranges} = tdi.lock!
  ranges[index] = {...ranges[index]!, isNonTeeMem: wanted.isNonTeeMem}
  return {}
}
