/** KEY_EXCHANGE and FINISH: a session with a responder that signs (DSP0274 1.3 §10.15, §10.16). */
import {offerKeyShare} from '../crypto/index.js'
import {FINISH_RSP, KEY_EXCHANGE, KEY_EXCHANGE_RSP, RANDOM_SIZE, SUMMARY_TYPE} from '../messages/index.js'
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
  WHAT,
} from './handshake.js'
import type {Link} from './link.js'
import {demandSignature, type Signer, slotByte} from './signer.js'

async function finish(link: Link, budget: Budget, keys: SecureSession, th: Transcript): Promise<void> {
  const isClear = link.agreed.clearHandshake
  const {value, bytes} = await confirm(link, budget, {keys, th, request: 'FINISH', response: FINISH_RSP, isClear})
  const {responderVerifyData} = value
  th.append(bytes.subarray(0, bytes.length - responderVerifyData.length))
  if (isClear) {
    demandVerifyData(link, keys, th, responderVerifyData)
    th.append(responderVerifyData)
  }
  keys.enterApplication(th.digest())
}

/** Opens a session with the holder of the signer's key. Throws RequesterError. */
export async function openSession(
  link: Link,
  budget: Budget,
  signer: Signer,
  {summary = 'none', endOnUpdate = false}: SessionQuery,
): Promise<Opened> {
  demandPossible(link, 'exchange')
  const connection = link.agreed
  const {version} = connection
  const {random, keyShare = offerKeyShare} = link.settings
  const reqSessionId = freshSessionId(link)
  const share = keyShare(connection.exchange!)
  const context = {version, exchangeSize: connection.exchange!.requestSize}
  const message = KEY_EXCHANGE.encode(
    {
      spdmVersion: version,
      measurementSummaryHashType: SUMMARY_TYPE[summary],
      slotId: slotByte(signer),
      reqSessionId,
      terminationPolicy: version >= 0x12 && endOnUpdate,
      randomData: random(RANDOM_SIZE),
      exchangeData: share.exchangeData,
      opaqueData: supportedVersionsOpaque(version),
    },
    context,
  )
  const {value, bytes} = await exchange(link, budget, {
    request: 'KEY_EXCHANGE',
    message,
    response: KEY_EXCHANGE_RSP,
    context: {summary: Number(hasSummary(connection, summary))},
    attempted: WHAT,
    crypto: true,
  })
  const accepted = acceptSession(link, WHAT, reqSessionId, value)
  const verified = value.responderVerifyData.length
  const signed = bytes.length - verified - value.signature.length
  const th = link.notes.handshake(signer.hash).append(message, bytes.subarray(0, signed))
  const signature = demandSignature(link, WHAT, {
    context: 'responder-key_exchange_rsp signing',
    transcript: th,
    signer,
    signature: value.signature,
  })
  th.append(value.signature)
  // only now is it the responder, and nobody else, who asks for it
  if (value.mutAuthRequested !== 0)
    throw link.failure(WHAT, 'mutual-authentication', 'the responder wants to authenticate us, too', {
      hint: 'tsmctl has no identity of its own; configure the responder not to ask for one',
    })
  const secret = share.agree(value.exchangeData)
  const keys = new SecureSession({
    connection,
    id: accepted.id,
    role: 'requester',
    secret,
    kind: 'exchange',
    form: link.settings.transport.records,
  })
  secret.fill(0)
  return guarded(link, keys, async () => {
    keys.enterHandshake(th.digest())
    if (!connection.clearHandshake) {
      demandVerifyData(link, keys, th, value.responderVerifyData)
      th.append(value.responderVerifyData)
    }
    await finish(link, budget, keys, th)
    return {
      keys,
      facts: {...accepted, signature, slot: signer.slot},
    }
  })
}
