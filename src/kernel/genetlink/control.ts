/** The family `nlctrl`, which describes all others: Linux uapi `linux/genetlink.h`, policies of `linux/netlink.h`. */
import {DecodeError, get, mask} from '../../bits/index.js'
import {quoted} from '../../errors.js'
import {type Attribute, decodeAttributes, stringOf, u32Of} from '../netlink.js'
import type {NetlinkFamily} from '../port.js'

export const NLCTRL = {
  id: 16,
  version: 2,
  getFamily: 3,
  /** Since Linux 5.7. */
  getPolicy: 10,
  attribute: {id: 1, name: 2, version: 3, maxAttribute: 5, operations: 6, policy: 8, operationPolicy: 9},
} as const
const OPERATION_ID = 1
/** Attributes of one policy entry: enum netlink_policy_type_attr. */
const ENTRY = {type: 1, maxLength: 7} as const
/** Payload bytes of types with a fixed size: enum netlink_attribute_type. */
const FIXED: Readonly<Record<number, number>> = {
  1: 0, // flag
  2: 1, // u8 to u64
  3: 2,
  4: 4,
  5: 8,
  6: 1, // s8 to s64
  7: 2,
  8: 4,
  9: 8,
  15: 8, // bitfield32
  16: 8, // integers of either size
  17: 8,
}
/** Strings, whose limit does not count the NUL. */
const STRINGS: ReadonlySet<number> = new Set([11, 12])
/** Without the flags NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const TYPE = mask(13, 0)

const refusal = (path: string, expected: string, got: string): DecodeError =>
  new DecodeError({structure: 'nlctrl', path, offset: 0, expected, got})

const attributesOf = (bytes: Uint8Array): Attribute[] =>
  decodeAttributes(bytes).map(({type, value}) => ({type: get(TYPE, type), value}))

/** The attribute of that type; undefined when there is none. Throws DecodeError when it comes twice. */
function find(attributes: readonly Attribute[], type: number): Attribute | undefined {
  const [found, another] = attributes.filter(one => one.type === type)
  if (another !== undefined) throw refusal(`attribute ${type}`, 'once', 'twice')
  return found
}

function need(attributes: readonly Attribute[], type: number): Attribute {
  const found = find(attributes, type)
  if (found === undefined) throw refusal(`attribute ${type}`, 'to be there', 'nothing')
  return found
}

function u16Of({type, value}: Attribute): number {
  if (value.length !== 2) throw refusal(`attribute ${type}`, '2 bytes', `${value.length}`)
  return new DataView(value.buffer, value.byteOffset, 2).getUint16(0, true)
}

/** A family and its number, by which it is addressed until it is gone. */
export interface NumberedFamily extends NetlinkFamily {
  readonly id: number
}

/** Decodes one answer to CTRL_CMD_GETFAMILY. Throws DecodeError. */
export function decodeFamily(payload: Uint8Array): NumberedFamily {
  const all = attributesOf(payload)
  const {id, name, version, maxAttribute, operations} = NLCTRL.attribute
  const listed = find(all, operations)
  const limit = find(all, maxAttribute)
  return {
    id: u16Of(need(all, id)),
    name: stringOf(need(all, name)),
    version: u32Of(need(all, version)),
    maxAttribute: limit === undefined ? 0 : u32Of(limit),
    commands: new Set(
      (listed === undefined ? [] : attributesOf(listed.value)).map(({value}) =>
        u32Of(need(attributesOf(value), OPERATION_ID)),
      ),
    ),
  }
}

/** The family in the one answer to a question for `name`. Throws DecodeError for another one. */
export function decodeFamilyNamed(name: string, payloads: readonly Uint8Array[]): NumberedFamily {
  const [payload, ...more] = payloads
  if (payload === undefined || more.length > 0) throw refusal('', 'one answer', String(payloads.length))
  const family = decodeFamily(payload)
  if (family.name !== name) throw refusal('name', quoted(name), quoted(family.name))
  return family
}

/** Longest payload that a policy entry lets through; null when it states no limit. */
function limitOf(entry: readonly Attribute[]): number | null {
  const type = u32Of(need(entry, ENTRY.type))
  const fixed = FIXED[type]
  if (fixed !== undefined) return fixed
  const longest = find(entry, ENTRY.maxLength)
  if (longest === undefined) return null
  return u32Of(longest) + (STRINGS.has(type) ? 1 : 0)
}

/**
 * Decodes the answers to CTRL_CMD_GETPOLICY: longest payload by attribute type, the most generous of all operations
 * where they differ. Policies of nested attributes are left out. Throws DecodeError.
 */
export function decodePolicies(payloads: readonly Uint8Array[]): ReadonlyMap<number, number | null> {
  const policies = new Map<number, Map<number, number | null>>()
  const roots = new Set<number>()
  for (const payload of payloads)
    for (const {type, value} of attributesOf(payload)) {
      if (type === NLCTRL.attribute.operationPolicy)
        for (const operation of attributesOf(value))
          for (const index of attributesOf(operation.value)) roots.add(u32Of(index))
      if (type !== NLCTRL.attribute.policy) continue
      for (const policy of attributesOf(value)) {
        const entries = policies.get(policy.type) ?? new Map<number, number | null>()
        policies.set(policy.type, entries)
        for (const entry of attributesOf(policy.value)) entries.set(entry.type, limitOf(attributesOf(entry.value)))
      }
    }
  // kernels that do not say which operation has which policy have one, the first
  if (roots.size === 0) roots.add(0)
  const limits = new Map<number, number | null>()
  for (const root of roots)
    for (const [type, limit] of policies.get(root) ?? []) {
      const known = limits.get(type)
      limits.set(type, known === null || limit === null ? null : Math.max(known ?? 0, limit))
    }
  return limits
}
