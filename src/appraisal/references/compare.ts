/** Compares a measured block with its references: which of them apply, and which one approves it. */
import {toHex} from '../../bits/index.js'
import type {BlockFacts} from '../../spdm/index.js'
import type {Reference} from './types.js'

/** Facts from signed opaque data, `opaque.nvdec0`. */
export type SignedFacts = ReadonlyMap<string, string | number | boolean>

export interface Comparison {
  readonly status: 'approved' | 'not approved' | 'no reference' | 'informational' | 'not evaluated'
  /** References that apply: their conditions hold. */
  readonly applying: readonly Reference[]
  /** The one that approves the block, or that says it is not compared. */
  readonly by: Reference | undefined
  /** Fact that a condition asks about and nobody knows. */
  readonly unknownFact: string | undefined
}

const bitString = (hex: string): bigint => BigInt(`0x0${hex}`)

/** Does `value` equal `wanted` (hexadecimal) wherever `mask` has a 1? */
function equalUnder(value: Uint8Array, wanted: string, mask: string | undefined): boolean {
  if (wanted.length !== value.length * 2) return false
  const [a, b] = [bitString(toHex(value)), bitString(wanted)]
  if (mask === undefined) return a === b
  const care = bitString(mask)
  return (a & care) === (b & care)
}

/** A digest of only zeros or only ones, which no content has. */
export const isPlaceholder = ({raw, allZero, allOnes}: BlockFacts): boolean => !raw && (allZero || allOnes)

/** Is the block one of the values of one reference? */
export function isApproved(block: BlockFacts, entry: Reference, hash: string | undefined): boolean {
  const {digests, raw, mask, svn, allowZero = false} = entry
  if (digests !== undefined) {
    if (block.raw || (isPlaceholder(block) && !allowZero)) return false
    const value = toHex(block.value)
    return digests.some(digest => {
      const [algorithm, hex] = digest.split(':')
      return hex === value && (hash === undefined || algorithm === hash)
    })
  }
  if (raw !== undefined) return block.raw && raw.some(item => equalUnder(block.value, item, mask))
  if (svn === undefined || block.svn === undefined) return false
  const {min = 0, max} = svn
  return block.svn >= BigInt(min) && (max === undefined || block.svn <= BigInt(max))
}

/** What the references of its index say about `block`. A condition whose fact nobody knows approves nothing. */
export function compare(
  block: BlockFacts,
  values: readonly Reference[],
  facts: SignedFacts,
  hash: string | undefined,
): Comparison {
  const entries = values.filter(({index}) => index === block.index)
  const none = {applying: [], by: undefined, unknownFact: undefined}
  if (entries.length === 0) return {...none, status: 'no reference'}
  const unknown = entries.find(({when}) => when !== undefined && !facts.has(when.fact))
  if (unknown !== undefined) return {...none, status: 'not evaluated', unknownFact: unknown.when!.fact}
  const applying = entries.filter(({when}) => when === undefined || facts.get(when.fact) === when.equals)
  // the fact is known, and every reference is for another case of it
  if (applying.length === 0) return {...none, status: 'informational', by: entries[0]}
  const informational = applying.find(entry => entry.informational)
  if (informational !== undefined) return {...none, applying, status: 'informational', by: informational}
  const by = applying.find(entry => isApproved(block, entry, hash))
  return {...none, applying, by, status: by === undefined ? 'not approved' : 'approved'}
}
