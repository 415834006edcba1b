/**
 * IDE Extended Capability, PCIe r6.2 §7.9.26: capability and control registers, then one block per Link stream, then
 * one block per Selective stream, each with its own number of address association blocks.
 */
import {array, bit, bits, layout, reserved, u32} from '../bits/index.js'

/** Stream states, PCIe r6.2 §7.9.26.4.2; all others are reserved. */
export const STREAM_STATE_NAMES: Readonly<Record<number, string>> = {0: 'insecure', 2: 'secure'}
export const STREAM_STATE = {insecure: 0, secure: 2} as const

/** Selectable algorithms, PCIe r6.2 §7.9.26.2. */
export const ALGORITHM_NAMES: Readonly<Record<number, string>> = {0: 'AES-GCM-256, 96-bit MAC'}

/** The two registers that capability and IDE_KM QUERY_RESP have in common, at byte `at`. */
const head = <const N extends number>(at: N) =>
  ({
    linkSupported: bit(at, 4, 0, 'Link IDE Stream Supported'),
    selectiveSupported: bit(at, 4, 1, 'Selective IDE Streams Supported'),
    flowThrough: bit(at, 4, 2, 'Flow-Through IDE Stream Supported'),
    partialHeaderEncryption: bit(at, 4, 3, 'Partial Header Encryption Supported'),
    aggregation: bit(at, 4, 4, 'Aggregation Supported'),
    pcrc: bit(at, 4, 5, 'PCRC Supported'),
    ideKm: bit(at, 4, 6, 'IDE_KM Protocol Supported'),
    selectiveConfig: bit(at, 4, 7, 'Selective IDE for Configuration Requests Supported'),
    algorithms: bits(at, 4, 12, 8, 'Supported Algorithms'),
    lastLinkTc: bits(at, 4, 15, 13, 'Number of TCs Supported for Link IDE - 1'),
    lastSelective: bits(at, 4, 23, 16, 'Number of Selective IDE Streams Supported - 1'),
    teeLimited: bit(at, 4, 24, 'TEE-Limited Stream Supported'),
    xt: bit(at, 4, 25, 'XT Supported'),
    capabilityReserved: reserved(at, 4, 31, 26),
    controlReserved: reserved(at + 4, 4, 1, 0),
    flowThroughEnable: bit(at + 4, 4, 2, 'Flow-Through IDE Stream Enabled'),
    controlReserved3: reserved(at + 4, 4, 31, 3),
  }) as const

/** Extended capability ID of IDE. */
export const IDE_CAPABILITY_ID = 0x0030

export const IDE_CAPABILITY = layout(
  {id: 'ide-capability', name: 'IDE Extended Capability', spec: 'PCIe r6.2 §7.9.26.1-3'},
  {
    id: bits(0, 4, 15, 0, 'PCI Express Extended Capability ID', {is: IDE_CAPABILITY_ID}),
    version: bits(0, 4, 19, 16, 'Capability Version'),
    next: bits(0, 4, 31, 20, 'offset of the next capability, 0 ends'),
    ...head(4),
  },
)

/** As reported by IDE_KM QUERY_RESP, without the extended capability header. */
export const IDE_REGISTERS = layout(
  {id: 'ide-registers', name: 'IDE Capability and Control Registers', spec: 'PCIe r6.2 §7.9.26.2-3'},
  head(0),
)

