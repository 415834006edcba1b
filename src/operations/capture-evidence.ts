/**
 * The evidence in a capture of SPDM: the last negotiation that was completed, the certificate chains that went by after
 * it, and the last run of measurements that ended with a signature.
 */
import {concat, join, type Seen, toHex} from '../bits/index.js'
import type {EvidenceObject, ObjectLabel} from '../evidence/index.js'
import {TsmctlError} from '../errors.js'
import type {Capture} from '../pcap/index.js'
import {type Secrets, SPDM_ERROR_CODE, type SpdmEvent, type SpdmMessageName} from '../spdm/index.js'
import {isObserved, observe} from './spdm-conversation.js'

/** Bytes of one chain; the format of the largest has 32 bits for them. */
const MAX_CHAIN = 0x100000

const VCA: readonly SpdmMessageName[] = [
  'GET_VERSION',
  'VERSION',
  'GET_CAPABILITIES',
  'CAPABILITIES',
  'NEGOTIATE_ALGORITHMS',
  'ALGORITHMS',
]

export interface CapturedEvidence {
  readonly objects: readonly EvidenceObject[]
  /** Slot whose key signed, as the response says. */
  readonly slot: number
  /** Nonce of the signed request, hexadecimal. */
  readonly statedNonce: string
}

/** What one connection showed. */
interface Connection {
  readonly vca: Uint8Array[]
  readonly chains: Map<number, {readonly parts: Uint8Array[]; length: number; isWhole: boolean}>
  /** The run of measurements under way. */
  run: Uint8Array[]
  signed: {readonly bytes: Uint8Array; readonly slot: number; readonly nonce: Uint8Array} | undefined
}

const fresh = (): Connection => ({vca: [], chains: new Map(), run: [], signed: undefined})

/** A GET_CERTIFICATE and its CERTIFICATE. */
function notePortion({chains}: Connection, request: Seen, response: Seen): void {
  const isLarge = response.largeCertChain === true
  const offset = (isLarge ? (request.largeOffset ?? 0) : request.offset) as number
  const remainder = (isLarge ? response.largeRemainderLength : response.remainderLength) as number
  const slot = response.slotId as number
  const portion = response.certChain as Uint8Array
  if (request.slotSizeRequested === true || portion.length === 0) return
  const chain = offset === 0 ? {parts: [], length: 0, isWhole: false} : chains.get(slot)
  if (chain === undefined || chain.isWhole || chain.length !== offset || offset + portion.length > MAX_CHAIN) return
  chain.parts.push(portion)
  chain.length += portion.length
  chain.isWhole = remainder === 0
  chains.set(slot, chain)
}

function noteMeasurements(connection: Connection, request: SpdmEvent, response: SpdmEvent): void {
  connection.run.push(request.bytes, response.bytes)
  const {nonce} = request.value!
  if (request.value!.signatureRequested !== true || !(nonce instanceof Uint8Array)) return
  connection.signed = {bytes: join(connection.run), slot: response.value!.slotId as number, nonce}
  connection.run = []
}

/** Only what a message carries counts, not the messages that carry parts of it. */
const CARRIERS: ReadonlySet<string> = new Set(['CHUNK_SEND', 'CHUNK_SEND_ACK', 'CHUNK_GET', 'CHUNK_RESPONSE'])

/** The answer comes later: in portions, or when it is asked for again. */
const isLater = ({name, value}: SpdmEvent): boolean =>
  name === 'RESPOND_IF_READY' || (name === 'ERROR' && LATER.includes(value!.errorCode as number))
const LATER: readonly number[] = [SPDM_ERROR_CODE.LargeResponse, SPDM_ERROR_CODE.ResponseNotReady]

function connectionOf(events: readonly SpdmEvent[]): Connection {
  let connection = fresh()
  let asked: SpdmEvent | undefined
  for (const event of events) {
    const {name, value, direction} = event
    if (name === undefined || value === undefined || CARRIERS.has(name) || isLater(event)) continue
    if (name === 'GET_VERSION') connection = fresh()
    const {vca} = connection
    if (name === VCA[vca.length]) vca.push(event.bytes)
    if (direction === 'request') {
      asked = event
      // anything else in between starts a new transcript of measurements (DSP0274 §10.11.1, L1/L2)
      if (name !== 'GET_MEASUREMENTS') connection.run = []
      continue
    }
    if (asked?.name === 'GET_CERTIFICATE' && name === 'CERTIFICATE') notePortion(connection, asked.value!, value)
    if (asked?.name === 'GET_MEASUREMENTS' && name === 'MEASUREMENTS') noteMeasurements(connection, asked, event)
    else if (asked?.name === 'GET_MEASUREMENTS') connection.run = []
    asked = undefined
  }
  return connection
}

const incomplete = (got: string): TsmctlError =>
  new TsmctlError({
    kind: 'malformed',
    attempted: 'import the capture as evidence',
    got,
    hint: 'tsmctl decode spdm shows what the capture has. Evidence takes negotiation, certificates and signed measurements.',
  })

/**
 * The evidence of the last connection in a capture; with `secrets`, also what was said in sessions. Throws TsmctlError
 * `malformed` for a capture that lacks a part, `unsupported` for a link type without SPDM.
 */
export async function capturedEvidence(
  capture: Capture,
  source: string,
  secrets: Secrets = {},
): Promise<CapturedEvidence> {
  const {lines} = await observe(capture, secrets, {})
  // what the responder asks of the requester is not the device's evidence
  const {vca, chains, signed} = connectionOf(
    lines.flatMap(line => (isObserved(line) && line.event.form !== 'encapsulated' ? [line.event] : [])),
  )
  const whole = [...chains].filter(([, {isWhole}]) => isWhole)
  if (vca.length < VCA.length) throw incomplete('it does not hold a negotiation from GET_VERSION to ALGORITHMS')
  if (whole.length === 0) throw incomplete('it holds no whole certificate chain')
  if (signed === undefined) throw incomplete('it holds no signed measurements')
  return {
    objects: [
      ...whole.map(([slot, {parts}]): EvidenceObject => ({
        label: `cert${slot}` as ObjectLabel,
        bytes: join(parts),
        source,
      })),
      {label: 'vca', bytes: concat(...vca), source},
      {label: 'measurements', bytes: signed.bytes, source},
    ],
    slot: signed.slot,
    statedNonce: toHex(signed.nonce),
  }
}
