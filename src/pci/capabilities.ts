/** Capability headers and the standard and extended capabilities that matter to device assignment, PCIe r6.2 §7. */
import {bit, bits, bytes, layout, nested, reserved, u16, u32, u64, u8} from '../bits/index.js'

export const CAPABILITY_HEADER = layout(
  {id: 'pci-capability-header', name: 'PCI Capability Header', spec: 'PCIe r6.2 §7.5.1.1.11'},
  {id: u8(0, 'Capability ID'), next: u8(1, 'offset of the next capability, 0 ends')},
)

export const EXTENDED_HEADER = layout(
  {id: 'pci-extended-capability-header', name: 'PCI Express Extended Capability Header', spec: 'PCIe r6.2 §7.6.3'},
  {
    id: bits(0, 4, 15, 0, 'PCI Express Extended Capability ID'),
    version: bits(0, 4, 19, 16, 'Capability Version'),
    next: bits(0, 4, 31, 20, 'offset of the next capability, 0 ends'),
  },
)

/** Header of one kind of extended capability. */
export const extended = <const N extends number>(id: N) =>
  ({
    id: bits(0, 4, 15, 0, 'PCI Express Extended Capability ID', {is: id}),
    version: bits(0, 4, 19, 16, 'Capability Version'),
    next: bits(0, 4, 31, 20, 'offset of the next capability, 0 ends'),
  }) as const

export const MSIX = layout(
  {id: 'pci-capability-msix', name: 'MSI-X Capability', spec: 'PCIe r6.2 §7.7.2'},
  {
    id: u8(0, 'Capability ID', {is: 0x11}),
    next: u8(1, 'offset of the next capability, 0 ends'),
    lastVector: bits(2, 2, 10, 0, 'Table Size: number of vectors - 1'),
    controlReserved: reserved(2, 2, 13, 11),
    functionMask: bit(2, 2, 14, 'Function Mask'),
    enable: bit(2, 2, 15, 'MSI-X Enable'),
    tableBar: bits(4, 4, 2, 0, 'Table BIR'),
    tableOffset: bits(4, 4, 31, 3, 'Table Offset in units of 8 bytes'),
    pbaBar: bits(8, 4, 2, 0, 'PBA BIR'),
    pbaOffset: bits(8, 4, 31, 3, 'PBA Offset in units of 8 bytes'),
  },
)

export const SERIAL_NUMBER = layout(
  {id: 'pci-capability-serial-number', name: 'Device Serial Number Extended Capability', spec: 'PCIe r6.2 §7.9.3'},
  {...extended(0x0003), serialNumber: u64(4, 'EUI-64 of the device')},
)

export const ACS = layout(
  {id: 'pci-capability-acs', name: 'ACS Extended Capability', spec: 'PCIe r6.2 §7.7.11'},
  {
    ...extended(0x000d),
    sourceValidation: bit(4, 2, 0, 'ACS Source Validation'),
    translationBlocking: bit(4, 2, 1, 'ACS Translation Blocking'),
    requestRedirect: bit(4, 2, 2, 'ACS P2P Request Redirect'),
    completionRedirect: bit(4, 2, 3, 'ACS P2P Completion Redirect'),
    upstreamForwarding: bit(4, 2, 4, 'ACS Upstream Forwarding'),
    egressControl: bit(4, 2, 5, 'ACS P2P Egress Control'),
    directTranslated: bit(4, 2, 6, 'ACS Direct Translated P2P'),
    enhanced: bit(4, 2, 7, 'ACS Enhanced Capability'),
    egressVectorBits: bits(4, 2, 15, 8, 'Egress Control Vector Size, 0 means 256'),
    sourceValidationEnable: bit(6, 2, 0, 'ACS Source Validation Enable'),
    translationBlockingEnable: bit(6, 2, 1, 'ACS Translation Blocking Enable'),
    requestRedirectEnable: bit(6, 2, 2, 'ACS P2P Request Redirect Enable'),
    completionRedirectEnable: bit(6, 2, 3, 'ACS P2P Completion Redirect Enable'),
    upstreamForwardingEnable: bit(6, 2, 4, 'ACS Upstream Forwarding Enable'),
    egressControlEnable: bit(6, 2, 5, 'ACS P2P Egress Control Enable'),
    directTranslatedEnable: bit(6, 2, 6, 'ACS Direct Translated P2P Enable'),
    ioBlocking: bit(6, 2, 7, 'ACS I/O Request Blocking Enable'),
    downstreamTarget: bits(6, 2, 9, 8, 'ACS DSP Memory Target Access Control'),
    upstreamTarget: bits(6, 2, 11, 10, 'ACS USP Memory Target Access Control'),
    unclaimedRedirect: bit(6, 2, 12, 'ACS Unclaimed Request Redirect Control'),
    controlReserved: reserved(6, 2, 15, 13),
  },
)