export const LINK_STREAM = layout(
  {id: 'ide-link-stream', name: 'Link IDE Register Block', spec: 'PCIe r6.2 §7.9.26.4'},
  {
    enable: bit(0, 4, 0, 'Link IDE Stream Enable'),
    xtEnable: bit(0, 4, 1, 'XT Enable'),
    aggregationNpr: bits(0, 4, 3, 2, 'Tx Aggregation Mode NPR'),
    aggregationPr: bits(0, 4, 5, 4, 'Tx Aggregation Mode PR'),
    aggregationCpl: bits(0, 4, 7, 6, 'Tx Aggregation Mode CPL'),
    pcrcEnable: bit(0, 4, 8, 'PCRC Enable'),
    controlReserved: reserved(0, 4, 9, 9),
    headerEncryption: bits(0, 4, 13, 10, 'Partial Header Encryption Mode'),
    algorithm: bits(0, 4, 18, 14, 'Selected Algorithm', {names: ALGORITHM_NAMES}),
    trafficClass: bits(0, 4, 21, 19, 'Traffic Class'),
    controlReserved22: reserved(0, 4, 23, 22),
    streamId: bits(0, 4, 31, 24, 'Stream ID'),
    state: bits(4, 4, 3, 0, 'Link IDE Stream State', {names: STREAM_STATE_NAMES}),
    statusReserved: reserved(4, 4, 30, 4),
    failReceived: bit(4, 4, 31, 'Received Integrity Check Fail Message'),
  },
)

export const ADDRESS_ASSOCIATION = layout(
  {id: 'ide-address-association', name: 'IDE Address Association Register Block', spec: 'PCIe r6.2 §7.9.26.5.6'},
  {
    valid: bit(0, 4, 0, 'Valid'),
    reserved: reserved(0, 4, 7, 1),
    baseLower: bits(0, 4, 19, 8, 'Memory Base Lower, address bits 31:20'),
    limitLower: bits(0, 4, 31, 20, 'Memory Limit Lower, address bits 31:20'),
    limitUpper: u32(4, 'Memory Limit Upper, address bits 63:32'),
    baseUpper: u32(8, 'Memory Base Upper, address bits 63:32'),
  },
)

export const SELECTIVE_STREAM = layout(
  {id: 'ide-selective-stream', name: 'Selective IDE Stream Register Block', spec: 'PCIe r6.2 §7.9.26.5'},
  {
    associationBlocks: bits(0x00, 4, 3, 0, 'Number of Address Association Register Blocks'),
    capabilityReserved: reserved(0x00, 4, 31, 4),
    enable: bit(0x04, 4, 0, 'Selective IDE Stream Enable'),
    xtEnable: bit(0x04, 4, 1, 'XT Enable'),
    aggregationNpr: bits(0x04, 4, 3, 2, 'Tx Aggregation Mode NPR'),
    aggregationPr: bits(0x04, 4, 5, 4, 'Tx Aggregation Mode PR'),
    aggregationCpl: bits(0x04, 4, 7, 6, 'Tx Aggregation Mode CPL'),
    pcrcEnable: bit(0x04, 4, 8, 'PCRC Enable'),
    configEnable: bit(0x04, 4, 9, 'Selective IDE for Configuration Requests Enable'),
    headerEncryption: bits(0x04, 4, 13, 10, 'Partial Header Encryption Mode'),
    algorithm: bits(0x04, 4, 18, 14, 'Selected Algorithm', {names: ALGORITHM_NAMES}),
    trafficClass: bits(0x04, 4, 21, 19, 'Traffic Class'),
    defaultStream: bit(0x04, 4, 22, 'Default Stream'),
    teeLimited: bit(0x04, 4, 23, 'TEE-Limited Stream'),
    streamId: bits(0x04, 4, 31, 24, 'Stream ID'),
    state: bits(0x08, 4, 3, 0, 'Selective IDE Stream State', {names: STREAM_STATE_NAMES}),
    statusReserved: reserved(0x08, 4, 30, 4),
    failReceived: bit(0x08, 4, 31, 'Received Integrity Check Fail Message'),
    ridLimitReserved: reserved(0x0c, 4, 7, 0),
    ridLimit: bits(0x0c, 4, 23, 8, 'RID Limit'),
    ridLimitReserved24: reserved(0x0c, 4, 31, 24),
    ridValid: bit(0x10, 4, 0, 'RID association Valid'),
    ridBaseReserved: reserved(0x10, 4, 7, 1),
    ridBase: bits(0x10, 4, 23, 8, 'RID Base'),
    segmentBase: bits(0x10, 4, 31, 24, 'Segment Base, Flit Mode only'),
    associations: array(ADDRESS_ASSOCIATION, 'associationBlocks', 'address association blocks'),
  },
)
