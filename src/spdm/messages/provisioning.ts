/** Putting certificates into slots: GET_CSR, SET_CERTIFICATE, SLOT_MANAGEMENT and their responses (DSP0274 1.3, 1.4). */
import {bit, bits, bytes, layout, NEXT, reserved, REST, type Seen, u16, u8} from '../../bits/index.js'
import {CERTIFICATE_MODEL_NAMES} from './digests.js'
import {header} from './header.js'

const CSR_SPEC = 'DSP0274 1.3, "GET_CSR"'
const SET_SPEC = 'DSP0274 1.3, "SET_CERTIFICATE"'
const SLOT_SPEC = 'DSP0274 1.4, "SLOT_MANAGEMENT"'

export const GET_CSR = layout(
  {id: 'spdm-get-csr', name: 'GET_CSR', spec: CSR_SPEC},
  {
    ...header('GET_CSR'),
    keyPairId: u8(2, 'Param1: KeyPairID (1.3, multi-key)'),
    certificateModel: bits(3, 1, 2, 0, 'Param2: CSRCertModel (1.3)', {names: CERTIFICATE_MODEL_NAMES}),
    csrTrackingTag: bits(3, 1, 5, 3, 'Param2: CSRTrackingTag (1.3)'),
    param2: reserved(3, 1, 6, 6),
    overwrite: bit(3, 1, 7, 'Param2: Overwrite (1.3)'),
    requesterInfoLength: u16(4, 'RequesterInfoLength'),
    opaqueDataLength: u16(6, 'OpaqueDataLength'),
    requesterInfo: bytes(NEXT, 'requesterInfoLength', 'RequesterInfo: DER CertificationRequestInfo'),
    opaqueData: bytes(NEXT, 'opaqueDataLength', 'OpaqueData'),
  },
)

export const CSR = layout(
  {id: 'spdm-csr', name: 'CSR', spec: CSR_SPEC},
  {
    ...header('CSR'),
    param1: reserved(2, 1),
    param2: reserved(3, 1),
    csrLength: u16(4, 'CSRLength'),
    reserved6: reserved(6, 2),
    csr: bytes(NEXT, 'csrLength', 'CSRdata: DER CertificationRequest'),
  },
)

/** The chain has a length of its own; none is sent to erase a slot. */
export const SET_CERTIFICATE = layout(
  {id: 'spdm-set-certificate', name: 'SET_CERTIFICATE', spec: SET_SPEC},
  {
    ...header('SET_CERTIFICATE'),
    slotId: bits(2, 1, 3, 0, 'Param1: SlotID'),
    certificateModel: bits(2, 1, 6, 4, 'Param1: SetCertModel (1.3)', {names: CERTIFICATE_MODEL_NAMES}),
    erase: bit(2, 1, 7, 'Param1: Erase (1.3)'),
    keyPairId: u8(3, 'Param2: KeyPairID (1.3, multi-key)'),
    certChain: bytes(NEXT, REST, 'CertChain: the whole chain object', {when: (seen: Seen) => !seen.erase}),
  },
)

export const SET_CERTIFICATE_RSP = layout(
  {id: 'spdm-set-certificate-rsp', name: 'SET_CERTIFICATE_RSP', spec: SET_SPEC},
  {
    ...header('SET_CERTIFICATE_RSP'),
    slotId: bits(2, 1, 3, 0, 'Param1: SlotID'),
    param1: reserved(2, 1, 7, 4),
    param2: reserved(3, 1),
  },
)

const SUB_CODES = {
  0: 'SupportedSubCodes',
  1: 'GetBankInfo',
  2: 'GetBankDetails',
  3: 'GetCertificateChain',
  4: 'GetCSR',
  0x20: 'ManageBank',
  0x21: 'ManageSlot',
  0x22: 'SetCertificate',
}

/** What the subcodes carry is left as bytes: nothing here speaks them. */
const management = <const N extends 'SLOT_MANAGEMENT' | 'SLOT_MANAGEMENT_RESP'>(name: N) => ({
  ...header(name),
  subCode: u8(2, 'Param1: SubCode', {names: SUB_CODES}),
  param2: u8(3, 'Param2, by SubCode'),
  body: bytes(NEXT, REST, 'everything behind the header, by SubCode'),
})

export const SLOT_MANAGEMENT = layout(
  {id: 'spdm-slot-management', name: 'SLOT_MANAGEMENT', spec: SLOT_SPEC},
  management('SLOT_MANAGEMENT'),
)
export const SLOT_MANAGEMENT_RESP = layout(
  {id: 'spdm-slot-management-resp', name: 'SLOT_MANAGEMENT_RESP', spec: SLOT_SPEC},
  management('SLOT_MANAGEMENT_RESP'),
)
