/** PSK_EXCHANGE and PSK_FINISH: a session under a key both sides have already (DSP0274 1.3 §10.17). */
import {concat} from '../../bits/index.js'
import {TsmctlError} from '../../errors.js'
import {PSK_EXCHANGE, PSK_EXCHANGE_RSP, PSK_FINISH, PSK_FINISH_RSP, SUMMARY_TYPE} from '../messages/index.js'
import {supportedVersionsOpaque} from '../negotiation/index.js'
import {SecureSession} from '../session/index.js'
import type {Transcript} from '../transcript/index.js'
import {versionText} from '../version.js'
import type {Budget} from './budget.js'
import {hasSummary} from './challenge.js'
import {exchange} from './exchange.js'
import type {Link} from './link.js'
import {agreedSecuredVersion, checkOpaque} from './opaque.js'
import {
  acceptSession,
  demandVerifyData,
  freshSessionId,
  guarded,
  type Opened,
  type SessionQuery,
} from './open-session.js'

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

function checkPossible(link: Link): void {
  const {requester, responder, version, hash} = link.agreed
  const refuse = (got: string): never => {
    throw new TsmctlError({kind: 'unsupported', attempted: WHAT, subject: link.peer, got})
  }
  if (version < 0x11) refuse(`SPDM ${versionText(version)} has no sessions`)
  if ((requester?.flags.pskCap ?? 0) === 0) refuse('we have not offered PSK_CAP')
  if (responder.flags.pskCap === 0) refuse('the responder has no PSK_CAP')
  if (hash === undefined) refuse('no base hash was agreed')
}

async function finish(link: Link, budget: Budget, keys: SecureSession, th: Transcript): Promise<void> {
  const {version, hash} = link.agreed
  const {size} = hash!
  const draft = PSK_FINISH.encode(
    {spdmVersion: version, requesterVerifyData: new Uint8Array(size)},
    {version, hashSize: size},
  )
  const head = draft.subarray(0, draft.length - size)
  const verifyData = keys.verifyData('requester', th.append(head).digest())
  const {value, bytes} = await exchange(link, budget, {
    request: 'PSK_FINISH',
    message: concat(head, verifyData),
    response: PSK_FINISH_RSP,
    attempted: WHAT,
    crypto: true,
    session: keys,
  })
  if (value.opaqueData !== undefined) checkOpaque(link, WHAT, value.opaqueData)
  th.append(verifyData, bytes)
}

/** Opens a session with whoever has the same key. Throws RequesterError. */
export async function openPskSession(
  link: Link,
  budget: Budget,
  {psk, hint = new Uint8Array(), summary = 'none', endOnUpdate = false}: PskQuery,
): Promise<Opened> {
  checkPossible(link)
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
  const isSummarized = hasSummary(connection, summary)
  const {value, bytes} = await exchange(link, budget, {
    request: 'PSK_EXCHANGE',
    message,
    response: PSK_EXCHANGE_RSP,
    context: {summary: Number(isSummarized)},
    attempted: WHAT,
    crypto: true,
  })
  const id = acceptSession(link, reqSessionId, value)
  const securedVersion = agreedSecuredVersion(link, WHAT, value.opaqueData)
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
    id,
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
      facts: {
        id,
        heartbeatPeriod: value.heartbeatPeriod,
        securedVersion,
        summaryHash: isSummarized ? value.measurementSummaryHash : undefined,
        signature: undefined,
        slot: undefined,
      },
    }
  })
}
