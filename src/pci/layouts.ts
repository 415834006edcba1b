/** Every layout of this room, for `tsmctl decode`, the generated reference and the property tests. */
import type {AnyLayout} from '../bits/index.js'
import {BASE_ADDRESS, RESOURCE_FLAGS} from './bars.js'
import {
  ACS,
  AER,
  AER_UNCORRECTABLE,
  ARI,
  ATS,
  CAPABILITY_HEADER,
  DEVICE3,
  EXTENDED_HEADER,
  MSIX,
  PASID,
  SERIAL_NUMBER,
  SRIOV,
} from './capabilities.js'
import {DOE, DOE_DISCOVERY_REQUEST, DOE_DISCOVERY_RESPONSE, DOE_OBJECT_HEADER} from './doe-layouts.js'
import {EXPRESS, EXPRESS2, EXPRESS_SLOT} from './express.js'
import {COMMON_HEADER, TYPE0_HEADER, TYPE1_HEADER} from './headers.js'

export const LAYOUTS: readonly AnyLayout[] = [
  COMMON_HEADER,
  TYPE0_HEADER,
  TYPE1_HEADER,
  BASE_ADDRESS,
  RESOURCE_FLAGS,
  CAPABILITY_HEADER,
  EXPRESS,
  EXPRESS_SLOT,
  EXPRESS2,
  MSIX,
  EXTENDED_HEADER,
  AER,
  AER_UNCORRECTABLE,
  SERIAL_NUMBER,
  ACS,
  ARI,
  ATS,
  SRIOV,
  PASID,
  DOE,
  DOE_OBJECT_HEADER,
  DOE_DISCOVERY_REQUEST,
  DOE_DISCOVERY_RESPONSE,
  DEVICE3,
]
