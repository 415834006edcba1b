/** Configuration space headers, PCIe r6.2 §7.5.1. The first 64 bytes, which every user may read. */
import {bit, bits, bytes, layout, reserved, u16, u32, u8} from '../bits/index.js'

const COMMON = {
  vendorId: u16(0x00, 'Vendor ID; FFFFh in a VF and when the device is gone'),
  deviceId: u16(0x02, 'Device ID'),
  ioSpace: bit(0x04, 2, 0, 'I/O Space Enable'),
  memorySpace: bit(0x04, 2, 1, 'Memory Space Enable; clearing it moves a locked TDI to ERROR'),
  busMaster: bit(0x04, 2, 2, 'Bus Master Enable; clearing it moves a locked TDI to ERROR'),
  specialCycle: bit(0x04, 2, 3, 'Special Cycle Enable'),
  memoryWriteInvalidate: bit(0x04, 2, 4, 'Memory Write and Invalidate'),
  vgaSnoop: bit(0x04, 2, 5, 'VGA Palette Snoop'),
  parityError: bit(0x04, 2, 6, 'Parity Error Response'),
  stepping: bit(0x04, 2, 7, 'IDSEL Stepping/Wait Cycle Control'),
  serr: bit(0x04, 2, 8, 'SERR# Enable'),
  fastBackToBack: bit(0x04, 2, 9, 'Fast Back-to-Back Transactions Enable'),
  interruptDisable: bit(0x04, 2, 10, 'Interrupt Disable'),
  commandReserved: reserved(0x04, 2, 15, 11),
  immediateReadiness: bit(0x06, 2, 0, 'Immediate Readiness'),
  statusReserved: reserved(0x06, 2, 2, 1),
  interruptStatus: bit(0x06, 2, 3, 'Interrupt Status'),
  capabilitiesList: bit(0x06, 2, 4, 'Capabilities List'),
  mhz66: bit(0x06, 2, 5, '66 MHz Capable'),
  statusReserved6: reserved(0x06, 2, 6, 6),
  fastBackToBackCapable: bit(0x06, 2, 7, 'Fast Back-to-Back Transactions Capable'),
  masterDataParityError: bit(0x06, 2, 8, 'Master Data Parity Error'),
  devselTiming: bits(0x06, 2, 10, 9, 'DEVSEL Timing'),
  signaledTargetAbort: bit(0x06, 2, 11, 'Signaled Target Abort'),
  receivedTargetAbort: bit(0x06, 2, 12, 'Received Target Abort'),
  receivedMasterAbort: bit(0x06, 2, 13, 'Received Master Abort'),
  signaledSystemError: bit(0x06, 2, 14, 'Signaled System Error'),
  detectedParityError: bit(0x06, 2, 15, 'Detected Parity Error'),
  revision: u8(0x08, 'Revision ID'),
  progIf: u8(0x09, 'programming interface'),
  subClass: u8(0x0a, 'sub-class'),
  baseClass: u8(0x0b, 'base class'),
  cacheLineSize: u8(0x0c, 'Cache Line Size'),
  latencyTimer: u8(0x0d, 'Latency Timer'),
} as const

const header = <const N extends number>(type: N) =>
  ({
    headerType: bits(0x0e, 1, 6, 0, 'Header Layout', {is: type}),
    multiFunction: bit(0x0e, 1, 7, 'Multi-Function Device'),
    bist: u8(0x0f, 'BIST'),
  }) as const

/** Header Layout numbers, PCIe r6.2 §7.5.1.1.9. */
export const HEADER_TYPE = {endpoint: 0, bridge: 1, cardbus: 2} as const

