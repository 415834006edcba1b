export {liveKernel, type LiveOptions} from './live.js'
export {
  type Attribute,
  decodeAttributes,
  encodeAttributes,
  NLATTR,
  stringAttribute,
  stringOf,
  u32Attribute,
  u32Of,
} from './netlink.js'
export {EVIDENCE_TYPES, type EvidenceLabel, PCI_TSM} from './pci-tsm-family.js'
export {
  attributeBytes,
  attributeText,
  type HostInfo,
  type HostKind,
  type Kernel,
  type NetlinkRequest,
  readText,
  type Stat,
  type StateStore,
} from './port.js'
export {defaultStateDirectory, directoryState, memoryState} from './state.js'
