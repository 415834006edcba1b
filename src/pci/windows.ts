/** What a bridge forwards downstream, from its header: PCIe r6.2 §7.5.1.3. Windows are whole MiB. */
import type {View} from '../bits/index.js'
import type {TYPE1_HEADER} from './headers.js'

export interface Window {
  readonly base: bigint
  /** Inclusive. */
  readonly limit: bigint
}

const MIB = 1n << 20n
const UPPER_UNIT = 1n << 32n
const WIDE = 1

/** A window whose limit lies below its base forwards nothing. */
const windowOf = (base: bigint, limit: bigint): Window | undefined =>
  limit < base ? undefined : {base, limit: limit + MIB - 1n}

/** Memory windows of a bridge; undefined for one that is closed. */
export function memoryWindows(fields: View<typeof TYPE1_HEADER.fields>): {
  readonly memory: Window | undefined
  readonly prefetchable: Window | undefined
} {
  const upper = (word: number): bigint => (fields.prefetchableType === WIDE ? BigInt(word) * UPPER_UNIT : 0n)
  return {
    memory: windowOf(BigInt(fields.memoryBase) * MIB, BigInt(fields.memoryLimit) * MIB),
    prefetchable: windowOf(
      BigInt(fields.prefetchableBase) * MIB + upper(fields.prefetchableBaseUpper),
      BigInt(fields.prefetchableLimit) * MIB + upper(fields.prefetchableLimitUpper),
    ),
  }
}
