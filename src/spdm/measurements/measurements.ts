/**
 * A measurement transcript: GET_MEASUREMENTS and MEASUREMENTS back to back as they were sent, the last response signed,
 * optionally with the negotiation in front. Every message is found by the length of the one before it; nothing is
 * searched for, so that no value of a device or a requester can pose as a message.
 */
import {concat, DecodeError} from '../../bits/index.js'
import type {AsymAlgorithm, HashAlgorithm} from '../algorithms.js'
import {SPDM_CODE} from '../messages/index.js'
import {exchangeProblems, type MeasurementProblem, seriesProblems} from './measurement-rules.js'
import {blockFacts, type BlockFacts} from './measurement-block.js'
import {GET_MEASUREMENTS, MEASUREMENTS} from '../messages/index.js'
import {parseVcaPrefix, type VcaFacts} from '../negotiation/index.js'

const STRUCTURE = 'Measurement transcript'

export interface MeasurementRequestFacts {
  readonly offset: number
  readonly length: number
  /** 0 asks for the number of blocks, 1 to 0xFE for one, 0xFF for all. */
  readonly operation: number
  readonly signatureRequested: boolean
  readonly rawBitStreamRequested: boolean
  readonly newMeasurementRequested: boolean
  /** Present in a signed request. */
  readonly nonce: Uint8Array | undefined
  /** Present in a signed request since 1.1. */
  readonly slot: number | undefined
  /** Since 1.3. */
  readonly requesterContext: Uint8Array | undefined
}

export type ContentChanged = 'not detected' | 'changed' | 'unchanged' | 'reserved'

export interface MeasurementResponseFacts {
  readonly offset: number
  /** Bytes including the signature. */
  readonly length: number
  /** Answer to operation 0; reserved otherwise. */
  readonly totalNumberOfMeasurements: number
  readonly slot: number
  readonly contentChanged: ContentChanged
  readonly blocks: readonly BlockFacts[]
  readonly nonce: Uint8Array
  readonly opaqueData: Uint8Array
  readonly requesterContext: Uint8Array | undefined
}

export interface MeasurementExchange {
  readonly request: MeasurementRequestFacts
  readonly response: MeasurementResponseFacts
}

export interface MeasurementFacts {
  /** The input, copied: offsets of all facts refer to it. */
  readonly bytes: Uint8Array
  /** SPDMVersion of every message of the series. */
  readonly version: number
  /** The negotiation in front of the series, if it was there. */
  readonly embeddedVca: VcaFacts | undefined
  readonly exchanges: readonly MeasurementExchange[]
  /** The last exchange if its response is signed; its nonces, slot and opaque data are what the signature vouches for. */
  readonly signed: MeasurementExchange | undefined
  readonly signature: Uint8Array | undefined
  /** L1/L2, what the signature covers; undefined without signature, and since 1.2 if no VCA is known. */
  readonly transcript: Uint8Array | undefined
  /** The signature covers the negotiation. */
  readonly coversVca: boolean
  /** Blocks of all responses in order. */
  readonly blocks: readonly BlockFacts[]
  /** Every measurement was asked for: all at once, or all indices in ascending order after asking for their number. */
  readonly complete: boolean
  /** Bytes behind the last message. A sound transcript has none. */
  readonly trailing: {readonly offset: number; readonly length: number} | undefined
  /** Rules of DSP0274 that the messages break although they are well formed. */
  readonly problems: readonly MeasurementProblem[]
}

/** What the bytes do not say themselves. */
export interface MeasurementParameters {
  readonly asym: Pick<AsymAlgorithm, 'signatureSize'>
  readonly measurementHash?: Pick<HashAlgorithm, 'size'> | undefined
  /** The negotiation, when it is kept apart from the transcript. Its version must be that of the series. */
  readonly vca?: VcaFacts | undefined
}

const CONTENT_CHANGED: readonly ContentChanged[] = ['not detected', 'changed', 'unchanged', 'reserved']

type Request = ReturnType<typeof GET_MEASUREMENTS.decode>
type Response = ReturnType<typeof MEASUREMENTS.decode>

const requestFacts = (value: Request, offset: number, length: number): MeasurementRequestFacts => ({
  offset,
  length,
  operation: value.measurementOperation,
  signatureRequested: value.signatureRequested,
  rawBitStreamRequested: value.rawBitStreamRequested,
  newMeasurementRequested: value.newMeasurementRequested,
  nonce: value.nonce,
  slot: value.slotIdParam,
  requesterContext: value.requesterContext,
})