export const TYPE0_HEADER = layout(
  {id: 'pci-header-type0', name: 'Type 0 Configuration Space Header', spec: 'PCIe r6.2 §7.5.1.2'},
  {
    ...COMMON,
    ...header(0),
    bar0: u32(0x10, 'Base Address Register 0'),
    bar1: u32(0x14, 'Base Address Register 1'),
    bar2: u32(0x18, 'Base Address Register 2'),
    bar3: u32(0x1c, 'Base Address Register 3'),
    bar4: u32(0x20, 'Base Address Register 4'),
    bar5: u32(0x24, 'Base Address Register 5'),
    cardbusCis: u32(0x28, 'Cardbus CIS Pointer'),
    subsystemVendorId: u16(0x2c, 'Subsystem Vendor ID'),
    subsystemId: u16(0x2e, 'Subsystem ID'),
    rom: u32(0x30, 'Expansion ROM Base Address'),
    capabilitiesPointer: u8(0x34, 'offset of the first capability'),
    reserved: bytes(0x35, 7, 'reserved'),
    interruptLine: u8(0x3c, 'Interrupt Line'),
    interruptPin: u8(0x3d, 'Interrupt Pin'),
    minGrant: u8(0x3e, 'Min_Gnt'),
    maxLatency: u8(0x3f, 'Max_Lat'),
  },
)

export const TYPE1_HEADER = layout(
  {id: 'pci-header-type1', name: 'Type 1 Configuration Space Header', spec: 'PCIe r6.2 §7.5.1.3'},
  {
    ...COMMON,
    ...header(1),
    bar0: u32(0x10, 'Base Address Register 0'),
    bar1: u32(0x14, 'Base Address Register 1'),
    primaryBus: u8(0x18, 'Primary Bus Number'),
    secondaryBus: u8(0x19, 'Secondary Bus Number'),
    subordinateBus: u8(0x1a, 'Subordinate Bus Number'),
    secondaryLatency: u8(0x1b, 'Secondary Latency Timer'),
    ioType: bits(0x1c, 1, 3, 0, 'I/O addressing: 0 16-bit, 1 32-bit'),
    ioBase: bits(0x1c, 1, 7, 4, 'I/O Base, address bits 15:12'),
    ioLimitType: bits(0x1d, 1, 3, 0, 'as ioType'),
    ioLimit: bits(0x1d, 1, 7, 4, 'I/O Limit, address bits 15:12'),
    secondaryStatus: u16(0x1e, 'Secondary Status'),
    memoryBaseReserved: reserved(0x20, 2, 3, 0),
    memoryBase: bits(0x20, 2, 15, 4, 'Memory Base, address bits 31:20'),
    memoryLimitReserved: reserved(0x22, 2, 3, 0),
    memoryLimit: bits(0x22, 2, 15, 4, 'Memory Limit, address bits 31:20'),
    prefetchableType: bits(0x24, 2, 3, 0, 'prefetchable addressing: 0 32-bit, 1 64-bit'),
    prefetchableBase: bits(0x24, 2, 15, 4, 'Prefetchable Memory Base, address bits 31:20'),
    prefetchableLimitType: bits(0x26, 2, 3, 0, 'as prefetchableType'),
    prefetchableLimit: bits(0x26, 2, 15, 4, 'Prefetchable Memory Limit, address bits 31:20'),
    prefetchableBaseUpper: u32(0x28, 'Prefetchable Base Upper 32 Bits'),
    prefetchableLimitUpper: u32(0x2c, 'Prefetchable Limit Upper 32 Bits'),
    ioBaseUpper: u16(0x30, 'I/O Base Upper 16 Bits'),
    ioLimitUpper: u16(0x32, 'I/O Limit Upper 16 Bits'),
    capabilitiesPointer: u8(0x34, 'offset of the first capability'),
    reserved: bytes(0x35, 3, 'reserved'),
    rom: u32(0x38, 'Expansion ROM Base Address'),
    interruptLine: u8(0x3c, 'Interrupt Line'),
    interruptPin: u8(0x3d, 'Interrupt Pin'),
    bridgeControl: u16(0x3e, 'Bridge Control'),
  },
)

/** What every header begins with, whatever its type: enough to tell the types apart. */
export const COMMON_HEADER = layout(
  {id: 'pci-header-common', name: 'Common Configuration Space Header', spec: 'PCIe r6.2 §7.5.1.1'},
  {
    ...COMMON,
    headerType: bits(0x0e, 1, 6, 0, 'Header Layout', {names: {0: 'endpoint', 1: 'bridge', 2: 'cardbus'}}),
    multiFunction: bit(0x0e, 1, 7, 'Multi-Function Device'),
    bist: u8(0x0f, 'BIST'),
  },
)
