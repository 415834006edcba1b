/** The standards body or vendor-defined header (SVH) in front of everything whose meaning a registry settles. */
import {bytes, layout, NEXT, u8} from '../../bits/index.js'
import {STANDARD_ID_NAMES} from './vendor-defined.js'

export const STANDARDS_HEADER = layout(
  {id: 'spdm-standards-header', name: 'Standards body or vendor-defined header', spec: 'DSP0274 1.3, "SVH"'},
  {
    registryId: u8(0, 'ID of the registry', {names: STANDARD_ID_NAMES}),
    vendorIdLength: u8(1, 'VendorIDLen'),
    vendorId: bytes(NEXT, 'vendorIdLength', 'VendorID'),
  },
)
