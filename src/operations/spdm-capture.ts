/** Capture files as datagrams of SPDM: the link layers that can carry it, taken off. */
import {DecodeError} from '../bits/index.js'
import {TsmctlError} from '../errors.js'
import {
  type CaptureRecord,
  LINK_TYPE,
  linkTypeText,
  MCTP_MESSAGE_TYPE,
  type MctpResult,
  reassembler,
} from '../pcap/index.js'
import {CMA_SPDM, decodeDoeObject, SECURED_CMA_SPDM} from '../pci/index.js'
import type {ObservedDatagram} from '../spdm/index.js'

/** A record: the datagram in it, or what it is instead. */
export type Framed =
  | {readonly kind: 'datagram'; readonly datagram: ObservedDatagram}
  /** Something else that belongs there, such as DOE discovery. */
  | {readonly kind: 'other'; readonly text: string}
  /** Part of a message that a later record completes. */
  | {readonly kind: 'part'}
  | {readonly kind: 'damaged'; readonly why: string}

const PCI_SIG = 1
const DOE_DISCOVERY = 0
/** Objects count dwords. */
const DOE_PADDING = 3

const damaged = (why: string): Framed => ({kind: 'damaged', why})

function doe({bytes}: CaptureRecord): Framed {
  try {
    const {vendor, type, payload} = decodeDoeObject(bytes)
    if (vendor !== PCI_SIG) return {kind: 'other', text: `DOE object of vendor ${vendor}, type ${type}`}
    if (type === DOE_DISCOVERY) return {kind: 'other', text: 'DOE discovery'}
    if (type !== CMA_SPDM.type && type !== SECURED_CMA_SPDM.type)
      return {kind: 'other', text: `DOE object of PCI-SIG, type ${type}`}
    return {
      kind: 'datagram',
      datagram: {secured: type === SECURED_CMA_SPDM.type, payload, maxPadding: DOE_PADDING},
    }
  } catch (error) {
    if (error instanceof DecodeError) return damaged(error.message)
    throw error
  }
}

function mctp(result: MctpResult): Framed {
  if (result.kind === 'more') return {kind: 'part'}
  if (result.kind === 'lost') return damaged(result.why)
  const {type, body} = result.message
  if (type !== MCTP_MESSAGE_TYPE.spdm && type !== MCTP_MESSAGE_TYPE.secured)
    return {kind: 'other', text: `MCTP message of type ${type}`}
  return {
    kind: 'datagram',
    datagram: {
      secured: type === MCTP_MESSAGE_TYPE.secured,
      payload: body,
      maxPadding: 0,
      framing: 'mctp',
    },
  }
}

/** Takes the link layer off records, in order. Throws TsmctlError `unsupported` for a link type without SPDM. */
export function unframer(): (record: CaptureRecord) => Framed {
  const packets = reassembler()
  return record => {
    if (record.truncated) return damaged(`the capture holds only ${record.bytes.length} bytes of it`)
    switch (record.linkType) {
      case LINK_TYPE.MCTP:
        return mctp(packets(record.bytes))
      case LINK_TYPE.PCI_DOE:
        return doe(record)
      default:
        throw new TsmctlError({
          kind: 'unsupported',
          attempted: `read record ${record.index} of the capture`,
          got: `link type ${linkTypeText(record.linkType)} does not carry SPDM in a form that is known here`,
          hint: `What works: ${Object.values(LINK_TYPE).map(linkTypeText).join(' and ')}.`,
        })
    }
  }
}
