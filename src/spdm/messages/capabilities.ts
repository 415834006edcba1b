/** GET_VERSION, VERSION, GET_CAPABILITIES and CAPABILITIES (DSP0274 1.3 §10.3, §10.4). */
import {array, bit, bits, layout, nested, NEXT, reserved, type Seen, u16, u32, u8} from '../../bits/index.js'
import {SUPPORTED_ALGORITHMS} from './algorithms.js'
import {SPDM_VERSION, SPDM_VERSION_NAMES} from './codes.js'
import {header, since} from './header.js'

const CONTEXTS = [{}, {version: 0x10}, {version: 0x11}, {version: 0x12}, {version: 0x13}]

export const VERSION_NUMBER_ENTRY = layout(
  {id: 'spdm-version-number-entry', name: 'VersionNumberEntry', spec: 'DSP0274 1.3 §10.3'},
  {
    alpha: bits(0, 2, 3, 0, 'Alpha'),
    updateVersionNumber: bits(0, 2, 7, 4, 'UpdateVersionNumber'),
    minorVersion: bits(0, 2, 11, 8, 'MinorVersion'),
    majorVersion: bits(0, 2, 15, 12, 'MajorVersion'),
  },
)

/** Both messages are always of version 1.0: nothing has been agreed yet. */
const unversioned = (name: 'GET_VERSION' | 'VERSION') => ({
  ...header(name),
  spdmVersion: u8(0, 'SPDMVersion, always 1.0', {names: SPDM_VERSION_NAMES, is: SPDM_VERSION['1.0']}),
  param1: reserved(2, 1),
  param2: reserved(3, 1),
})

export const GET_VERSION = layout(
  {id: 'spdm-get-version', name: 'GET_VERSION', spec: 'DSP0274 1.3 §10.3'},
  unversioned('GET_VERSION'),
)

export const VERSION = layout(
  {id: 'spdm-version', name: 'VERSION', spec: 'DSP0274 1.3 §10.3'},
  {
    ...unversioned('VERSION'),
    reserved4: reserved(4, 1),
    versionNumberEntryCount: u8(5, 'VersionNumberEntryCount'),
    versionNumberEntries: array(VERSION_NUMBER_ENTRY, 'versionNumberEntryCount', 'versions the responder supports'),
  },
)

/** Flags of either side; which bits a requester may set, and since which version, is in the descriptions. */
export const CAPABILITY_FLAGS = layout(
  {id: 'spdm-capability-flags', name: 'Flags', spec: 'DSP0274 1.3 §10.4'},
  {
    cacheCap: bit(0, 4, 0, 'CACHE_CAP: responder keeps negotiated state over reset'),
    certCap: bit(0, 4, 1, 'CERT_CAP'),
    chalCap: bit(0, 4, 2, 'CHAL_CAP'),
    measCap: bits(0, 4, 4, 3, 'MEAS_CAP', {names: {0: 'none', 1: 'unsigned', 2: 'signed'}}),
    measFreshCap: bit(0, 4, 5, 'MEAS_FRESH_CAP: measurements are taken when asked, not at reset'),
    encryptCap: bit(0, 4, 6, 'ENCRYPT_CAP (1.1)'),
    macCap: bit(0, 4, 7, 'MAC_CAP (1.1)'),
    mutAuthCap: bit(0, 4, 8, 'MUT_AUTH_CAP (1.1)'),
    keyExCap: bit(0, 4, 9, 'KEY_EX_CAP (1.1)'),
    pskCap: bits(0, 4, 11, 10, 'PSK_CAP (1.1)', {names: {0: 'none', 1: 'without context', 2: 'with context'}}),
    encapCap: bit(0, 4, 12, 'ENCAP_CAP (1.1)'),
    hbeatCap: bit(0, 4, 13, 'HBEAT_CAP (1.1)'),
    keyUpdCap: bit(0, 4, 14, 'KEY_UPD_CAP (1.1)'),
    handshakeInTheClearCap: bit(0, 4, 15, 'HANDSHAKE_IN_THE_CLEAR_CAP (1.1)'),
    pubKeyIdCap: bit(0, 4, 16, 'PUB_KEY_ID_CAP (1.1)'),
    chunkCap: bit(0, 4, 17, 'CHUNK_CAP (1.2)'),
    aliasCertCap: bit(0, 4, 18, 'ALIAS_CERT_CAP (1.2, responder)'),
    setCertCap: bit(0, 4, 19, 'SET_CERT_CAP (1.2, responder)'),
    csrCap: bit(0, 4, 20, 'CSR_CAP (1.2, responder)'),
    certInstallResetCap: bit(0, 4, 21, 'CERT_INSTALL_RESET_CAP (1.2, responder)'),
    epInfoCap: bits(0, 4, 23, 22, 'EP_INFO_CAP (1.3)', {names: {0: 'none', 1: 'unsigned', 2: 'signed'}}),
    melCap: bit(0, 4, 24, 'MEL_CAP (1.3, responder)'),
    eventCap: bit(0, 4, 25, 'EVENT_CAP (1.3)'),
    multiKeyCap: bits(0, 4, 27, 26, 'MULTI_KEY_CAP (1.3)', {names: {0: 'none', 1: 'only', 2: 'negotiable'}}),
    getKeyPairInfoCap: bit(0, 4, 28, 'GET_KEY_PAIR_INFO_CAP (1.3, responder)'),
    setKeyPairInfoCap: bit(0, 4, 29, 'SET_KEY_PAIR_INFO_CAP (1.3, responder)'),
    setKeyPairResetCap: bit(0, 4, 30, 'SET_KEY_PAIR_RESET_CAP (1.4, responder)'),
    largeRespCap: bit(0, 4, 31, 'LARGE_RESP_CAP (1.4)'),
  },
)

