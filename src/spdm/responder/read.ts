/** Requests as their layouts have them; whatever they do not describe is an InvalidRequest. */
import {type AnyLayout, DecodeError, isZero} from '../../bits/index.js'
import type {MessageContext} from '../messages/index.js'
import {refuse, require} from './refusal.js'
import type {Call} from './state.js'

const DWORD_PADDING = 3

export interface Read<L extends AnyLayout> {
  readonly value: ReturnType<L['decode']>
  /** The message as it enters transcripts: without padding. */
  readonly bytes: Uint8Array
}

/** Decodes the request. Only zeros that the transport added may follow it, and none inside a session. */
export function read<L extends AnyLayout>(
  {bytes, options, session}: Call,
  layout: L,
  context: MessageContext,
): Read<L> {
  const copy = new Uint8Array(bytes)
  const {value, end} = decode(layout, copy, context)
  const padding = copy.subarray(end)
  const most = session === undefined ? (options.maxPadding ?? DWORD_PADDING) : 0
  require(padding.length <= most && isZero(padding))
  return {value: value as ReturnType<L['decode']>, bytes: copy.subarray(0, end)}
}

function decode(layout: AnyLayout, bytes: Uint8Array, context: MessageContext) {
  try {
    return layout.read(new DataView(bytes.buffer), 0, bytes.length, context)
  } catch (error) {
    if (error instanceof DecodeError) return refuse('InvalidRequest')
    throw error
  }
}
