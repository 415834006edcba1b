/** The messages of a dump: objects in fragments, and what may become of them on their way. */
import {concat} from '../bits/index.js'
import {
  type Attribute,
  DEVICE_EVIDENCE,
  encodeAttributes,
  EVIDENCE_TYPES,
  type EvidenceLabel,
  u32Attribute,
} from '../kernel/index.js'
import type {EvidenceFamily} from './evidence-families.js'
import {type Fault, flipped} from './faults.js'

/** Small enough that certificates and reports come in several messages, as they do when a socket buffer is full. */
const CHUNK = 1024
/** About what the kernel's buffer takes, for what would otherwise be thousands of messages. */
const LARGE_CHUNK = 32_000
const LARGE = 65_536

/** A type that neither family knows. */
const UNKNOWN_TYPE = EVIDENCE_TYPES.length
/** An attribute that neither family knows. */
const UNKNOWN_ATTRIBUTE = 0x3ff

export type Objects = ReadonlyMap<EvidenceLabel, Uint8Array>

export interface Sent {
  readonly type: number
  readonly value: Uint8Array
  /** Length as it is announced, where it is. */
  readonly length: number
}

/** The first message of an object says what it is; what does not fit follows in messages with bytes only. */
function* messagesOf(
  {type, value, length}: Sent,
  {attribute}: EvidenceFamily,
  generation: number,
  extra: readonly Attribute[],
): Generator<Uint8Array> {
  const head = [
    u32Attribute(attribute.type, type),
    ...(attribute.generation === undefined ? [] : [u32Attribute(attribute.generation, generation)]),
    ...(attribute.length === undefined ? [] : [u32Attribute(attribute.length, length)]),
    ...extra,
  ]
  const chunk = value.length > LARGE ? LARGE_CHUNK : CHUNK
  for (let at = 0; at === 0 || at < value.length; at += chunk)
    yield encodeAttributes([...(at === 0 ? head : []), {type: attribute.value, value: value.subarray(at, at + chunk)}])
}

/** The last byte differs at every reading; an object of no bytes has none to differ in. */
const everChanging = (value: Uint8Array, random: Random): Uint8Array =>
  value.length === 0 ? value : concat(value.subarray(0, -1), random(1))

type Random = (length: number) => Uint8Array

function altered(sent: Sent, fault: Fault, random: Random): Sent[] {
  switch (fault.do) {
    case 'flip-bit':
      return [{...sent, value: flipped(sent.value, fault.offset)}]
    case 'truncate':
      return [{...sent, value: sent.value.subarray(0, fault.offset ?? 0)}]
    case 'duplicate':
      return [sent, sent]
    case 'oversize': {
      const value = new Uint8Array(fault.offset ?? DEVICE_EVIDENCE.largestObject + 1)
      return [{...sent, value, length: value.length}]
    }
    case 'double-fetch':
      return [{...sent, value: everChanging(sent.value, random)}]
    default:
      return [sent]
  }
}

/** An object that nobody asked for: the first such type, or one that does not exist when everything was asked for. */
function unrequested(labels: ReadonlySet<EvidenceLabel>): Sent {
  const type = EVIDENCE_TYPES.findIndex(label => !labels.has(label))
  const value = Uint8Array.of(1, 2, 3, 4)
  return {type: type === -1 ? UNKNOWN_TYPE : type, value, length: value.length}
}

export interface Dump {
  readonly family: EvidenceFamily
  readonly labels: ReadonlySet<EvidenceLabel>
  readonly objects: Objects
  readonly generation: number
  readonly fault: Fault | undefined
  readonly random: Random
}

/** All messages, generic-netlink headers stripped. */
export function messages({family, labels, objects, generation, fault, random}: Dump): Uint8Array[] {
  const whole = [...EVIDENCE_TYPES.entries()]
    .filter(([, label]) => labels.has(label))
    .flatMap(([type, label]) => {
      const value = objects.get(label) ?? new Uint8Array()
      const sent = {type, value, length: value.length}
      return fault?.object === label ? altered(sent, fault, random) : [sent]
    })
  const sent = fault?.do === 'unrequested' ? [...whole, unrequested(labels)] : whole
  const extra = fault?.do === 'unknown-attribute' ? [u32Attribute(UNKNOWN_ATTRIBUTE, 1)] : []
  return sent.flatMap(one => [...messagesOf(one, family, generation, extra)])
}
