/**
 * The negotiation that opens a connection: GET_VERSION, VERSION, GET_CAPABILITIES, CAPABILITIES, NEGOTIATE_ALGORITHMS,
 * ALGORITHMS, back to back as they were sent ("VCA" of DSP0274). Read by structure only, never searched.
 */
import {type AnyLayout, type Context, DecodeError} from '../../bits/index.js'
import {ALGORITHMS, type Algorithms, NEGOTIATE_ALGORITHMS, type NegotiateAlgorithms} from '../messages/index.js'
import type {AsymAlgorithm, HashAlgorithm} from '../algorithms.js'
import {chosen, type Selection, selectionsOf} from './selection.js'
import {CAPABILITIES, type CapabilityFlags, GET_CAPABILITIES, GET_VERSION, VERSION} from '../messages/index.js'

const STRUCTURE = 'VCA'

export interface OfferedVersion {
  /** SPDMVersion this entry stands for. */
  readonly version: number
  readonly update: number
  readonly alpha: number
}

export interface PeerCapabilities {
  readonly flags: CapabilityFlags
  readonly ctExponent: number
  /** Bytes, since 1.2. */
  readonly dataTransferSize: number | undefined
  readonly maxSpdmMsgSize: number | undefined
}

export interface VcaMessage {
  readonly name: string
  /** Bytes from the start of the input. */
  readonly offset: number
  readonly length: number
}

export interface VcaFacts {
  /** The six messages as they were sent: what L1 and the other transcripts start with since 1.2. */
  readonly bytes: Uint8Array
  readonly messages: readonly VcaMessage[]
  /** SPDMVersion of everything after VERSION. */
  readonly version: number
  /** What the responder supports; the requester's list is not part of the protocol. */
  readonly offeredVersions: readonly OfferedVersion[]
  /** Highest SPDMVersion the responder supports. */
  readonly highestOffered: number
  /** The chosen version is one of those the responder supports. */
  readonly versionOffered: boolean
  /** Absent in 1.0, whose request has no body. */
  readonly requester: PeerCapabilities | undefined
  readonly responder: PeerCapabilities
  readonly negotiate: NegotiateAlgorithms
  readonly algorithms: Algorithms
  /** Every selection next to what was offered, and what is wrong with it. */
  readonly selections: readonly Selection[]
  /** The one selected base hash, base signature algorithm, measurement hash; undefined unless it is exactly one. */
  readonly hash: HashAlgorithm | undefined
  readonly asym: AsymAlgorithm | undefined
  readonly measurementHash: HashAlgorithm | undefined
  /** The selected AEAD cipher by name. */
  readonly aead: string | undefined
}

interface Reader {
  readonly data: DataView
  readonly messages: VcaMessage[]
  at: number
}

function take<L extends AnyLayout>(reader: Reader, layout: L, context: Context = {}): ReturnType<L['decode']> {
  const offset = reader.at
  try {
    const {value, end} = layout.read(reader.data, offset, reader.data.byteLength, context)
    reader.messages.push({name: layout.name, offset, length: end - offset})
    reader.at = end
    return value as ReturnType<L['decode']>
  } catch (error) {
    throw error instanceof DecodeError ? error.within(STRUCTURE, `messages[${reader.messages.length}]`) : error
  }
}

const refuse = (offset: number, path: string, expected: string, got: string): never => {
  throw new DecodeError({structure: STRUCTURE, path, offset, expected, got})
}

interface Stated {
  readonly ctExponent: number | undefined
  readonly dataTransferSize: number | undefined
  readonly maxSpdmMsgSize: number | undefined
}

const peer = (flags: CapabilityFlags, {ctExponent, dataTransferSize, maxSpdmMsgSize}: Stated): PeerCapabilities => ({
  flags,
  ctExponent: ctExponent ?? 0,
  dataTransferSize,
  maxSpdmMsgSize,
})

/**
 * Facts of a VCA at the start of `input`; `facts.bytes.length` says where it ends. Throws DecodeError naming the message
 * for anything that is not these six messages in this order and one version.
 */
export function parseVcaPrefix(input: Uint8Array): VcaFacts {
  const copy = new Uint8Array(input)
  const reader: Reader = {data: new DataView(copy.buffer), messages: [], at: 0}
  take(reader, GET_VERSION)
  const {versionNumberEntries} = take(reader, VERSION)
  if (versionNumberEntries.length === 0) refuse(reader.at, 'messages[1].versionNumberEntries', 'at least one', 'none')
  const getCapabilities = take(reader, GET_CAPABILITIES)
  const version = getCapabilities.spdmVersion
  const context = {version}
  const capabilities = take(reader, CAPABILITIES, context)
  const negotiate = take(reader, NEGOTIATE_ALGORITHMS, context)
  const algorithms = take(reader, ALGORITHMS, context)

  const offeredVersions = versionNumberEntries.map(entry => ({
    version: entry.majorVersion * 16 + entry.minorVersion,
    update: entry.updateVersionNumber,
    alpha: entry.alpha,
  }))
  const selections = selectionsOf(negotiate, algorithms)
  return {
    bytes: copy.subarray(0, reader.at),
    messages: reader.messages,
    version,
    offeredVersions,
    highestOffered: Math.max(...offeredVersions.map(entry => entry.version)),
    versionOffered: offeredVersions.some(entry => entry.version === version),
    requester: getCapabilities.flags && peer(getCapabilities.flags, getCapabilities),
    responder: peer(capabilities.flags, capabilities),
    negotiate,
    algorithms,
    selections,
    ...chosen(version, selections, algorithms),
  }
}

/** Facts of a VCA and nothing else. Throws DecodeError, also for trailing bytes. */
export function parseVca(input: Uint8Array): VcaFacts {
  const facts = parseVcaPrefix(input)
  const end = facts.bytes.length
  if (end !== input.length) refuse(end, '', `${end} bytes`, `${input.length - end} more`)
  return facts
}
