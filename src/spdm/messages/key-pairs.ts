/** GET_KEY_PAIR_INFO, SET_KEY_PAIR_INFO and their responses (DSP0274 1.3, "Key pair information"). */
import {bit, bytes, layout, NEXT, reserved, type Seen, u16, u32, u8} from '../../bits/index.js'
import {header, since} from './header.js'

const SPEC = 'DSP0274 1.3, "Key pair information"'
const CONTEXTS = [{}, {version: 0x13}, {version: 0x14}]
const empty = {param1: reserved(2, 1), param2: reserved(3, 1)}
const KEY_USES = 'bit 0 key exchange, 1 challenge, 2 measurement, 3 endpoint info, 14 standards, 15 vendor'

export const GET_KEY_PAIR_INFO = layout(
  {id: 'spdm-get-key-pair-info', name: 'GET_KEY_PAIR_INFO', spec: SPEC},
  {...header('GET_KEY_PAIR_INFO'), ...empty, keyPairId: u8(4, 'KeyPairID, from 1')},
)

export const KEY_PAIR_INFO = layout(
  {id: 'spdm-key-pair-info', name: 'KEY_PAIR_INFO', spec: SPEC, contexts: CONTEXTS},
  {
    ...header('KEY_PAIR_INFO'),
    ...empty,
    totalKeyPairs: u8(4, 'TotalKeyPairs'),
    keyPairId: u8(5, 'KeyPairID'),
    genKeyCap: bit(6, 2, 0, 'Capabilities: GenKeyCap'),
    erasableCap: bit(6, 2, 1, 'Capabilities: ErasableCap'),
    certAssocCap: bit(6, 2, 2, 'Capabilities: CertAssocCap'),
    keyUsageCap: bit(6, 2, 3, 'Capabilities: KeyUsageCap'),
    asymAlgoCap: bit(6, 2, 4, 'Capabilities: AsymAlgoCap'),
    shareableCap: bit(6, 2, 5, 'Capabilities: ShareableCap'),
    capabilitiesReserved: reserved(6, 2, 15, 6),
    keyUsageCapabilities: u16(8, `KeyUsageCapabilities: ${KEY_USES}`),
    currentKeyUsage: u16(10, `CurrentKeyUsage: ${KEY_USES}`),
    asymAlgoCapabilities: u32(12, 'AsymAlgoCapabilities'),
    currentAsymAlgo: u32(16, 'CurrentAsymAlgo'),
    publicKeyInfoLength: u16(20, 'PublicKeyInfoLen'),
    assocCertSlotMask: u8(22, 'AssocCertSlotMask'),
    publicKeyInfo: bytes(NEXT, 'publicKeyInfoLength', 'PublicKeyInfo: DER AlgorithmIdentifier'),
    pqcAsymAlgoCapabilitiesLength: u8(NEXT, 'PqcAsymAlgoCapLen (1.4)', {when: since(0x14)}),
    pqcAsymAlgoCapabilities: bytes(NEXT, 'pqcAsymAlgoCapabilitiesLength', 'PqcAsymAlgoCapabilities (1.4)', {
      when: since(0x14),
    }),
    currentPqcAsymAlgoLength: u8(NEXT, 'CurrentPqcAsymAlgoLen (1.4)', {when: since(0x14)}),
    currentPqcAsymAlgo: bytes(NEXT, 'currentPqcAsymAlgoLength', 'CurrentPqcAsymAlgo (1.4)', {when: since(0x14)}),
  },
)

const KEY_PAIR_OPERATION = {change: 0, erase: 1, generate: 2} as const

const wantsSomething = (seen: Seen): boolean => seen.operation !== KEY_PAIR_OPERATION.erase
const wantsPqc = (seen: Seen): boolean => wantsSomething(seen) && since(0x14)(seen)

/** To erase a key pair its number is enough; the other operations say what the key pair shall be. */
export const SET_KEY_PAIR_INFO = layout(
  {id: 'spdm-set-key-pair-info', name: 'SET_KEY_PAIR_INFO', spec: SPEC, contexts: CONTEXTS},
  {
    ...header('SET_KEY_PAIR_INFO'),
    operation: u8(2, 'Param1: Operation', {names: {0: 'change', 1: 'erase', 2: 'generate'}}),
    param2: reserved(3, 1),
    keyPairId: u8(4, 'KeyPairID, from 1'),
    reserved5: u8(NEXT, 'reserved', {when: wantsSomething}),
    desiredKeyUsage: u16(NEXT, `DesiredKeyUsage: ${KEY_USES}`, {when: wantsSomething}),
    desiredAsymAlgo: u32(NEXT, 'DesiredAsymAlgo', {when: wantsSomething}),
    desiredAssocCertSlotMask: u8(NEXT, 'DesiredAssocCertSlotMask', {when: wantsSomething}),
    desiredPqcAsymAlgoLength: u8(NEXT, 'DesiredPqcAsymAlgoLen (1.4)', {when: wantsPqc}),
    desiredPqcAsymAlgo: bytes(NEXT, 'desiredPqcAsymAlgoLength', 'DesiredPqcAsymAlgo (1.4)', {when: wantsPqc}),
  },
)

export const SET_KEY_PAIR_INFO_ACK = layout(
  {id: 'spdm-set-key-pair-info-ack', name: 'SET_KEY_PAIR_INFO_ACK', spec: SPEC},
  {...header('SET_KEY_PAIR_INFO_ACK'), ...empty},
)
