/** PSK_EXCHANGE and PSK_FINISH: a session under a key both sides have already (DSP0274 1.3 §10.17). */
import {PSK_EXCHANGE, PSK_EXCHANGE_RSP, PSK_FINISH_RSP, SUMMARY_TYPE} from '../messages/index.js'
import {supportedVersionsOpaque} from '../negotiation/index.js'
import {SecureSession} from '../session/index.js'
import type {Transcript} from '../transcript/index.js'
import type {Budget} from './budget.js'
import {hasSummary} from './challenge.js'
import {exchange} from './exchange.js'
import {
  acceptSession,
  confirm,
  demandPossible,
  demandVerifyData,
  freshSessionId,
  guarded,
  type Opened,
  type SessionQuery,
} from './handshake.js'
import type {Link} from './link.js'

export interface PskQuery extends SessionQuery {
  /** The pre-shared key; the caller keeps and zeroes its copy. */
  readonly psk: Uint8Array
  /** Tells the responder which key is meant. */
  readonly hint?: Uint8Array
}

const WHAT = 'open a session with a pre-shared key'
/** Bytes of RequesterContext: not less than any digest. */
const CONTEXT_SIZE = 64
/** PSK_CAP of a responder that takes part with a context of its own; only then PSK_FINISH follows. */
const WITH_CONTEXT = 2

async function finish(link: Link, budget: Budget, keys: SecureSession, th: Transcript): Promise<void> {
  const {bytes} = await confirm(link, budget, {keys, th, request: 'PSK_FINISH', response: PSK_FINISH_RSP})
  th.append(bytes)
}

/** Opens a session with whoever has the same key. Throws RequesterError. */
export async function openPskSession(
  link: Link,
  budget: Budget,
  {psk, hint = new Uint8Array(), summary = 'none', endOnUpdate = false}: PskQuery,
): Promise<Opened> {
  demandPossible(link, 'psk')
  const connection = link.agreed
  const {version, hash, responder} = connection
  const reqSessionId = freshSessionId(link)
  const message = PSK_EXCHANGE.encode(
    {
      spdmVersion: version,
      measurementSummaryHashType: SUMMARY_TYPE[summary],
      terminationPolicy: version >= 0x12 && endOnUpdate,
      reqSessionId,
      pskHint: hint,
      requesterContext: link.settings.random(CONTEXT_SIZE),
      opaqueData: supportedVersionsOpaque(version),
    },
    {version},
  )
  const {value, bytes} = await exchange(link, budget, {
    request: 'PSK_EXCHANGE',
    message,
    response: PSK_EXCHANGE_RSP,
    context: {summary: Number(hasSummary(connection, summary))},
    attempted: WHAT,
    crypto: true,
  })
  const accepted = acceptSession(link, WHAT, reqSessionId, value)
  const hasContext = responder.flags.pskCap === WITH_CONTEXT
  if (hasContext !== value.responderContext.length > 0)
    throw link.failure(
      WHAT,
      'capabilities',
      `PSK_CAP says ${hasContext ? 'with' : 'without'} context, the response not`,
    )
  const th = link.notes.handshake().append(message, bytes.subarray(0, bytes.length - hash!.size))
  const keys = new SecureSession({
    connection,
    id: accepted.id,
    role: 'requester',
    secret: psk,
    kind: 'psk',
    form: link.settings.transport.records,
  })
  return guarded(link, keys, async () => {
    keys.enterHandshake(th.digest())
    demandVerifyData(link, keys, th, value.responderVerifyData)
    th.append(value.responderVerifyData)
    if (hasContext) await finish(link, budget, keys, th)
    keys.enterApplication(th.digest())
    return {
      keys,
      facts: {...accepted, signature: undefined, slot: undefined},
    }
  })
}
