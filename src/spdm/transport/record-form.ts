/** What a medium adds to the records of DSP0277: each binding says so for itself. */

export interface RecordForm {
  readonly name: 'doe' | 'mctp'
  /** Low bytes of the sequence number in the header of a record. */
  readonly sequenceSize: 0 | 2
  /** What every plaintext starts with, in front of the SPDM message. */
  readonly prefix: Uint8Array
}

/** PCIe r6.2 §6.31.3: objects arrive in order, and their type says what they carry. */
export const DOE_RECORDS: RecordForm = {name: 'doe', sequenceSize: 0, prefix: new Uint8Array()}

/** DSP0276 1.2: the low half of the sequence number, and the MCTP message type of SPDM in front of the message. */
export const MCTP_RECORDS: RecordForm = {name: 'mctp', sequenceSize: 2, prefix: Uint8Array.of(5)}
