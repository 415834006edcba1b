/** GET_ENDPOINT_INFO: what kind of device this is, signed where the responder can (DSP0274 1.3, "GET_ENDPOINT_INFO"). */
import {DecodeError} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {
  DEVICE_CLASS_IDENTIFIER,
  ENDPOINT_INFO,
  ENDPOINT_INFO_SUBCODE,
  GET_ENDPOINT_INFO,
  NONCE_SIZE,
} from '../messages/index.js'
import type {SecureSession} from '../session/index.js'
import type {Budget} from './budget.js'
import {exchange} from './exchange.js'
import type {Link} from './link.js'
import {demandSignature, type Signer, slotNibble, type ValidSignature} from './signer.js'

export interface EndpointInfo {
  readonly identifiers: ReturnType<typeof DEVICE_CLASS_IDENTIFIER.decode>
  /** Undefined for a responder that cannot sign it. */
  readonly signature: ValidSignature | undefined
}

const WHAT = 'read the endpoint information'
const SIGNED = 2

/** Can the responder sign its endpoint information? */
export const signsEndpointInfo = (link: Link): boolean =>
  link.version >= 0x13 && link.agreed.responder.flags.epInfoCap === SIGNED

/** The device class identifiers, signed by `signer` if there is one. Throws RequesterError. */
export async function endpointInfo(
  link: Link,
  budget: Budget,
  signer: Signer | undefined,
  session?: SecureSession,
): Promise<EndpointInfo> {
  const {version, responder, asym} = link.agreed
  if (version < 0x13 || responder.flags.epInfoCap === 0)
    throw new TsmctlError({
      kind: 'unsupported',
      attempted: WHAT,
      subject: link.peer,
      got: 'the responder has no EP_INFO_CAP',
    })
  const isSigned = signer !== undefined
  const message = GET_ENDPOINT_INFO.encode(
    {
      spdmVersion: version,
      subCode: ENDPOINT_INFO_SUBCODE.DeviceClassIdentifier,
      slotId: isSigned ? slotNibble(signer) : 0,
      signatureRequested: isSigned,
      ...(isSigned && {nonce: link.settings.random(NONCE_SIZE)}),
    },
    {version},
  )
  const {value, bytes} = await exchange(link, budget, {
    request: 'GET_ENDPOINT_INFO',
    message,
    response: ENDPOINT_INFO,
    context: {signatureSize: isSigned ? asym!.signatureSize : 0},
    attempted: WHAT,
    crypto: isSigned,
    session,
  })
  if (isSigned && value.slotId !== slotNibble(signer))
    throw link.failure(WHAT, 'echo', `slot ${slotNibble(signer)} was asked, slot ${value.slotId} answered`)
  const unsigned = bytes.subarray(0, bytes.length - value.signature.length)
  const signature = isSigned
    ? demandSignature(link, WHAT, {
        context: 'responder-endpoint_info signing',
        transcript: link.notes.endpointInfo(message, unsigned),
        signer,
        signature: value.signature,
      })
    : undefined
  try {
    return {identifiers: DEVICE_CLASS_IDENTIFIER.decode(value.endpointInfo), signature}
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw link.failure(WHAT, 'malformed', error.message, {cause: error})
  }
}