function responseFacts(
  value: Response,
  offset: number,
  length: number,
  digestSize: number | undefined,
): MeasurementResponseFacts {
  const blocks: BlockFacts[] = []
  let at = offset + MEASUREMENTS.headSize
  for (const block of value.measurementRecord) {
    const facts = blockFacts(block, at, digestSize)
    blocks.push(facts)
    at += facts.length
  }
  return {
    offset,
    length,
    totalNumberOfMeasurements: value.totalNumberOfMeasurements,
    slot: value.slotId,
    contentChanged: CONTENT_CHANGED[value.contentChanged]!,
    blocks,
    nonce: value.nonce,
    opaqueData: value.opaqueData,
    requesterContext: value.requesterContext,
  }
}

interface Series {
  readonly exchanges: MeasurementExchange[]
  readonly version: number
  readonly signature: Uint8Array | undefined
  readonly end: number
}

/** Reads exchanges from byte `start` until one is signed or the input ends. */
function readSeries(
  bytes: Uint8Array,
  start: number,
  agreed: number | undefined,
  {asym, measurementHash}: MeasurementParameters,
): Series {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const exchanges: MeasurementExchange[] = []
  let at = start
  let version = agreed
  let signature: Uint8Array | undefined
  const here = <T>(part: string, read: () => T): T => {
    try {
      return read()
    } catch (error) {
      throw error instanceof DecodeError ? error.within(STRUCTURE, `exchanges[${exchanges.length}].${part}`) : error
    }
  }
  do {
    const context = version === undefined ? {} : {version}
    const request = here('request', () => GET_MEASUREMENTS.read(data, at, bytes.length, context))
    version = request.value.spdmVersion
    const {signatureRequested} = request.value
    const response = here('response', () =>
      MEASUREMENTS.read(data, request.end, bytes.length, {
        version: request.value.spdmVersion,
        signatureSize: signatureRequested ? asym.signatureSize : 0,
      }),
    )
    exchanges.push({
      request: requestFacts(request.value, at, request.end - at),
      response: responseFacts(response.value, request.end, response.end - request.end, measurementHash?.size),
    })
    if (signatureRequested) signature = response.value.signature
    at = response.end
  } while (signature === undefined && at < bytes.length)
  return {exchanges, version, signature, end: at}
}

const startsWithVca = (bytes: Uint8Array): boolean => bytes[1] === SPDM_CODE.GET_VERSION

/** Everything was asked for at once at the end, or one by one in order after asking how many there are. */
function isComplete(exchanges: readonly MeasurementExchange[]): boolean {
  const operations = exchanges.map(({request}) => request.operation)
  if (operations.at(-1) === 0xff) return true
  const [first, ...rest] = exchanges
  if (first === undefined || first.request.operation !== 0) return false
  const indices = rest.map(({request}) => request.operation)
  return (
    indices.length === first.response.totalNumberOfMeasurements &&
    indices.length > 0 &&
    indices.every((index, i) => index > (indices[i - 1] ?? 0))
  )
}

/**
 * Facts of a transcript. Throws DecodeError for bytes that are not a series of exchanges of one version; bytes behind
 * the signed response are reported in `trailing`, since some sources pad.
 */
export function parseMeasurements(input: Uint8Array, parameters: MeasurementParameters): MeasurementFacts {
  const bytes = new Uint8Array(input)
  const embeddedVca = startsWithVca(bytes) ? parseVcaPrefix(bytes) : undefined
  const start = embeddedVca?.bytes.length ?? 0
  const vca = embeddedVca ?? parameters.vca
  const {exchanges, version, signature, end} = readSeries(bytes, start, vca?.version, parameters)
  const coversVca = version >= 0x12
  const series = bytes.subarray(start, end - (signature?.length ?? 0))
  const transcript =
    signature === undefined || (coversVca && vca === undefined)
      ? undefined
      : coversVca
        ? concat(vca!.bytes, series)
        : series
  return {
    bytes,
    version,
    embeddedVca,
    exchanges,
    signed: signature === undefined ? undefined : exchanges.at(-1),
    signature,
    transcript,
    coversVca: coversVca && transcript !== undefined,
    blocks: exchanges.flatMap(({response}) => response.blocks),
    complete: isComplete(exchanges),
    trailing: end < bytes.length ? {offset: end, length: bytes.length - end} : undefined,
    problems: [
      ...exchanges.flatMap((exchange, i) => exchangeProblems(exchange, i, version)),
      ...seriesProblems(exchanges),
    ],
  }
}
