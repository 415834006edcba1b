/** The writing side of the IDE registers: what a driver programs, what a simulated device presents. */
import {concat, type Encodable, type View} from '../bits/index.js'
import {type ADDRESS_ASSOCIATION, IDE_CAPABILITY, LINK_STREAM, SELECTIVE_STREAM} from './registers.js'

export type EncodableAssociation = Omit<View<typeof ADDRESS_ASSOCIATION.fields>, 'reserved'>

const MIB = 1n << 20n
const UPPER_UNIT = 1n << 32n

/**
 * Valid address association block for `base` to `limit`, both inclusive. Throws RangeError unless the range starts at
 * a MiB and ends at the last byte of one.
 */
export function addressAssociation(base: bigint, limit: bigint): EncodableAssociation {
  if (base % MIB !== 0n || (limit + 1n) % MIB !== 0n || limit < base)
    throw new RangeError(`address association ${base.toString(16)}-${limit.toString(16)} is not whole MiB`)
  const lower = (address: bigint): number => Number((address % UPPER_UNIT) / MIB)
  return {
    valid: true,
    baseLower: lower(base),
    limitLower: lower(limit),
    baseUpper: Number(base / UPPER_UNIT),
    limitUpper: Number(limit / UPPER_UNIT),
  }
}

export interface EncodableIde {
  readonly capability: Encodable<typeof IDE_CAPABILITY.fields>
  /** Present means Link IDE supported, one block per traffic class. */
  readonly link?: readonly Encodable<typeof LINK_STREAM.fields>[]
  /** Present means Selective IDE supported. */
  readonly selective?: readonly Encodable<typeof SELECTIVE_STREAM.fields>[]
}

/** Bytes of a whole IDE capability; support flags and counts follow from the blocks. */
export function encodeIde({capability, link = [], selective = []}: EncodableIde): Uint8Array {
  return concat(
    IDE_CAPABILITY.encode({
      ...capability,
      linkSupported: link.length > 0,
      lastLinkTc: capability.lastLinkTc ?? Math.max(0, link.length - 1),
      selectiveSupported: selective.length > 0,
      lastSelective: capability.lastSelective ?? Math.max(0, selective.length - 1),
    }),
    ...link.map(block => LINK_STREAM.encode(block)),
    ...selective.map(block => SELECTIVE_STREAM.encode(block)),
  )
}
