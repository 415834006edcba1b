/** The TDI report: what an interface says about itself while it is locked (PCIe r7.0 §11.3.11). */
import {array, bit, bits, bytes, layout, NEXT, reserved, mask, prep, u16, u32, u64} from '../bits/index.js'

const SPEC = 'PCIe r7.0 §11.3.11'

/**
 * MMIO_RANGE, 16 bytes. The first page is (physical address + MMIO_REPORTING_OFFSET) / 4096 modulo 2^52; the Range ID
 * of a range inside a BAR is the number of that BAR.
 */
export const MMIO_RANGE = layout(
  {id: 'tdisp-mmio-range', name: 'MMIO_RANGE', spec: SPEC},
  {
    firstPage: u64(0, 'first 4K page with offset added'),
    pages: u32(8, 'number of 4K pages'),
    msixTable: bit(12, 2, 0, 'holds the MSI-X table'),
    msixPba: bit(12, 2, 1, 'holds the MSI-X pending bit array'),
    isNonTeeMem: bit(12, 2, 2, 'IS_NON_TEE_MEM: accessible without TEE'),
    isMemAttrUpdatable: bit(12, 2, 3, 'IS_MEM_ATTR_UPDATABLE: SET_MMIO_ATTRIBUTE_REQUEST may change IS_NON_TEE_MEM'),
    reserved: reserved(12, 2, 15, 4),
    rangeId: u16(14, 'Range ID: BAR equivalent index'),
  },
)

/** The whole report, put together from the portions of DEVICE_INTERFACE_REPORT messages. */
export const INTERFACE_REPORT = layout(
  {id: 'tdisp-interface-report', name: 'TDI report', spec: SPEC},
  {
    noFwUpdate: bit(0, 2, 0, 'firmware updates are not permitted in CONFIG_LOCKED and RUN'),
    dmaWithoutPasid: bit(0, 2, 1, 'generates DMA requests without PASID'),
    dmaWithPasid: bit(0, 2, 2, 'generates DMA requests with PASID'),
    atsSupported: bit(0, 2, 3, 'ATS supported and enabled'),
    prsSupported: bit(0, 2, 4, 'PRS supported and enabled'),
    infoReserved: reserved(0, 2, 15, 5),
    reserved2: reserved(2, 2),
    msixTableSize: bits(4, 2, 10, 0, 'MSI-X Message Control: table size minus one'),
    msixReserved: bits(4, 2, 13, 11, 'MSI-X Message Control: reserved there'),
    msixFunctionMask: bit(4, 2, 14, 'MSI-X Message Control: function mask'),
    msixEnable: bit(4, 2, 15, 'MSI-X Message Control: enable'),
    lnrControl: u16(6, 'LNR Control register, 0 if none'),
    tphControl: u32(8, 'TPH Requester Control register, 0 if none'),
    mmioRangeCount: u32(12, 'MMIO_RANGE_COUNT'),
    mmioRanges: array(MMIO_RANGE, 'mmioRangeCount', 'MMIO ranges, ascending by BAR and by address inside a BAR'),
    deviceSpecificInfoLength: u32(NEXT, 'DEVICE_SPECIFIC_INFO_LEN'),
    deviceSpecificInfo: bytes(NEXT, 'deviceSpecificInfoLength', 'DEVICE_SPECIFIC_INFO'),
  },
)

export type InterfaceReport = ReturnType<typeof INTERFACE_REPORT.decode>

/** MSI-X Message Control of a report as the 16-bit register it is a copy of. */
export const msixControl = (report: InterfaceReport): number =>
  prep(mask(10, 0), report.msixTableSize) +
  prep(mask(13, 11), report.msixReserved) +
  prep(mask(14, 14), Number(report.msixFunctionMask)) +
  prep(mask(15, 15), Number(report.msixEnable))
