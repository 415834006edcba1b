/** The secured-message version, negotiated in the OpaqueData of key exchanges (DSP0277 1.2 §9). */
import {DecodeError} from '../../bits/index.js'
import {
  MAX_OPAQUE_SIZE,
  OPAQUE_TABLE,
  OPAQUE_TABLE_1_1,
  SM_DATA,
  SM_DATA_ID,
  SM_SUPPORTED_VERSIONS,
  SM_VERSION_SELECTION,
  STANDARD_ID,
} from '../messages/index.js'
import type {Connection} from '../negotiation/index.js'
import {refuse, require} from './refusal.js'

/** Versions 1.2, 1.1 and 1.0 of DSP0277: on the wire they are one and the same. */
const SUPPORTED: readonly number[] = [0x1200, 0x1100, 0x1000]
/** Update and alpha versions do not select. */
const MINOR = 0x100

const tableOf = (version: number) => (version >= 0x12 ? OPAQUE_TABLE : OPAQUE_TABLE_1_1)

/** Versions the requester offers, or undefined without an offer. Throws DecodeError. */
function offered(opaque: Uint8Array, version: number): readonly number[] | undefined {
  const {elements} = tableOf(version).decode(opaque)
  const ours = elements.find(
    ({registryId, elementData}) =>
      registryId === STANDARD_ID.DMTF &&
      elementData.length >= 2 &&
      SM_DATA.decode(elementData).smDataId === SM_DATA_ID.supportedVersions,
  )
  return ours && SM_SUPPORTED_VERSIONS.decode(ours.elementData).versions.map(entry => entry.version)
}

/** OpaqueData of the response that selects from the offer in `opaque`. Throws Refusal without a common version. */
export function selectSecuredVersion(opaque: Uint8Array, {version, opaqueFormat1}: Connection): Uint8Array {
  require(opaque.length <= MAX_OPAQUE_SIZE && (version < 0x12 || opaqueFormat1))
  const versions = readOffer(opaque, version) ?? refuse('InvalidRequest')
  const generations = versions.map(one => one - (one % MINOR))
  const selectedVersion = SUPPORTED.find(one => generations.includes(one)) ?? refuse('InvalidRequest')
  return tableOf(version).encode({
    elements: [{registryId: STANDARD_ID.DMTF, elementData: SM_VERSION_SELECTION.encode({selectedVersion})}],
  })
}

function readOffer(opaque: Uint8Array, version: number): readonly number[] | undefined {
  try {
    return offered(opaque, version)
  } catch (error) {
    if (error instanceof DecodeError) return refuse('InvalidRequest')
    throw error
  }
}
