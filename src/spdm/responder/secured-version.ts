/** The secured-message version, negotiated in the OpaqueData of key exchanges (DSP0277 1.2 §9). */
import {MAX_OPAQUE_SIZE} from '../messages/index.js'
import {
  chooseSecuredVersion,
  type Connection,
  offeredSecuredVersions,
  selectedVersionOpaque,
} from '../negotiation/index.js'
import {decoding} from './read.js'
import {refuse, require} from './refusal.js'

/** OpaqueData of the response that selects from the offer in `opaque`. Throws Refusal without a common version. */
export function selectSecuredVersion(opaque: Uint8Array, {version, opaqueFormat1}: Connection): Uint8Array {
  require(opaque.length <= MAX_OPAQUE_SIZE && (version < 0x12 || opaqueFormat1))
  const offered = decoding(() => offeredSecuredVersions(opaque, version))
  return selectedVersionOpaque(version, chooseSecuredVersion(offered) ?? refuse('InvalidRequest'))
}
