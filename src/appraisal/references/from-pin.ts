/** What a device was like when it was enrolled, as reference values: every block may only be what it was. */
import type {Pin} from '../pins/types.js'
import {hashNamed} from '../../spdm/index.js'
import {VALUE_TYPES} from '../policy/index.js'
import type {Provenance, Reference} from './types.js'

const SHOWN_DIGITS = 12
/** Hash functions by hexadecimal digits, for devices that measure by another one than they negotiated. */
const BY_LENGTH: Readonly<Record<number, string>> = {64: 'sha256', 96: 'sha384', 128: 'sha512'}

function digestName(value: string, negotiated: string): string {
  const size = hashNamed(negotiated)?.size
  return `${size !== undefined && size * 2 === value.length ? negotiated : (BY_LENGTH[value.length] ?? 'unknown')}:${value}`
}

/** Security versions may rise; whoever enrolled a digest of zeros has seen that it is one. */
export function pinReferences({pinId, spdm, measurements}: Pin): readonly Reference[] {
  const provenance: Provenance = {
    label: `pin ${pinId.slice('sha384:'.length, 'sha384:'.length + SHOWN_DIGITS)}`,
    signer: null,
    tagId: null,
    sha384: null,
    validity: null,
  }
  return measurements.map(({index, type, valueType, value}): Reference => {
    const known = VALUE_TYPES.find(name => name === type) ?? null
    if (valueType === 'digest')
      return {index, type: known, digests: [digestName(value, spdm.hash)], allowZero: true, provenance}
    const bytes = Buffer.from(value, 'hex')
    if (known === 'svn' && bytes.length === 8) {
      const least = bytes.readBigUInt64LE()
      if (least <= BigInt(Number.MAX_SAFE_INTEGER)) return {index, type: known, svn: {min: Number(least)}, provenance}
    }
    return {index, type: known, raw: [value], provenance}
  })
}
