/** Requests as their layouts have them; whatever they do not describe is an InvalidRequest. */
import {type AnyLayout, DecodeError} from '../../bits/index.js'
import {decodeAs, type DecodedMessage, type MessageContext} from '../messages/index.js'
import {refuse} from './refusal.js'
import type {Call} from './state.js'

const DWORD_PADDING = 3

/** What `decode` returns. Throws Refusal for what is no such structure. */
export function decoding<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DecodeError) return refuse('InvalidRequest')
    throw error
  }
}

/** Decodes the request. Only zeros that the transport added may follow it, and none inside a session. */
export function read<L extends AnyLayout>(
  {bytes, options, session}: Call,
  layout: L,
  context: MessageContext,
): DecodedMessage<L> {
  const maxPadding = session === undefined ? (options.maxPadding ?? DWORD_PADDING) : 0
  return decoding(() => decodeAs(layout, bytes, context, {maxPadding}))
}
