/** Bit positions as the specification states them, each checked against a register written out by hand. */
import {describe, expect, it} from 'vitest'
import {type AnyLayout, toHex} from '../../src/bits/index.js'
import {
  ACS,
  AER,
  ARI,
  ATS,
  DEVICE3,
  DOE,
  DOE_DISCOVERY_REQUEST,
  DOE_DISCOVERY_RESPONSE,
  DOE_OBJECT_HEADER,
  EXPRESS,
  EXTENDED_HEADER,
  MSIX,
  PASID,
  PORT_TYPE,
  SERIAL_NUMBER,
  SRIOV,
  TYPE0_HEADER,
  TYPE1_HEADER,
} from '../../src/pci/index.js'

const word = (bytes: Uint8Array, at: number, width: number): number => {
  const data = new DataView(bytes.buffer, bytes.byteOffset)
  return width === 1 ? data.getUint8(at) : width === 2 ? data.getUint16(at, true) : data.getUint32(at, true)
}

interface Row {
  readonly layout: AnyLayout
  readonly values: Readonly<Record<string, unknown>>
  readonly at: number
  readonly width: 1 | 2 | 4
  readonly is: number
}
const row = (layout: AnyLayout, values: Row['values'], at: number, width: Row['width'], is: number): Row => ({
  layout,
  values,
  at,
  width,
  is,
})

const v2 = {version: 2}
it.each([
  row(TYPE0_HEADER, {memorySpace: true}, 0x04, 2, 0x0002),
  row(TYPE0_HEADER, {busMaster: true}, 0x04, 2, 0x0004),
  row(TYPE0_HEADER, {interruptDisable: true}, 0x04, 2, 0x0400),
  row(TYPE0_HEADER, {capabilitiesList: true}, 0x06, 2, 0x0010),
  row(TYPE0_HEADER, {detectedParityError: true}, 0x06, 2, 0x8000),
  row(TYPE0_HEADER, {revision: 2, progIf: 0x02, subClass: 0x08, baseClass: 0x01}, 0x08, 4, 0x0108_0202),
  row(TYPE0_HEADER, {multiFunction: true}, 0x0e, 1, 0x80),
  row(TYPE0_HEADER, {bar5: 0x1234_5678}, 0x24, 4, 0x1234_5678),
  row(TYPE0_HEADER, {subsystemVendorId: 0x1af4, subsystemId: 0x1100}, 0x2c, 4, 0x1100_1af4),
  row(TYPE0_HEADER, {capabilitiesPointer: 0x40}, 0x34, 1, 0x40),
  row(TYPE1_HEADER, {}, 0x0e, 1, 0x01),
  row(TYPE1_HEADER, {primaryBus: 1, secondaryBus: 2, subordinateBus: 3}, 0x18, 4, 0x0003_0201),
  row(TYPE1_HEADER, {memoryBase: 0x400, memoryLimit: 0x401}, 0x20, 4, 0x4010_4000),
  row(TYPE1_HEADER, {prefetchableType: 1, prefetchableBase: 1, prefetchableBaseUpper: 7}, 0x24, 2, 0x0011),
  row(TYPE1_HEADER, {prefetchableLimitUpper: 7}, 0x2c, 4, 7),
  row(EXPRESS, {...v2, portType: PORT_TYPE.rootPort, slotImplemented: true}, 0x02, 2, 0x0142),
  row(EXPRESS, {...v2, flitModeSupported: true}, 0x02, 2, 0x8002),
  row(EXPRESS, {...v2, teeIo: true}, 0x04, 4, 0x4000_0000),
  row(EXPRESS, {...v2, flr: true}, 0x04, 4, 0x1000_0000),
  row(EXPRESS, {...v2, bridgeRetryOrFlr: true, noSnoop: true}, 0x08, 2, 0x8800),
  row(EXPRESS, {...v2, transactionsPending: true}, 0x0a, 2, 0x0020),
  row(EXPRESS, {...v2, portNumber: 0xab}, 0x0c, 4, 0xab00_0000),
  row(EXPRESS, {...v2, linkSpeed: 5, linkWidth: 16, linkActive: true}, 0x12, 2, 0x2105),
  row(EXPRESS, {...v2, slot: {physicalSlot: 3}}, 0x14, 4, 0x0018_0000),
  row(EXPRESS, {...v2, slot: {cardPresent: true}}, 0x1a, 2, 0x0040),
  row(EXPRESS, {...v2, second: {frs: true, ariForwarding: true}}, 0x24, 4, 0x8000_0020),
  row(EXPRESS, {...v2, second: {ariForwardingEnable: true}}, 0x28, 2, 0x0020),
  row(EXPRESS, {...v2, second: {flitMode: true}}, 0x32, 2, 0x0400),
  row(MSIX, {lastVector: 64, enable: true}, 0x02, 2, 0x8040),
  row(MSIX, {tableBar: 4, tableOffset: 0x200}, 0x04, 4, 0x0000_1004),
  row(EXTENDED_HEADER, {id: 0x30, version: 1, next: 0x148}, 0, 4, 0x1481_0030),
  row(SRIOV, {}, 0, 4, 0x0010),
  row(SRIOV, {vfEnable: true, vfMemorySpace: true, ariHierarchy: true}, 0x08, 2, 0x0019),
  row(SRIOV, {totalVfs: 4, initialVfs: 3}, 0x0c, 4, 0x0004_0003),
  row(SRIOV, {firstVfOffset: 1, vfStride: 2}, 0x14, 4, 0x0002_0001),
  row(SRIOV, {vfDeviceId: 0x10}, 0x1a, 2, 0x10),
  row(SRIOV, {vfBar0: 0x8000_0004}, 0x24, 4, 0x8000_0004),
  row(ATS, {invalidateQueueDepth: 4, pageAligned: true}, 4, 2, 0x0024),
  row(ATS, {enable: true, smallestTranslationUnit: 1}, 6, 2, 0x8001),
  row(PASID, {maxWidth: 20, privileged: true}, 4, 2, 0x1404),
  row(PASID, {enable: true}, 6, 2, 1),
  row(ACS, {sourceValidation: true, directTranslated: true}, 4, 2, 0x41),
  row(ACS, {requestRedirectEnable: true, unclaimedRedirect: true}, 6, 2, 0x1004),
  row(ARI, {nextFunction: 1}, 4, 2, 0x0100),
  row(SERIAL_NUMBER, {serialNumber: 0x0011_2233_4455_6677n}, 4, 4, 0x4455_6677),
  row(AER, {uncorrectableStatus: {ideCheckFailed: true}}, 0x04, 4, 0x1000_0000),
  row(AER, {uncorrectableMask: {misroutedIde: true}}, 0x08, 4, 0x2000_0000),
  row(AER, {uncorrectableSeverity: {pcrcCheckFailed: true}}, 0x0c, 4, 0x4000_0000),
  row(DEVICE3, {segmentCaptured: true}, 0x0c, 4, 8),
  row(DOE, {version: 2}, 0, 4, 0x0002_002e),
  row(DOE, {interruptSupport: true, interruptMessage: 1, attentionSupport: true}, 0x04, 4, 0x0000_1003),
  row(DOE, {abort: true, interruptEnable: true, go: true}, 0x08, 4, 0x8000_0003),
  row(DOE, {busy: true, error: true, atAttention: true, ready: true}, 0x0c, 4, 0x8000_0015),
])('$layout.id $values has $is at $at', ({layout, values, at, width, is}) => {
  const bytes = layout.encode(values)
  expect(word(bytes, at, width)).toBe(is)
  expect(layout.decode(bytes)).toMatchObject(values)
})

