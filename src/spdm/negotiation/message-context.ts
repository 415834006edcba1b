/** What the decoder of one response must know: from the negotiation, and from the request it answers. */
import {type MessageContext, type SpdmMessage, SUMMARY_TYPE} from '../messages/index.js'
import {type Connection, contextOf} from './connection.js'

/** A summary of the measurements was asked for, and the responder has measurements to summarize. */
const hasSummary = ({responder}: Connection, type: number): MessageContext => ({
  summary: Number(type !== SUMMARY_TYPE.none && responder.flags.measCap !== 0),
})

const unsignedUnless = (asked: boolean): MessageContext => (asked ? {} : {signatureSize: 0})

/** Context of the response to `request` over `connection`. A deferred or chunked response is that of its request. */
export function responseContext(connection: Connection, request: SpdmMessage): MessageContext {
  switch (request.name) {
    case 'CHALLENGE':
    case 'KEY_EXCHANGE':
    case 'PSK_EXCHANGE':
      return contextOf(connection, hasSummary(connection, request.value.measurementSummaryHashType))
    case 'GET_MEASUREMENTS':
    case 'GET_ENDPOINT_INFO':
      return contextOf(connection, unsignedUnless(request.value.signatureRequested))
    default:
      return contextOf(connection)
  }
}

/**
 * The connection as encapsulated messages see it: the responder asks and the requester answers with its own key. In the
 * answers there are no summaries, because only a responder has measurements.
 */
export const encapsulatedContext = (connection: Connection, request?: SpdmMessage): MessageContext => ({
  ...(request === undefined ? contextOf(connection) : responseContext(connection, request)),
  signatureSize:
    request?.name === 'GET_ENDPOINT_INFO' && !request.value.signatureRequested
      ? 0
      : (connection.requesterAsym?.signatureSize ?? 0),
  multiKey: Number(connection.requesterMultiKey),
  summary: 0,
})
