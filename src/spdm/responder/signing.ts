/** Signatures of the responder, and which of its keys may make them. */
import {bitsOf} from '../algorithms.js'
import type {SignatureContext} from '../crypto/index.js'
import type {Connection} from '../negotiation/index.js'
import type {Transcript} from '../transcript/index.js'
import {keyUsageOf, slotOf} from './identity.js'
import type {ResponderSlot} from './options.js'
import {require} from './refusal.js'
import {type Call, negotiatedOf} from './state.js'

/** The slot `slot` for a signature of `use` (`KEY_USAGE`). Throws Refusal when it is empty or not for that. */
export function slotFor(call: Call, slot: number, use: number): ResponderSlot {
  const found = slotOf(call, slot)
  require(!negotiatedOf(call).connection.multiKey || bitsOf(keyUsageOf(found)).includes(use))
  return found
}

export const signWith = (
  {sign}: ResponderSlot,
  {version, hash, asym}: Connection,
  context: SignatureContext,
  transcript: Transcript,
): Uint8Array => sign({version, context, hash: hash!, asym: asym!, transcript})
