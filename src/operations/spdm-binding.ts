/** How SPDM goes over a medium: what each message and record is wrapped in. */
import {concat} from '../bits/index.js'
import type {TsmctlError} from '../errors.js'
import {LINK_TYPE, MCTP_HEADER, MCTP_MESSAGE_TYPE, MCTP_TYPE} from '../pcap/index.js'
import {type Datagram, DOE_RECORDS, MCTP_RECORDS, type RecordForm} from '../spdm/index.js'
import {unwrap, wrap} from './spdm-doe-object.js'

export type BindingName = 'doe' | 'mctp'

export interface Binding {
  readonly name: BindingName
  /** Its number in frames of the DMTF emulator, and its name on that one's command line. */
  readonly frameType: number
  readonly emulatorName: string
  /** Zero bytes that may follow a message, and bytes that are put around one at most. */
  readonly maxPadding: number
  readonly overhead: number
  readonly records: RecordForm
  readonly linkType: number
  wrap(datagram: Datagram): Uint8Array
  /** Throws what `refuse` makes of anything but a message or record of SPDM. */
  unwrap(bytes: Uint8Array, refuse: (got: string) => TsmctlError): Datagram
  /** What a capture file has in front. */
  readonly captureHead: Uint8Array
}

/** Data objects (PCIe r6.2 §6.31): whole dwords behind a header of eight bytes. */
export const DOE_BINDING: Binding = {
  name: 'doe',
  frameType: 2,
  emulatorName: 'PCI_DOE',
  maxPadding: 3,
  overhead: 8 + 3,
  records: DOE_RECORDS,
  linkType: LINK_TYPE.PCI_DOE,
  wrap,
  unwrap,
  captureHead: new Uint8Array(),
}

/** Messages of MCTP (DSP0275, DSP0276): their type, then the message or record. Packets are the medium's business. */
export const MCTP_BINDING: Binding = {
  name: 'mctp',
  frameType: 1,
  emulatorName: 'MCTP',
  maxPadding: 0,
  overhead: MCTP_TYPE.headSize,
  records: MCTP_RECORDS,
  linkType: LINK_TYPE.MCTP,
  wrap: ({secured, payload}) =>
    concat(MCTP_TYPE.encode({messageType: secured ? MCTP_MESSAGE_TYPE.secured : MCTP_MESSAGE_TYPE.spdm}), payload),
  unwrap(bytes, refuse) {
    if (bytes.length < MCTP_TYPE.headSize) throw refuse('an empty MCTP message')
    const {messageType, integrityCheck} = MCTP_TYPE.decode(bytes.subarray(0, MCTP_TYPE.headSize))
    const secured = messageType === MCTP_MESSAGE_TYPE.secured
    if (integrityCheck || (!secured && messageType !== MCTP_MESSAGE_TYPE.spdm))
      throw refuse(
        `an MCTP message of type ${messageType}${integrityCheck ? ' with an integrity check' : ''}, which is not SPDM`,
      )
    return {secured, payload: bytes.subarray(MCTP_TYPE.headSize)}
  },
  captureHead: MCTP_HEADER.encode({headerVersion: 1, startOfMessage: true, endOfMessage: true}),
}

export const BINDINGS: Readonly<Record<BindingName, Binding>> = {doe: DOE_BINDING, mctp: MCTP_BINDING}
