/**
 * Secured messages (DSP0277 1.2 §7) as the bindings frame them: PCI-SIG's without a sequence number (PCIe r6.2 §6.31.3), MCTP's
 * with half of one (DSP0276).
 */
import {bytes, DecodeError, equal, layout, NEXT, REST, toHex, u16, u32} from '../../bits/index.js'
import type {RecordForm} from '../transport/index.js'

/** Bytes of SessionID and Length. */
const FIXED_HEADER_SIZE = 6
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

/** The same on MCTP. */
export const MCTP_SECURED_MESSAGE = layout(
  {id: 'spdm-mctp-secured-message', name: 'SecuredMessage on MCTP', spec: 'DSP0276 1.2'},
  {
    sessionId: u32(0, 'ReqSessionID in the low half, RspSessionID in the high half'),
    sequenceNumber: u16(4, 'SequenceNumber [15:0]'),
    length: u16(6, 'bytes that follow: data and MAC'),
    body: bytes(NEXT, 'length', 'ciphertext, or clear data, and the MAC'),
  },
)

/** Bytes of the header, which is authenticated but not encrypted. */
export const recordHeaderSize = ({sequenceSize}: RecordForm): number => FIXED_HEADER_SIZE + sequenceSize

export interface RecordExtent {
  readonly sessionId: number
  /** Value of Length. */
  readonly length: number
  /** The record without what the transport put behind it. */
  readonly record: Uint8Array
}

/** Where the record at the start of `payload` ends. Throws DecodeError when it is cut off. */
export function recordIn(payload: Uint8Array, {sequenceSize}: RecordForm): RecordExtent {
  const data = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const {value, end} = (sequenceSize === 0 ? SECURED_MESSAGE : MCTP_SECURED_MESSAGE).read(data, 0, payload.length)
  return {sessionId: value.sessionId, length: value.length, record: payload.subarray(0, end)}
}

/** What a record decrypts to. */
export const APPLICATION_DATA = layout(
  {id: 'spdm-application-data', name: 'ApplicationData', spec: 'DSP0277 1.2 §7'},
  {
    applicationDataLength: u16(0, 'bytes of the message'),
    applicationData: bytes(NEXT, 'applicationDataLength', 'the SPDM message'),
    randomData: bytes(NEXT, REST, 'hides the length of the message; ignored'),
  },
)

interface Protection {
  readonly encrypted: boolean
  readonly form: RecordForm
}

/** What a record's plaintext carries, and whether it is an SPDM message: other protocols may use a session, too. */
export interface Content {
  /** The SPDM message, or all that is there instead of one. */
  readonly data: Uint8Array
  readonly isSpdm: boolean
}

/** Throws DecodeError when the plaintext contradicts itself. */
export function contentIn(plain: Uint8Array, {encrypted, form: {prefix}}: Protection): Content {
  const data = encrypted
    ? APPLICATION_DATA.read(new DataView(plain.buffer, plain.byteOffset, plain.length), 0, plain.length).value
        .applicationData
    : plain
  const isSpdm = equal(data.subarray(0, prefix.length), prefix)
  return {data: isSpdm ? data.subarray(prefix.length) : data, isSpdm}
}

/** The SPDM message that a record's plaintext carries. Throws DecodeError when there is none. */
export function messageIn(plain: Uint8Array, protection: Protection): Uint8Array {
  const {data, isSpdm} = contentIn(plain, protection)
  if (isSpdm) return data
  throw new DecodeError({
    structure: APPLICATION_DATA.name,
    path: 'applicationData',
    offset: 0,
    expected: `an SPDM message behind ${toHex(protection.form.prefix)}`,
    got: toHex(data.subarray(0, protection.form.prefix.length)) || 'nothing',
  })
}

/** The SessionID that a record names, or undefined when it is too short to name one. */
export const sessionIdOf = (record: Uint8Array): number | undefined =>
  record.length < 4 ? undefined : new DataView(record.buffer, record.byteOffset).getUint32(0, true)
