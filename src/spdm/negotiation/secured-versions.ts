/** Which version of secured messages a session uses: agreed in the opaque data of its key exchange (DSP0277 1.2 §9). */
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

/** Versions of DSP0277, lowest first: major [15:12], minor [11:8], update [7:4], alpha [3:0]. On DOE they look alike. */
export const SECURED_VERSIONS: readonly number[] = [0x1000, 0x1100, 0x1200]

const STRUCTURE = 'Secured-message opaque data'

/** Tables of 1.1 have a head of their own; since 1.2 it is OpaqueDataFmt1. */
const tableOf = (version: number) => (version >= 0x12 ? OPAQUE_TABLE : OPAQUE_TABLE_1_1)

const table = (version: number, elementData: Uint8Array): Uint8Array =>
  tableOf(version).encode({elements: [{registryId: STANDARD_ID.DMTF, elementData}]})

/** OpaqueData of KEY_EXCHANGE and PSK_EXCHANGE in SPDM `version`: the `versions` the requester can speak. */
export const supportedVersionsOpaque = (version: number, versions: readonly number[] = SECURED_VERSIONS): Uint8Array =>
  table(version, SM_SUPPORTED_VERSIONS.encode({versions: versions.map(one => ({version: one}))}))

/** OpaqueData of the response: the version that was `selected`. */
export const selectedVersionOpaque = (version: number, selected: number): Uint8Array =>
  table(version, SM_VERSION_SELECTION.encode({selectedVersion: selected}))

const fail = (expected: string, got: string): never => {
  throw new DecodeError({structure: STRUCTURE, path: '', offset: 0, expected, got})
}

/** Data of the one DMTF element with `id`; elements of others are not ours to judge. */
function element(opaque: Uint8Array, version: number, id: number): Uint8Array {
  if (opaque.length > MAX_OPAQUE_SIZE) fail(`at most ${MAX_OPAQUE_SIZE} bytes`, `${opaque.length}`)
  if (opaque.length % 4 !== 0) fail('whole dwords', `${opaque.length} bytes`)
  const {elements} = tableOf(version).decode(opaque)
  if (elements.length === 0) fail('at least one element', 'none')
  const [found, ...others] = elements
    .filter(({registryId, vendorIdLength}) => registryId === STANDARD_ID.DMTF && vendorIdLength === 0)
    .map(({elementData}) => elementData)
    .filter(data => SM_DATA.decode(data).smDataId === id)
  if (others.length > 0) fail('one element about versions', `${others.length + 1}`)
  return found ?? fail('an element about versions', 'none')
}

/** Versions a requester offers in `opaque`. Throws DecodeError unless it is a table with exactly one such element. */
export const offeredSecuredVersions = (opaque: Uint8Array, version: number): number[] =>
  SM_SUPPORTED_VERSIONS.decode(element(opaque, version, SM_DATA_ID.supportedVersions)).versions.map(one => one.version)

/**
 * Version a responder selected in `opaque`, one of `offered`. Throws DecodeError unless it is a table with exactly one
 * such element.
 */
export function selectedVersion(
  opaque: Uint8Array,
  version: number,
  offered: readonly number[] = SECURED_VERSIONS,
): number {
  const {selectedVersion: selected} = SM_VERSION_SELECTION.decode(element(opaque, version, SM_DATA_ID.versionSelection))
  if (!offered.includes(selected)) fail('a version that was offered', `0x${selected.toString(16)}`)
  return selected
}

/** Update and alpha numbers of a version do not take part in the choice. */
const GENERATION = 0x100

/** Highest version that is both `offered` and ours, or undefined. */
export function chooseSecuredVersion(offered: readonly number[]): number | undefined {
  const generations = offered.map(one => one - (one % GENERATION))
  return SECURED_VERSIONS.findLast(one => generations.includes(one))
}