export const ARI = layout(
  {id: 'pci-capability-ari', name: 'ARI Extended Capability', spec: 'PCIe r6.2 §7.8.8'},
  {
    ...extended(0x000e),
    mfvcGroups: bit(4, 2, 0, 'MFVC Function Groups Capability'),
    acsGroups: bit(4, 2, 1, 'ACS Function Groups Capability'),
    capabilityReserved: reserved(4, 2, 7, 2),
    nextFunction: bits(4, 2, 15, 8, 'Next Function Number'),
    mfvcGroupsEnable: bit(6, 2, 0, 'MFVC Function Groups Enable'),
    acsGroupsEnable: bit(6, 2, 1, 'ACS Function Groups Enable'),
    controlReserved: reserved(6, 2, 3, 2),
    functionGroup: bits(6, 2, 6, 4, 'Function Group'),
    controlReserved7: reserved(6, 2, 15, 7),
  },
)

export const ATS = layout(
  {id: 'pci-capability-ats', name: 'ATS Extended Capability', spec: 'PCIe r6.2 §10.5.1'},
  {
    ...extended(0x000f),
    invalidateQueueDepth: bits(4, 2, 4, 0, 'Invalidate Queue Depth, 0 means 32'),
    pageAligned: bit(4, 2, 5, 'Page Aligned Request'),
    globalInvalidate: bit(4, 2, 6, 'Global Invalidate Supported'),
    relaxedOrdering: bit(4, 2, 7, 'Relaxed Ordering Supported'),
    capabilityReserved: reserved(4, 2, 15, 8),
    smallestTranslationUnit: bits(6, 2, 4, 0, 'Smallest Translation Unit, 4096 << n bytes'),
    controlReserved: reserved(6, 2, 14, 5),
    enable: bit(6, 2, 15, 'ATS Enable'),
  },
)

