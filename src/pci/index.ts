export {type Bdf, bdfOfRid, type BdfParts, bdfParts, compareBdf, formatBdf, isBdf, parseBdf, ridOf} from './bdf.js'
export {
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
export {DOE, DOE_DISCOVERY_REQUEST, DOE_DISCOVERY_RESPONSE, DOE_OBJECT_HEADER, DOE_REGISTER} from './doe-layouts.js'
export {EXPRESS, EXPRESS2, EXPRESS_SLOT, PORT_TYPE, PORT_TYPE_NAMES} from './express.js'
export {COMMON_HEADER, HEADER_TYPE, TYPE0_HEADER, TYPE1_HEADER} from './headers.js'
export {LAYOUTS} from './layouts.js'
