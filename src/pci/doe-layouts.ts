/** Data Object Exchange: capability with mailbox registers, object header, discovery. PCIe r6.2 §6.30, §7.9.24. */
import {bit, bits, layout, reserved, u16, u32, u8} from '../bits/index.js'
import {extended} from './capabilities.js'

export const DOE = layout(
  {id: 'pci-capability-doe', name: 'Data Object Exchange Extended Capability', spec: 'PCIe r6.2 §7.9.24'},
  {
    ...extended(0x002e),
    interruptSupport: bit(0x04, 4, 0, 'DOE Interrupt Support'),
    interruptMessage: bits(0x04, 4, 11, 1, 'DOE Interrupt Message Number'),
    attentionSupport: bit(0x04, 4, 12, 'DOE Attention Mechanism Support'),
    asyncSupport: bit(0x04, 4, 13, 'DOE Async Message Support'),
    capabilitiesReserved: reserved(0x04, 4, 31, 14),
    abort: bit(0x08, 4, 0, 'DOE Abort, write 1; reads 0'),
    interruptEnable: bit(0x08, 4, 1, 'DOE Interrupt Enable'),
    attentionNotNeeded: bit(0x08, 4, 2, 'DOE Attention Not Needed'),
    asyncEnable: bit(0x08, 4, 3, 'DOE Async Message Enable'),
    controlReserved: reserved(0x08, 4, 30, 4),
    go: bit(0x08, 4, 31, 'DOE Go, write 1; reads 0'),
    busy: bit(0x0c, 4, 0, 'DOE Busy'),
    interruptStatus: bit(0x0c, 4, 1, 'DOE Interrupt Status, write 1 to clear'),
    error: bit(0x0c, 4, 2, 'DOE Error'),
    asyncStatus: bit(0x0c, 4, 3, 'DOE Async Message Status'),
    atAttention: bit(0x0c, 4, 4, 'DOE At Attention'),
    statusReserved: reserved(0x0c, 4, 30, 5),
    ready: bit(0x0c, 4, 31, 'Data Object Ready'),
    writeMailbox: u32(0x10, 'DOE Write Data Mailbox, write-only FIFO'),
    readMailbox: u32(0x14, 'DOE Read Data Mailbox: reads the head, any write pops it'),
  },
)

export const DOE_OBJECT_HEADER = layout(
  {id: 'pci-doe-object-header', name: 'DOE Data Object Header', spec: 'PCIe r6.2 §6.30.1'},
  {
    vendorId: u16(0, 'Vendor ID that owns the type'),
    type: u8(2, 'Data Object Type'),
    reserved: reserved(3, 1),
    dwords: bits(4, 4, 17, 0, 'Length in dwords, these two included; 0 means 2^18'),
    lengthReserved: reserved(4, 4, 31, 18),
  },
)

export const DOE_DISCOVERY_REQUEST = layout(
  {id: 'pci-doe-discovery-request', name: 'DOE Discovery Request', spec: 'PCIe r6.2 §6.30.1.1'},
  {
    index: u8(0, 'Index of the entry queried'),
    version: u8(1, 'DOE Discovery Version: 2 if the capability version is 2 or later, else 0'),
    reserved: reserved(2, 2),
  },
)

export const DOE_DISCOVERY_RESPONSE = layout(
  {id: 'pci-doe-discovery-response', name: 'DOE Discovery Response', spec: 'PCIe r6.2 §6.30.1.1'},
  {
    vendorId: u16(0, 'Vendor ID; FFFFh when there is no such entry'),
    type: u8(2, 'Data Object Type'),
    nextIndex: u8(3, 'Next Index, 0 ends'),
  },
)
