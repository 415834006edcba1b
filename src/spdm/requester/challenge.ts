/** CHALLENGE: the responder proves that it has the key of a slot (DSP0274 1.3 §10.8). */
import {equal} from '../../bits/index.js'
import {bitsOf} from '../algorithms.js'
import {CHALLENGE, CHALLENGE_AUTH, NONCE_SIZE, REQUESTER_CONTEXT_SIZE, SUMMARY_TYPE} from '../messages/index.js'
import type {Connection} from '../negotiation/index.js'
import type {Budget} from './budget.js'
import {exchange} from './exchange.js'
import type {Link} from './link.js'
import {checkOpaque} from './opaque.js'
import {demandSignature, PROVISIONED, type Signer, slotByte, slotNibble, type ValidSignature} from './signer.js'

export type SummaryType = keyof typeof SUMMARY_TYPE

/** What the responder has proven. */
export interface ChallengeFacts {
  readonly slot: Signer['slot']
  readonly nonce: Uint8Array
  readonly responderNonce: Uint8Array
  /** Digest over the measurements that were asked for, under the base hash. */
  readonly summaryHash: Uint8Array | undefined
  readonly opaqueData: Uint8Array
  readonly signature: ValidSignature
  /** Digest of M1/M2, which the signature covers. */
  readonly transcriptHash: Uint8Array
}

/** Is a summary part of the response? A responder without measurements leaves it out. */
export const hasSummary = ({responder}: Connection, summary: SummaryType): boolean =>
  summary !== 'none' && responder.flags.measCap !== 0

export const requesterContext = (link: Link): Uint8Array | undefined =>
  link.version >= 0x13 ? link.settings.random(REQUESTER_CONTEXT_SIZE) : undefined

/** Throws RequesterError unless the signer has answered this very challenge. */
export async function challenge(
  link: Link,
  budget: Budget,
  signer: Signer,
  summary: SummaryType,
): Promise<ChallengeFacts> {
  const attempted = 'challenge the responder'
  const {agreed, notes} = link
  const nonce = link.settings.random(NONCE_SIZE)
  const context = requesterContext(link)
  const message = CHALLENGE.encode(
    {
      spdmVersion: agreed.version,
      slotId: slotByte(signer),
      measurementSummaryHashType: SUMMARY_TYPE[summary],
      nonce,
      requesterContext: context,
    },
    {version: agreed.version},
  )
  const isSummarized = hasSummary(agreed, summary)
  const {value, bytes} = await exchange(link, budget, {
    request: 'CHALLENGE',
    message,
    response: CHALLENGE_AUTH,
    context: {summary: Number(isSummarized)},
    attempted,
    crypto: true,
  })
  const refuse = (got: string): never => {
    throw link.failure(attempted, 'echo', got)
  }
  if (value.basicMutAuthReq)
    throw link.failure(attempted, 'mutual-authentication', 'the responder wants to authenticate us, too')
  if (value.slotId !== slotNibble(signer)) refuse(`slot ${slotNibble(signer)} was asked, slot ${value.slotId} answered`)
  const slots = bitsOf(value.slotMask)
  const isListed = signer.slot === PROVISIONED ? slots.length === 0 : slots.includes(signer.slot)
  if (!isListed) refuse(`the slot mask does not fit slot ${slotNibble(signer)}`)
  if (!equal(value.certChainHash, signer.hash)) refuse('CertChainHash is not that of the chain we have')
  if (context !== undefined && !equal(value.requesterContext ?? new Uint8Array(), context))
    refuse('the requester context is not echoed')
  checkOpaque(link, attempted, value.opaqueData)
  const transcript = notes.challenge(message, bytes.subarray(0, bytes.length - value.signature.length))
  const signature = demandSignature(link, attempted, {
    context: 'responder-challenge_auth signing',
    transcript,
    signer,
    signature: value.signature,
  })
  return {
    slot: signer.slot,
    nonce,
    responderNonce: value.nonce,
    summaryHash: isSummarized ? value.measurementSummaryHash : undefined,
    opaqueData: value.opaqueData,
    signature,
    transcriptHash: transcript.digest(),
  }
}