const transferSizes = {
  dataTransferSize: u32(NEXT, 'DataTransferSize: largest single transfer', {when: since(0x12)}),
  maxSpdmMsgSize: u32(NEXT, 'MaxSPDMmsgSize: largest message, after reassembly', {when: since(0x12)}),
}

/** 4 bytes in 1.0, 12 in 1.1, 20 since 1.2. */
export const GET_CAPABILITIES = layout(
  {id: 'spdm-get-capabilities', name: 'GET_CAPABILITIES', spec: 'DSP0274 1.3 §10.4', contexts: CONTEXTS},
  {
    ...header('GET_CAPABILITIES'),
    supportedAlgorithmsRequested: bit(2, 1, 0, 'Param1: SupportedAlgorithms block wanted (1.3)'),
    param1: reserved(2, 1, 7, 1),
    param2: reserved(3, 1),
    reserved4: u8(NEXT, 'reserved', {when: since(0x11)}),
    ctExponent: u8(NEXT, 'CTExponent: 2^n microseconds for a cryptographic response', {when: since(0x11)}),
    extFlags: u16(NEXT, 'ExtFlags (1.4), reserved before', {when: since(0x11)}),
    flags: nested(NEXT, CAPABILITY_FLAGS, 'what the requester can do', {when: since(0x11)}),
    ...transferSizes,
  },
)

/** 12 bytes in 1.0 and 1.1, 20 since 1.2, more with a SupportedAlgorithms block. */
export const CAPABILITIES = layout(
  {id: 'spdm-capabilities', name: 'CAPABILITIES', spec: 'DSP0274 1.3 §10.4', contexts: CONTEXTS},
  {
    ...header('CAPABILITIES'),
    supportedAlgorithmsPresent: bit(2, 1, 0, 'Param1: SupportedAlgorithms block follows (1.3)'),
    param1: reserved(2, 1, 7, 1),
    param2: reserved(3, 1),
    reserved4: reserved(4, 1),
    ctExponent: u8(5, 'CTExponent: 2^n microseconds for a cryptographic response'),
    extFlags: u16(6, 'ExtFlags (1.4), reserved before'),
    flags: nested(8, CAPABILITY_FLAGS, 'what the responder can do'),
    ...transferSizes,
    supportedAlgorithms: nested(NEXT, SUPPORTED_ALGORITHMS, 'every algorithm the responder supports', {
      when: (seen: Seen) => since(0x13)(seen) && (seen.supportedAlgorithmsPresent as boolean),
    }),
  },
)

export type CapabilityFlags = ReturnType<typeof CAPABILITY_FLAGS.decode>
