/** OpaqueData of key exchanges: the general tables, and the negotiation of the secured-message version (DSP0277 1.2). */
import {array, bytes, layout, NEXT, reserved, REST, type Seen, u16, u24, u32, u8} from '../../bits/index.js'
import {STANDARD_ID_NAMES} from './vendor-defined.js'

const TABLE_SPEC = 'DSP0274 1.3 §8.2.1'
const SPEC = 'DSP0277 1.2 §9'

/** Bytes of opaque data that any message may carry. */
export const MAX_OPAQUE_SIZE = 1024

const length = (field: unknown): number => (field as Uint8Array | undefined)?.length ?? 0
/** Zeros that fill an element up to whole dwords. */
const padding = (seen: Seen): number => {
  const used = 4 + length(seen.vendorId) + length(seen.elementData)
  return Math.ceil(used / 4) * 4 - used
}

const OPAQUE_ELEMENT = layout(
  {id: 'spdm-opaque-element', name: 'Opaque element', spec: TABLE_SPEC},
  {
    registryId: u8(0, 'ID of the registry', {names: STANDARD_ID_NAMES}),
    vendorIdLength: u8(1, 'VendorLen'),
    vendorId: bytes(NEXT, 'vendorIdLength', 'VendorID'),
    dataLength: u16(NEXT, 'OpaqueElementDataLen'),
    elementData: bytes(NEXT, 'dataLength', 'OpaqueElementData'),
    padding: bytes(NEXT, padding, 'zeros up to whole dwords'),
  },
)

/** General opaque data table since 1.2 (OpaqueDataFmt1). */
export const OPAQUE_TABLE = layout(
  {id: 'spdm-opaque-table', name: 'General opaque data table', spec: TABLE_SPEC},
  {
    totalElements: u8(0, 'TotalElements'),
    reserved1: u24(1, 'reserved'),
    elements: array(OPAQUE_ELEMENT, 'totalElements', 'OpaqueList'),
  },
)

/** General opaque data table of 1.1: the bytes `46 54 4D 44` first. */
export const OPAQUE_TABLE_1_1 = layout(
  {id: 'spdm-opaque-table-1-1', name: 'General opaque data table of SPDM 1.1', spec: SPEC},
  {
    specId: u32(0, 'SpecID', {is: 0x444d5446}),
    opaqueVersion: u8(4, 'OpaqueVersion', {is: 1}),
    totalElements: u8(5, 'TotalElements'),
    reserved6: reserved(6, 2),
    elements: array(OPAQUE_ELEMENT, 'totalElements', 'OpaqueList'),
  },
)

export const SM_DATA_ID = {versionSelection: 0, supportedVersions: 1} as const

const smData = (id: number) => ({
  smDataVersion: u8(0, 'SMDataVersion', {is: 1}),
  smDataId: u8(1, 'SMDataID', {is: id}),
})

/** What an element of the DMTF registry starts with. */
export const SM_DATA = layout(
  {id: 'spdm-sm-data', name: 'Secured-message opaque data', spec: SPEC},
  {smDataVersion: u8(0, 'SMDataVersion'), smDataId: u8(1, 'SMDataID'), rest: bytes(NEXT, REST, 'by SMDataID')},
)

const SM_VERSION = layout(
  {id: 'spdm-sm-version', name: 'Secured-message version', spec: SPEC},
  {version: u16(0, 'major [15:12], minor [11:8], update [7:4], alpha [3:0]')},
)

export const SM_SUPPORTED_VERSIONS = layout(
  {id: 'spdm-sm-supported-versions', name: 'Supported secured-message versions', spec: SPEC},
  {
    ...smData(SM_DATA_ID.supportedVersions),
    versionCount: u8(2, 'VersionCount'),
    versions: array(SM_VERSION, 'versionCount', 'VersionsList'),
  },
)

export const SM_VERSION_SELECTION = layout(
  {id: 'spdm-sm-version-selection', name: 'Selected secured-message version', spec: SPEC},
  {...smData(SM_DATA_ID.versionSelection), selectedVersion: u16(2, 'SelectedVersion')},
)

export const OPAQUE_LAYOUTS = [
  OPAQUE_ELEMENT,
  OPAQUE_TABLE,
  OPAQUE_TABLE_1_1,
  SM_DATA,
  SM_VERSION,
  SM_SUPPORTED_VERSIONS,
  SM_VERSION_SELECTION,
]