it.each([
  [TYPE0_HEADER, 64],
  [TYPE1_HEADER, 64],
  [MSIX, 12],
  [SRIOV, 64],
  [DOE, 24],
  [AER, 44],
  [DEVICE3, 16],
  [SERIAL_NUMBER, 12],
])('$id is $1 bytes', (layout, size) => expect(layout.size).toBe(size))

describe('PCI Express capability', () => {
  it.each([
    ['version 2 endpoint', {version: 2, portType: PORT_TYPE.endpoint}, 60],
    ['version 2 root port', {version: 2, portType: PORT_TYPE.rootPort}, 60],
    ['version 1 root port', {version: 1, portType: PORT_TYPE.rootPort}, 36],
    ['version 1 endpoint', {version: 1, portType: PORT_TYPE.endpoint}, 20],
  ])('of a %s is %3$i bytes', (_, values, size) => expect(EXPRESS.encode(values)).toHaveLength(size))
})

describe('DOE discovery', () => {
  it('request for index 0', () => {
    const header = DOE_OBJECT_HEADER.encode({vendorId: 1, dwords: 3})
    expect(toHex(header) + toHex(DOE_DISCOVERY_REQUEST.encode({}))).toBe('010000000300000000000000')
  })

  it('response that names CMA-SPDM and ends', () =>
    expect(DOE_DISCOVERY_RESPONSE.decode(Uint8Array.of(1, 0, 1, 0))).toMatchObject({
      vendorId: 1,
      type: 1,
      nextIndex: 0,
    }))
})
