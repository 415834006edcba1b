export {readAttribute, readDecimal, readFunctionLink, readHexadecimal, readLinkName} from './attributes.js'
export {type Bar, BASE_ADDRESS, barsOfHeader, parseResources, RESOURCE_FLAGS, type Resources} from './bars.js'
export {
  type Bdf,
  bdfOfRid,
  type BdfParts,
  bdfParts,
  compareBdf,
  formatBdf,
  isBdf,
  parseBdf,
  ridOf,
  ridOfVf,
  slotOf,
} from './bdf.js'
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
export {DOE, DOE_DISCOVERY_REQUEST, DOE_DISCOVERY_RESPONSE, DOE_OBJECT_HEADER} from './doe-layouts.js'
export {EXPRESS, EXPRESS2, EXPRESS_SLOT, PORT_TYPE, PORT_TYPE_NAMES} from './express.js'
export {COMMON_HEADER, HEADER_TYPE, TYPE0_HEADER, TYPE1_HEADER} from './headers.js'
export {LAYOUTS} from './layouts.js'
export {type Capability} from './capability-walk.js'
export {
  capabilityOf,
  type ConfigSpace,
  decodeConfigSpace,
  type DoeMailbox,
  type Header,
  readConfigSpace,
} from './config-space.js'
export {discoverFeatures, DOE_DISCOVERY, doeInstances} from './doe-discovery.js'
export {
  CMA_SPDM,
  type DoeFeature,
  featureText,
  includesFeature,
  offers,
  readDoeFeatures,
  SECURED_CMA_SPDM,
} from './doe-features.js'
export {DOE_TIMEOUT, type DoeExchangeOptions, DoeInstance, type DoeState} from './doe-mailbox.js'
export {decodeDoeObject, type DoeObject, encodeDoeObject, MAX_DOE_PAYLOAD} from './doe-objects.js'
export {DOE_CONTROL, DOE_REGISTER, DOE_STATUS} from './doe-registers.js'
export {type DsmFunction, type DsmPrediction, predictDsm} from './dsm.js'
export {
  deviceDirectory,
  DEVICES,
  hostBridgePath,
  type Ids,
  type Listing,
  listFunctions,
  type PciFunction,
  type Place,
  placeOf,
  readFunction,
} from './functions.js'
export {type HostBridge, listHostBridges, readHostBridge, type StreamLink} from './host-bridges.js'
export {type FunctionFacts, inspectFunction, readConfig, readSriov, readVirtfns, type Sriov} from './inspect.js'
export {CAPABILITY_NAMES, className, EXTENDED_CAPABILITY_NAMES} from './names.js'
export {type Topology, walkDevices, type WalkOptions} from './topology.js'
export {NO_TSM_ATTRIBUTES, readTsmAttributes, type TsmAttributes} from './tsm-attributes.js'
export {connectionNamed, TSM_CLASS, tsmMode} from './tsm-side.js'
export {listTsms, type Tsm, type Tsms} from './tsms.js'
export {memoryWindows, type Window} from './windows.js'
