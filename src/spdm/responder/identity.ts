/** GET_DIGESTS and GET_CERTIFICATE as a responder answers them (DSP0274 1.3 §10.6, §10.7). */
import {certificateInfoOf} from '../certificates/index.js'
import {digestOf} from '../crypto/index.js'
import {maskOf} from '../algorithms.js'
import {CERTIFICATE, DIGESTS, GET_CERTIFICATE, GET_DIGESTS, KEY_USAGE} from '../messages/index.js'
import type {ResponderSlot} from './options.js'
import {read} from './read.js'
import {refuse, require} from './refusal.js'
import {type Call, contextFor, type Handler, negotiatedOf, scopeOf} from './state.js'
import {responseLimit} from './transfer-sizes.js'

/** Mask of provisioned slots. */
export const slotMask = (slots: Iterable<number>): number =>
  maskOf(...[...slots].map(bit => ({bit, name: `slot ${bit}`})))

const bitNamed = (bit: number): {readonly bit: number; readonly name: string} => ({bit, name: `bit ${bit}`})

/** What a key is for unless its slot says otherwise: everything the specification names. */
const ANY_USE = maskOf(
  ...[KEY_USAGE.keyExchange, KEY_USAGE.challenge, KEY_USAGE.measurement, KEY_USAGE.endpointInfo].map(bitNamed),
)

export const keyUsageOf = ({keyUsage}: ResponderSlot): number => keyUsage ?? ANY_USE

/** The slot called `slot`. Throws Refusal when it is not provisioned. */
export function slotOf({options}: Pick<Call, 'options'>, slot: number): ResponderSlot {
  return options.slots.find(one => one.slot === slot) ?? refuse('InvalidRequest')
}

const modelOf = ({model}: ResponderSlot): number => certificateInfoOf(model ?? 'device')

export const getDigests: Handler = call => {
  const {connection, transcripts, chains} = negotiatedOf(call)
  const {version, multiKey} = connection
  const {bytes} = read(call, GET_DIGESTS, {version})
  const mask = slotMask(chains.keys())
  const slots = [...chains.keys()].map(slot => slotOf(call, slot))
  const response = DIGESTS.encode(
    {
      spdmVersion: version,
      supportedSlotMask: version >= 0x13 ? (call.options.supportedSlots ?? mask) : 0,
      provisionedSlotMask: mask,
      digests: [...chains.values()].map(chain => ({digest: digestOf(connection.hash!, chain)})),
      ...(multiKey && {
        keyPairIds: Uint8Array.from(slots, ({keyPairId}) => keyPairId ?? 1),
        certificateInfo: Uint8Array.from(slots, modelOf),
        keyUsageMasks: slots.map(slot => ({mask: keyUsageOf(slot)})),
      }),
    },
    contextFor(call),
  )
  const scope = scopeOf(call)
  transcripts.identity(bytes, response, scope)
  if (scope === 'clear') transcripts.digests(response)
  return response
}

/** Largest value of PortionLength and RemainderLength of the 16-bit form. */
const SHORT = 0xffff
const SHORT_HEADER = 8
const LARGE_HEADER = 16

interface Wanted {
  readonly isLarge: boolean
  readonly offset: number
  readonly length: number
}

/** The portion of `chain` that goes into one response. Throws Refusal when there is nothing to send. */
function portionOf(call: Call, chain: Uint8Array, {isLarge, offset, length}: Wanted): Uint8Array {
  require(length > 0 && offset < chain.length)
  if (!isLarge && chain.length > SHORT) {
    const size = new Uint8Array(4)
    new DataView(size.buffer).setUint32(0, chain.length, true)
    if (call.state.version >= 0x14) refuse('DataTooLarge', {extended: size})
    refuse('Unspecified')
  }
  const room = responseLimit(call) - (isLarge ? LARGE_HEADER : SHORT_HEADER)
  return chain.subarray(offset, offset + Math.min(length, room))
}

export const getCertificate: Handler = call => {
  const {connection, transcripts, chains} = negotiatedOf(call)
  const {version, multiKey} = connection
  const {value: request, bytes} = read(call, GET_CERTIFICATE, {version})
  const isLarge = version >= 0x14 && request.largeCertChain
  const slot = slotOf(call, request.slotId)
  const chain = chains.get(request.slotId)!
  const sizeOnly = version >= 0x13 && request.slotSizeRequested
  const offset = isLarge ? request.largeOffset! : request.offset
  const portion = sizeOnly
    ? new Uint8Array()
    : portionOf(call, chain, {isLarge, offset, length: isLarge ? request.largeLength! : request.length})
  const remainder = sizeOnly ? (slot.capacity ?? chain.length) : chain.length - offset - portion.length
  const response = CERTIFICATE.encode({
    spdmVersion: version,
    slotId: request.slotId,
    largeCertChain: isLarge,
    certificateInfo: multiKey ? modelOf(slot) : 0,
    ...(isLarge
      ? {largePortionLength: portion.length, largeRemainderLength: remainder}
      : {portionLength: portion.length, remainderLength: Math.min(remainder, SHORT)}),
    certChain: portion,
  })
  transcripts.identity(bytes, response, scopeOf(call))
  return response
}
