/** Secured messages as PCI-SIG's binding frames them: no sequence number and no random data (DSP0277 §7; PCIe 6.3 §6.31.3). */
import {bytes, layout, NEXT, REST, u16, u32} from '../../bits/index.js'

/** Bytes of the header, which is authenticated but not encrypted. */
export const RECORD_HEADER_SIZE = 6
/** Bytes of the tag at the end of a record. */
export const TAG_SIZE = 16
/** Bytes of ApplicationDataLength, the first of the plaintext. */
export const APPLICATION_LENGTH_SIZE = 2

/** A record up to the end that it states itself; what follows is the transport's padding. */
export const SECURED_MESSAGE = layout(
  {id: 'spdm-secured-message', name: 'SecuredMessage', spec: 'DSP0277 1.2 §7'},
  {
    sessionId: u32(0, 'ReqSessionID in the low half, RspSessionID in the high half'),
    length: u16(4, 'bytes that follow: data and MAC'),
    protectedData: bytes(NEXT, 'length', 'ciphertext, or clear data, and the MAC'),
  },
)

/** What a record decrypts to. */
export const APPLICATION_DATA = layout(
  {id: 'spdm-application-data', name: 'ApplicationData', spec: 'DSP0277 1.2 §7'},
  {
    applicationDataLength: u16(0, 'bytes of the message'),
    applicationData: bytes(NEXT, 'applicationDataLength', 'the SPDM message'),
    randomData: bytes(NEXT, REST, 'hides the length of the message; ignored'),
  },
)

/** The SessionID that a record names, or undefined when it is too short to name one. */
export const sessionIdOf = (record: Uint8Array): number | undefined =>
  record.length < 4 ? undefined : new DataView(record.buffer, record.byteOffset).getUint32(0, true)
