/** TDISP messages as SPDM carries them: behind the ProtocolID byte of a PCI-SIG vendor-defined message. */
import {concat, DecodeError, hex} from '../bits/index.js'
import {decodeTdispMessage, type DecodedTdisp} from './messages.js'

/** ProtocolID of TDISP within the PCI-SIG vendor-defined messages. */
export const TDISP_PROTOCOL = 1

/** The payload that carries a TDISP message. */
export const tdispPayload = (message: Uint8Array): Uint8Array => concat(Uint8Array.of(TDISP_PROTOCOL), message)

/** The TDISP message in a payload, not copied. Throws DecodeError for any other ProtocolID. */
export function tdispMessage(payload: Uint8Array): Uint8Array {
  const [protocol] = payload
  if (protocol === TDISP_PROTOCOL) return payload.subarray(1)
  throw new DecodeError({
    structure: 'TDISP payload',
    path: 'protocolId',
    offset: 0,
    expected: `ProtocolID ${TDISP_PROTOCOL}`,
    got: protocol === undefined ? '0 bytes' : hex(protocol, 2),
  })
}

/** Decodes a whole payload; offsets in errors count from the TDISP header, as the specification does. */
export const decodeTdispPayload = (payload: Uint8Array): DecodedTdisp => decodeTdispMessage(tdispMessage(payload))
