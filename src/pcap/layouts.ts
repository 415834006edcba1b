/**
 * Capture files as tables: classic pcap and pcapng (IETF draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng). Either
 * may be written in both byte orders; the tables describe the little-endian one, `byte-order.ts` gets the other there.
 */
import {type AnyLayout, bits, layout, reserved, u16, u32, u64} from '../bits/index.js'
import {MCTP_LAYOUTS} from './mctp.js'

const PCAP = 'draft-ietf-opsawg-pcap'
const PCAPNG = 'draft-ietf-opsawg-pcapng'

/** Magic of a classic file by the resolution of its time stamps. */
export const PCAP_MAGIC = {microseconds: 0xa1b2c3d4, nanoseconds: 0xa1b23c4d} as const

export const PCAP_HEADER = layout(
  {id: 'pcap-header', name: 'pcap file header', spec: `${PCAP} §4`},
  {
    magic: u32(0, 'Magic Number', {
      names: {[PCAP_MAGIC.microseconds]: 'microseconds', [PCAP_MAGIC.nanoseconds]: 'nanoseconds'},
    }),
    majorVersion: u16(4, 'Major Version'),
    minorVersion: u16(6, 'Minor Version'),
    reserved1: u32(8, 'once the time zone'),
    reserved2: u32(12, 'once the accuracy of time stamps'),
    snapLength: u32(16, 'SnapLen: no packet holds more bytes'),
    linkType: bits(20, 4, 27, 0, 'LinkType'),
    frameCheck: bits(20, 4, 31, 28, 'FCS: length of a frame check sequence'),
  },
)

export const PCAP_RECORD = layout(
  {id: 'pcap-record', name: 'pcap packet header', spec: `${PCAP} §5`},
  {
    seconds: u32(0, 'Timestamp (Seconds)'),
    fraction: u32(4, 'Timestamp (Microseconds or nanoseconds)'),
    capturedLength: u32(8, 'Captured Packet Length'),
    originalLength: u32(12, 'Original Packet Length'),
  },
)

export const BLOCK_TYPE = {
  section: 0x0a0d0d0a,
  interface: 1,
  obsoletePacket: 2,
  simplePacket: 3,
  enhancedPacket: 6,
} as const

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d

/** Both ends of every block; Block Total Length stands again behind the body. */
export const BLOCK_HEADER = layout(
  {id: 'pcapng-block', name: 'pcapng block header', spec: `${PCAPNG} §3.1`},
  {
    blockType: u32(0, 'Block Type', {
      names: Object.fromEntries(Object.entries(BLOCK_TYPE).map(([name, type]) => [type, name])),
    }),
    totalLength: u32(4, 'Block Total Length: header, body and trailer'),
  },
)

export const SECTION_HEADER = layout(
  {id: 'pcapng-section', name: 'pcapng Section Header Block, body', spec: `${PCAPNG} §4.1`},
  {
    byteOrderMagic: u32(0, 'Byte-Order Magic'),
    majorVersion: u16(4, 'Major Version'),
    minorVersion: u16(6, 'Minor Version'),
    sectionLength: u64(8, 'Section Length, all ones when unknown'),
  },
)

export const INTERFACE = layout(
  {id: 'pcapng-interface', name: 'pcapng Interface Description Block, body', spec: `${PCAPNG} §4.2`},
  {linkType: u16(0, 'LinkType'), reserved: reserved(2, 2), snapLength: u32(4, 'SnapLen; 0 means no limit')},
)

export const ENHANCED_PACKET = layout(
  {id: 'pcapng-enhanced-packet', name: 'pcapng Enhanced Packet Block, body', spec: `${PCAPNG} §4.3`},
  {
    interfaceId: u32(0, 'Interface ID'),
    timestampHigh: u32(4, 'Timestamp [63:32]'),
    timestampLow: u32(8, 'Timestamp [31:0]'),
    capturedLength: u32(12, 'Captured Packet Length'),
    originalLength: u32(16, 'Original Packet Length'),
  },
)

export const OBSOLETE_PACKET = layout(
  {id: 'pcapng-packet', name: 'pcapng Packet Block (obsolete), body', spec: `${PCAPNG} §A.1`},
  {
    interfaceId: u16(0, 'Interface ID'),
    dropsCount: u16(2, 'Drops Count'),
    timestampHigh: u32(4, 'Timestamp [63:32]'),
    timestampLow: u32(8, 'Timestamp [31:0]'),
    capturedLength: u32(12, 'Captured Packet Length'),
    originalLength: u32(16, 'Original Packet Length'),
  },
)

export const SIMPLE_PACKET = layout(
  {id: 'pcapng-simple-packet', name: 'pcapng Simple Packet Block, body', spec: `${PCAPNG} §4.4`},
  {originalLength: u32(0, 'Original Packet Length')},
)

export const OPTION = layout(
  {id: 'pcapng-option', name: 'pcapng option', spec: `${PCAPNG} §3.5`},
  {code: u16(0, 'Option Type'), length: u16(2, 'Option Length, without padding')},
)

/** Every layout of this room, for `tsmctl decode`, the generated reference and the property tests. */
export const LAYOUTS: readonly AnyLayout[] = [
  PCAP_HEADER,
  PCAP_RECORD,
  BLOCK_HEADER,
  SECTION_HEADER,
  INTERFACE,
  ENHANCED_PACKET,
  OBSOLETE_PACKET,
  SIMPLE_PACKET,
  OPTION,
  ...MCTP_LAYOUTS,
]