export const SRIOV = layout(
  {id: 'pci-capability-sriov', name: 'SR-IOV Extended Capability', spec: 'PCIe r6.2 §9.3.3'},
  {
    ...extended(0x0010),
    vfMigration: bit(0x04, 4, 0, 'VF Migration Capable'),
    ariPreserved: bit(0x04, 4, 1, 'ARI Capable Hierarchy Preserved'),
    tag10Requester: bit(0x04, 4, 2, 'VF 10-Bit Tag Requester Supported'),
    tag14Requester: bit(0x04, 4, 3, 'VF 14-Bit Tag Requester Supported'),
    capabilitiesReserved: reserved(0x04, 4, 20, 4),
    migrationMessage: bits(0x04, 4, 31, 21, 'VF Migration Interrupt Message Number'),
    vfEnable: bit(0x08, 2, 0, 'VF Enable'),
    vfMigrationEnable: bit(0x08, 2, 1, 'VF Migration Enable'),
    vfMigrationInterrupt: bit(0x08, 2, 2, 'VF Migration Interrupt Enable'),
    vfMemorySpace: bit(0x08, 2, 3, 'VF MSE'),
    ariHierarchy: bit(0x08, 2, 4, 'ARI Capable Hierarchy'),
    tag10Enable: bit(0x08, 2, 5, 'VF 10-Bit Tag Requester Enable'),
    tag14Enable: bit(0x08, 2, 6, 'VF 14-Bit Tag Requester Enable'),
    controlReserved: reserved(0x08, 2, 15, 7),
    migrationStatus: bit(0x0a, 2, 0, 'VF Migration Status'),
    statusReserved: reserved(0x0a, 2, 15, 1),
    initialVfs: u16(0x0c, 'InitialVFs'),
    totalVfs: u16(0x0e, 'TotalVFs'),
    numVfs: u16(0x10, 'NumVFs'),
    functionDependency: u8(0x12, 'Function Dependency Link'),
    reserved13: reserved(0x13, 1),
    firstVfOffset: u16(0x14, 'First VF Offset'),
    vfStride: u16(0x16, 'VF Stride'),
    reserved18: reserved(0x18, 2),
    vfDeviceId: u16(0x1a, 'VF Device ID'),
    supportedPageSizes: u32(0x1c, 'Supported Page Sizes: bit n is 4096 << n bytes'),
    systemPageSize: u32(0x20, 'System Page Size'),
    vfBar0: u32(0x24, 'VF BAR 0'),
    vfBar1: u32(0x28, 'VF BAR 1'),
    vfBar2: u32(0x2c, 'VF BAR 2'),
    vfBar3: u32(0x30, 'VF BAR 3'),
    vfBar4: u32(0x34, 'VF BAR 4'),
    vfBar5: u32(0x38, 'VF BAR 5'),
    migrationStateBar: bits(0x3c, 4, 2, 0, 'VF Migration State BIR'),
    migrationStateOffset: bits(0x3c, 4, 31, 3, 'VF Migration State Offset in units of 8 bytes'),
  },
)

export const PASID = layout(
  {id: 'pci-capability-pasid', name: 'PASID Extended Capability', spec: 'PCIe r6.2 §7.8.9'},
  {
    ...extended(0x001b),
    capabilityReserved: reserved(4, 2, 0, 0),
    execute: bit(4, 2, 1, 'Execute Permission Supported'),
    privileged: bit(4, 2, 2, 'Privileged Mode Supported'),
    translated: bit(4, 2, 3, 'Translated Requests with PASID Supported'),
    capabilityReserved4: reserved(4, 2, 7, 4),
    maxWidth: bits(4, 2, 12, 8, 'Max PASID Width in bits'),
    capabilityReserved13: reserved(4, 2, 15, 13),
    enable: bit(6, 2, 0, 'PASID Enable'),
    executeEnable: bit(6, 2, 1, 'Execute Permission Enable'),
    privilegedEnable: bit(6, 2, 2, 'Privileged Mode Enable'),
    translatedEnable: bit(6, 2, 3, 'Translated Requests with PASID Enable'),
    controlReserved: reserved(6, 2, 15, 4),
  },
)

export const DEVICE3 = layout(
  {id: 'pci-capability-device3', name: 'Device 3 Extended Capability', spec: 'PCIe r6.2 §7.7.9'},
  {
    ...extended(0x002f),
    dmwrRouting: bit(0x04, 4, 0, 'DMWr Request Routing Supported'),
    tag14Completer: bit(0x04, 4, 1, '14-Bit Tag Completer Supported'),
    tag14Requester: bit(0x04, 4, 2, '14-Bit Tag Requester Supported'),
    l0p: bit(0x04, 4, 3, 'Receiver L0p Supported'),
    portL0pExit: bits(0x04, 4, 6, 4, 'Port L0p Exit Latency'),
    retimerL0pExit: bits(0x04, 4, 9, 7, 'Retimer L0p Exit Latency'),
    uioCompleter: bit(0x04, 4, 10, 'UIO Mem RdWr Completer Supported'),
    uioRequester: bit(0x04, 4, 11, 'UIO Mem RdWr Requester Supported'),
    capabilitiesReserved: reserved(0x04, 4, 31, 12),
    dmwrRequesterEnable: bit(0x08, 4, 0, 'DMWr Requester Enable'),
    dmwrEgressBlocking: bit(0x08, 4, 1, 'DMWr Egress Blocking'),
    tag14RequesterEnable: bit(0x08, 4, 2, '14-Bit Tag Requester Enable'),
    l0pEnable: bit(0x08, 4, 3, 'L0p Enable'),
    targetLinkWidth: bits(0x08, 4, 6, 4, 'Target Link Width'),
    uioRequesterEnable: bit(0x08, 4, 7, 'UIO Mem RdWr Requester Enable'),
    uioBoundaryDisable: bit(0x08, 4, 8, 'UIO Request 256B Boundary Disable'),
    controlReserved: reserved(0x08, 4, 31, 9),
    initialLinkWidth: bits(0x0c, 4, 2, 0, 'Initial Link Width'),
    segmentCaptured: bit(0x0c, 4, 3, 'Segment Captured'),
    remoteL0p: bit(0x0c, 4, 4, 'Remote L0p Supported'),
    statusReserved: reserved(0x0c, 4, 31, 5),
  },
)

