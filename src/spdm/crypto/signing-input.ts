/** What an SPDM signature covers (DSP0274 1.3 §15 "Signature generation and validation"). */
import {concat} from '../../bits/index.js'
import type {HashAlgorithm} from '../algorithms.js'
import {versionText} from '../version.js'
import {digestOf} from './transcript-hash.js'

/** Context strings of signatures since 1.2. */
export type SignatureContext =
  | 'responder-challenge_auth signing'
  | 'requester-challenge_auth signing'
  | 'responder-measurements signing'
  | 'responder-key_exchange_rsp signing'
  | 'requester-finish signing'
  | 'responder-endpoint_info signing'
  | 'requester-endpoint_info signing'

/** Messages one after another, as they went over the wire; or whoever keeps them and their digest under the base hash. */
export type SignedTranscript = Uint8Array | {bytes(): Uint8Array; digest(): Uint8Array}

/** Bytes of the context string and the zeros before it. */
const CONTEXT_SIZE = 36

export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The 100 bytes that precede the transcript hash since 1.2: version four times, then the context, right-aligned. */
export const combinedPrefix = (version: number, context: SignatureContext): Uint8Array =>
  concat(
    ascii(`dmtf-spdm-v${versionText(version)}.*`.repeat(4)),
    new Uint8Array(CONTEXT_SIZE - context.length),
    ascii(context),
  )

const bytesOf = (transcript: SignedTranscript): Uint8Array =>
  transcript instanceof Uint8Array ? transcript : transcript.bytes()

const digestUnder = (hash: HashAlgorithm, transcript: SignedTranscript): Uint8Array =>
  transcript instanceof Uint8Array ? digestOf(hash, transcript) : transcript.digest()

/**
 * The message to give to a signature primitive that hashes with `hash`. Up to 1.1 that is the transcript itself: its
 * digest is what is signed. Since 1.2 it is the combined prefix and the transcript's digest.
 */
export const signingInput = (
  version: number,
  context: SignatureContext,
  hash: HashAlgorithm,
  transcript: SignedTranscript,
): Uint8Array =>
  version < 0x12 ? bytesOf(transcript) : concat(combinedPrefix(version, context), digestUnder(hash, transcript))
