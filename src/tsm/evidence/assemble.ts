/**
 * Objects from the messages of a dump. Both families cut objects into messages: the first carries the type, the others
 * only value bytes. `device-evidence` also announces generation and length, so that a missing piece shows by itself; in
 * `pci-tsm` only the TSM's digest tells that an object lacks its end.
 */
import {concat, DecodeError, get, mask, toHex} from '../../bits/index.js'
import {decodeAttributes, EVIDENCE_TYPES, type EvidenceLabel, u32Of, type Attribute} from '../../kernel/index.js'

/** Bytes: the kernel's own ceiling. */
export const LARGEST_OBJECT = 16 * 1024 * 1024

/** Reply attribute types of a family. */
export interface ReplyAttributes {
  readonly type: number
  readonly value: number
  /** Present where every object begins with its generation and length. */
  readonly announced?: {readonly generation: number; readonly length: number; readonly count: number}
}

export interface Assembled {
  /** Empty objects are absent. */
  readonly objects: ReadonlyMap<EvidenceLabel, Uint8Array>
  /** Distinct generations in the order they came; empty where the family has none. */
  readonly generations: readonly number[]
  /** The highest count of refreshes that was given. */
  readonly count: bigint | null
  /**
   * Attribute types that the family does not define, flag bits included: an attribute of another form (NLA_F_NESTED,
   * NLA_F_NET_BYTEORDER) is not the one we know. Netlink marks nothing as optional, so each of them matters.
   */
  readonly unknownAttributes: readonly number[]
}

interface Growing {
  readonly label: EvidenceLabel
  readonly parts: Uint8Array[]
  size: number
  generation: number | undefined
  length: number | undefined
  count: bigint | undefined
}

const U64_BYTES = 8

/** Puts the messages of a dump together. Throws DecodeError for anything but whole, distinct, requested objects. */
export function assemble(messages: readonly Uint8Array[], requested: number, family: ReplyAttributes): Assembled {
  const {announced} = family
  const done = new Map<EvidenceLabel, Uint8Array>()
  const generations = new Set<number>()
  const unknownAttributes = new Set<number>()
  let count: bigint | null = null
  let current: Growing | undefined
  let place = ''

  const malformed = (expected: string, got: string): DecodeError =>
    new DecodeError({structure: 'evidence dump', path: place, offset: 0, expected, got})

  function begin(type: number): Growing {
    finish()
    const label = EVIDENCE_TYPES[type]
    if (label === undefined) throw malformed(`an object type of 0 to ${EVIDENCE_TYPES.length - 1}`, String(type))
    if (get(mask(type, type), requested) !== 1) throw malformed('a requested object', label)
    if (done.has(label)) throw malformed('each object once', `${label} twice`)
    return {label, parts: [], size: 0, generation: undefined, length: undefined, count: undefined}
  }

  function finish(): void {
    if (current === undefined) return
    const {label, parts, size, generation, length} = current
    if (announced !== undefined) {
      if (generation === undefined) throw malformed(`a generation of ${label}`, 'none')
      if (length !== size) throw malformed(`${length ?? 'an announced number of'} bytes of ${label}`, String(size))
      generations.add(generation)
    }
    if (current.count !== undefined && (count === null || current.count > count)) count = current.count
    // a copy of its own: whoever filled the messages cannot change what is appraised
    done.set(label, concat(...parts))
  }

  /** The object that the attribute called `what` belongs to. */
  function holder(what: string): Growing {
    if (current === undefined) throw malformed(`an object type before ${what}`, what)
    return current
  }

  /** The same for what is said once, before the first value byte. */
  function heading(what: string, given: (object: Growing) => unknown): Growing {
    const object = holder(what)
    if (given(object) !== undefined || object.parts.length > 0) throw malformed(`${what} once, before the bytes`, what)
    return object
  }

  function append(object: Growing, bytes: Uint8Array): void {
    if (announced !== undefined && object.length === undefined)
      throw malformed(`the length of ${object.label} before its bytes`, 'value bytes')
    object.size += bytes.length
    const limit = object.length ?? LARGEST_OBJECT
    if (object.size > limit) throw malformed(`at most ${limit} bytes of ${object.label}`, `${object.size} or more`)
    object.parts.push(bytes)
  }

  function lengthOf(item: Attribute): number {
    const length = u32Of(item)
    if (length > LARGEST_OBJECT) throw malformed(`a length of at most ${LARGEST_OBJECT}`, String(length))
    return length
  }

  function take(item: Attribute): void {
    switch (item.type) {
      case family.type:
        current = begin(u32Of(item))
        return
      case family.value:
        return append(holder('value bytes'), item.value)
      case announced?.generation:
        heading('a generation', ({generation}) => generation).generation = u32Of(item)
        return
      case announced?.length:
        heading('a length', ({length}) => length).length = lengthOf(item)
        return
      case announced?.count:
        heading('a count', object => object.count).count = u64Of(item, malformed)
        return
      default:
        unknownAttributes.add(item.type)
    }
  }

  for (const [index, message] of messages.entries()) {
    place = `message[${index}]`
    for (const item of decodeAttributes(message)) take(item)
  }
  finish()
  const objects = new Map([...done].filter(([, bytes]) => bytes.length > 0))
  return {objects, generations: [...generations], count, unknownAttributes: [...unknownAttributes]}
}

/** Little-endian, as netlink has it on every machine this runs on. */
function u64Of({value}: Attribute, malformed: (expected: string, got: string) => DecodeError): bigint {
  if (value.length !== U64_BYTES) throw malformed(`a count of ${U64_BYTES} bytes`, `${value.length}`)
  return BigInt(`0x${toHex(value.toReversed())}`)
}
