/** What every TDISP message starts with (PCIe r7.0 §11.3.3). The ProtocolID byte before it belongs to the carrier. */
import {bit, bits, layout, nested, reserved, u8} from '../bits/index.js'
import {TDISP_MESSAGE_NAMES} from './names.js'

const id = {
  requesterId: bits(0, 4, 15, 0, 'Requester ID: bus [15:8], device [7:3], function [2:0]'),
  requesterSegment: bits(0, 4, 23, 16, 'Requester Segment, reserved unless valid'),
  requesterSegmentValid: bit(0, 4, 24, 'Requester Segment Valid'),
  reserved: reserved(0, 4, 31, 25),
}

export const FUNCTION_ID = layout({id: 'tdisp-function-id', name: 'FUNCTION_ID', spec: 'PCIe r7.0 §11.3.3'}, id)

export const INTERFACE_ID = layout(
  {id: 'tdisp-interface-id', name: 'INTERFACE_ID', spec: 'PCIe r7.0 §11.3.3'},
  {...id, reserved4: reserved(4, 4), reserved8: reserved(8, 4)},
)

/** Fields of the 16-byte header of the message with `code`, or of any message. */
export const header = (code?: number) => ({
  tdispVersion: u8(0, 'TDISPVersion, 0x10'),
  messageType: u8(
    1,
    'MessageType',
    code === undefined ? {names: TDISP_MESSAGE_NAMES} : {names: TDISP_MESSAGE_NAMES, is: code},
  ),
  reserved2: reserved(2, 2),
  interfaceId: nested(4, INTERFACE_ID, 'the TDI this message is about; a response echoes it'),
})

/** Bytes of the header: every body starts here. */
export const BODY = 16

export const TDISP_HEADER = layout(
  {id: 'tdisp-header', name: 'TDISP message header', spec: 'PCIe r7.0 §11.3.3'},
  header(),
)