/** One uncorrectable error register; status, mask and severity share it. */
export const AER_UNCORRECTABLE = layout(
  {id: 'pci-aer-uncorrectable', name: 'Uncorrectable Error Register', spec: 'PCIe r6.2 §7.8.4.2'},
  {
    reserved0: reserved(0, 4, 3, 0),
    dataLinkProtocol: bit(0, 4, 4, 'Data Link Protocol Error'),
    surpriseDown: bit(0, 4, 5, 'Surprise Down Error'),
    reserved6: reserved(0, 4, 11, 6),
    poisonedTlp: bit(0, 4, 12, 'Poisoned TLP Received'),
    flowControl: bit(0, 4, 13, 'Flow Control Protocol Error'),
    completionTimeout: bit(0, 4, 14, 'Completion Timeout'),
    completerAbort: bit(0, 4, 15, 'Completer Abort'),
    unexpectedCompletion: bit(0, 4, 16, 'Unexpected Completion'),
    receiverOverflow: bit(0, 4, 17, 'Receiver Overflow'),
    malformedTlp: bit(0, 4, 18, 'Malformed TLP'),
    ecrc: bit(0, 4, 19, 'ECRC Error'),
    unsupportedRequest: bit(0, 4, 20, 'Unsupported Request Error'),
    acsViolation: bit(0, 4, 21, 'ACS Violation'),
    internal: bit(0, 4, 22, 'Uncorrectable Internal Error'),
    multicastBlocked: bit(0, 4, 23, 'MC Blocked TLP'),
    atomicBlocked: bit(0, 4, 24, 'AtomicOp Egress Blocked'),
    prefixBlocked: bit(0, 4, 25, 'TLP Prefix Blocked Error'),
    poisonedBlocked: bit(0, 4, 26, 'Poisoned TLP Egress Blocked'),
    dmwrBlocked: bit(0, 4, 27, 'DMWr Request Egress Blocked'),
    ideCheckFailed: bit(0, 4, 28, 'IDE Check Failed'),
    misroutedIde: bit(0, 4, 29, 'Misrouted IDE TLP'),
    pcrcCheckFailed: bit(0, 4, 30, 'PCRC Check Failed'),
    translationBlocked: bit(0, 4, 31, 'TLP Translation Egress Blocked'),
  },
)

export const AER = layout(
  {id: 'pci-capability-aer', name: 'Advanced Error Reporting Extended Capability', spec: 'PCIe r6.2 §7.8.4'},
  {
    ...extended(0x0001),
    uncorrectableStatus: nested(0x04, AER_UNCORRECTABLE, 'Uncorrectable Error Status'),
    uncorrectableMask: nested(0x08, AER_UNCORRECTABLE, 'Uncorrectable Error Mask'),
    uncorrectableSeverity: nested(0x0c, AER_UNCORRECTABLE, 'Uncorrectable Error Severity, 1 is fatal'),
    correctableStatus: u32(0x10, 'Correctable Error Status'),
    correctableMask: u32(0x14, 'Correctable Error Mask'),
    control: u32(0x18, 'Advanced Error Capabilities and Control'),
    headerLog: bytes(0x1c, 16, 'Header Log'),
  },
)
