/** VENDOR_DEFINED_REQUEST and VENDOR_DEFINED_RESPONSE, and their binding to PCI-SIG protocols (DSP0274 1.3 §10.24). */
import {bit, bytes, layout, NEXT, reserved, REST, type Seen, u16, u32, u8} from '../../bits/index.js'
import {header, since} from './header.js'

const SPEC = 'DSP0274 1.3 §10.24'

/** StandardID: the registry a vendor ID belongs to. */
export const STANDARD_ID = {
  DMTF: 0,
  TCG: 1,
  USB: 2,
  'PCI-SIG': 3,
  IANA: 4,
  HDBaseT: 5,
  MIPI: 6,
  CXL: 7,
  JEDEC: 8,
  VESA: 9,
  'IANA-CBOR': 10,
  'DMTF-DSP': 11,
} as const
export const STANDARD_ID_NAMES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(STANDARD_ID).map(([name, id]) => [id, name]),
)

const isLarge = (seen: Seen): boolean => since(0x14)(seen) && (seen.large as boolean)
const CONTEXTS = [{}, {version: 0x14}]
const size = (all: Seen): number => (all.payload as Uint8Array | undefined)?.length ?? 0

/** Since 1.4 a large form has a 32-bit length behind the 16-bit one, which is then without meaning. */
const message = <const N extends 'VENDOR_DEFINED_REQUEST' | 'VENDOR_DEFINED_RESPONSE'>(name: N) =>
  ({
    ...header(name),
    param1: reserved(2, 1, 6, 0),
    large: bit(2, 1, 7, 'Param1: 32-bit length (1.4)'),
    param2: reserved(3, 1),
    standardId: u16(4, 'StandardID', {names: STANDARD_ID_NAMES}),
    vendorIdLength: u8(6, 'Len: bytes of VendorID'),
    vendorId: bytes(NEXT, 'vendorIdLength', 'VendorID'),
    payloadLength: u16(NEXT, 'ReqLength or RespLength; without meaning in the large form', {
      is: (all: Seen) => (isLarge(all) ? ((all.payloadLength as number | undefined) ?? 0) : size(all)),
    }),
    largePayloadLength: u32(NEXT, 'LargeReqLength or LargeRespLength', {when: isLarge, is: size}),
    payload: bytes(
      NEXT,
      (seen: Seen) => (isLarge(seen) ? seen.largePayloadLength : seen.payloadLength) as number,
      'VendorDefinedReqPayload or VendorDefinedRespPayload',
    ),
  }) as const

export const VENDOR_DEFINED_REQUEST = layout(
  {id: 'spdm-vendor-defined-request', name: 'VENDOR_DEFINED_REQUEST', spec: SPEC, contexts: CONTEXTS},
  message('VENDOR_DEFINED_REQUEST'),
)
export const VENDOR_DEFINED_RESPONSE = layout(
  {id: 'spdm-vendor-defined-response', name: 'VENDOR_DEFINED_RESPONSE', spec: SPEC, contexts: CONTEXTS},
  message('VENDOR_DEFINED_RESPONSE'),
)

/** Vendor ID of PCI-SIG in its own registry, as two bytes little-endian. */
export const PCI_SIG_VENDOR = Uint8Array.of(1, 0)

/** What PCI-SIG's vendor-defined payloads start with; the protocol's own message follows (PCIe r6.2 §6.31.3). */
export const PCI_PROTOCOL = layout(
  {id: 'spdm-pci-protocol', name: 'PCI-SIG protocol', spec: 'PCIe r6.2 §6.31.3'},
  {
    protocolId: u8(0, 'ProtocolID', {names: {0: 'IDE_KM', 1: 'TDISP'}}),
    message: bytes(NEXT, REST, 'message of the protocol'),
  },
)
