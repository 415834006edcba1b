/** What the decoder of one response must know: from the negotiation, and from the request it answers. */
import {type CapabilityFlags, type MessageContext, type SpdmMessage, SUMMARY_TYPE} from '../messages/index.js'
import {type Connection, contextOf} from './connection.js'

/** Is a summary of the measurements part of the response? One is asked for, and there are measurements to summarize. */
export const hasSummary = (responder: CapabilityFlags, summaryType: number): boolean =>
  summaryType !== SUMMARY_TYPE.none && responder.measCap !== 0

/**
 * What the request `name` itself says about the extent of its response; `request` is its decoded form, `responder` what
 * the responder can do if that is known.
 */
export function askedOf(
  name: SpdmMessage['name'],
  request: {readonly [field: string]: unknown},
  responder: CapabilityFlags | undefined,
): MessageContext {
  switch (name) {
    case 'CHALLENGE':
    case 'KEY_EXCHANGE':
    case 'PSK_EXCHANGE': {
      const type = request.measurementSummaryHashType as number
      if (responder === undefined) return type === SUMMARY_TYPE.none ? {summary: 0} : {}
      return {summary: Number(hasSummary(responder, type))}
    }
    case 'GET_MEASUREMENTS':
    case 'GET_ENDPOINT_INFO':
      return request.signatureRequested === true ? {} : {signatureSize: 0}
    default:
      return {}
  }
}

/** Context of the response to `request` over `connection`. A deferred or chunked response is that of its request. */
export const responseContext = (connection: Connection, {name, value}: SpdmMessage): MessageContext =>
  contextOf(connection, askedOf(name, value as unknown as Parameters<typeof askedOf>[1], connection.responder.flags))

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
