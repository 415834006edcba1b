/** SPDM messages as they come from a transport: which one it is, what it says, and where it ends. */
import {type AnyLayout, DecodeError, type DecodeFailure, hex, isZero} from '../../bits/index.js'
import type {MessageContext} from './context.js'
import {SPDM_CODE_NAMES, SPDM_VERSION, SPDM_VERSION_NAMES, type SpdmMessageName} from './codes.js'
import {SPDM_HEADER} from './header.js'
import {SPDM_MESSAGES, type SpdmMessageValue} from './registry.js'

const STRUCTURE = 'SPDM message'

/** Why bytes are not a message. `code` is a code nobody defined, `version` one that is unknown or was not agreed. */
export type SpdmMessageFault = 'short' | 'version' | 'code' | 'content' | 'trailing'

/** A DecodeError that says what a responder must know to answer it, and a requester to explain it. */
export class SpdmMessageError extends DecodeError {
  readonly fault: SpdmMessageFault

  constructor(fault: SpdmMessageFault, where: DecodeFailure) {
    super(where)
    this.name = 'SpdmMessageError'
    this.fault = fault
  }
}

/** `bytes` are what was sent, without padding: what transcripts are made of. */
interface Of<N extends SpdmMessageName> {
  readonly name: N
  readonly layout: (typeof SPDM_MESSAGES)[N]
  readonly value: SpdmMessageValue<N>
  readonly bytes: Uint8Array
}

/** One message; `name` tells which. */
export type SpdmMessage<N extends SpdmMessageName = SpdmMessageName> = {[K in N]: Of<K>}[N]

export interface DecodeOptions {
  /** Zero bytes a transport may have added behind the message: 3 for DOE, which carries whole dwords. Default 0. */
  readonly maxPadding?: number
}

const fail = (fault: SpdmMessageFault, path: string, offset: number, expected: string, got: string): never => {
  throw new SpdmMessageError(fault, {structure: STRUCTURE, path, offset, expected, got})
}

/** `bytes` are what was sent, without padding: what enters transcripts. */
export interface DecodedMessage<L extends AnyLayout> {
  readonly value: ReturnType<L['decode']>
  readonly bytes: Uint8Array
}

/** The message of `layout` that `input` starts with; it owns its bytes. Throws SpdmMessageError `content` or `trailing`. */
export function decodeAs<L extends AnyLayout>(
  layout: L,
  input: Uint8Array,
  context: MessageContext,
  {maxPadding = 0}: DecodeOptions = {},
): DecodedMessage<L> {
  // checked bytes must not change afterwards
  const copy = new Uint8Array(input)
  let read: {readonly value: unknown; readonly end: number}
  try {
    read = layout.read(new DataView(copy.buffer), 0, copy.length, context)
  } catch (error) {
    throw error instanceof DecodeError ? new SpdmMessageError('content', error.where) : error
  }
  const {value, end} = read
  const rest = copy.subarray(end)
  if (rest.length > maxPadding || !isZero(rest))
    fail('trailing', layout.name, end, `at most ${maxPadding} zero bytes`, `${rest.length} bytes behind the message`)
  return {value: value as ReturnType<L['decode']>, bytes: copy.subarray(0, end)}
}

const text = (byte: number): string => hex(byte, 2)

/** GET_VERSION and VERSION belong to no version; an ERROR from before one was agreed says 1.0. */
function checkVersion(name: SpdmMessageName, version: number, agreed: number | undefined): void {
  const unversioned = name === 'GET_VERSION' || name === 'VERSION'
  const expected = unversioned ? SPDM_VERSION['1.0'] : agreed
  if (SPDM_VERSION_NAMES[version] === undefined)
    fail('version', 'spdmVersion', 0, expected === undefined ? 'a known version' : text(expected), text(version))
  if (name === 'ERROR' && version === SPDM_VERSION['1.0']) return
  if (expected !== undefined && version !== expected) fail('version', 'spdmVersion', 0, text(expected), text(version))
}

/**
 * The message that `input` starts with. At most `maxPadding` bytes may follow it, all zero. Throws SpdmMessageError.
 *
 * Some messages end in a field without a length of its own: ERROR with extended data that its code does not fix,
 * CHUNK_SEND_ACK, SET_CERTIFICATE, SLOT_MANAGEMENT and what carries encapsulated messages. Padding cannot be told from
 * such a field and stays in it; a message inside it is decoded by another call, with the same `maxPadding`.
 */
export function decodeSpdmMessage(
  input: Uint8Array,
  context: MessageContext = {},
  options: DecodeOptions = {},
): SpdmMessage {
  const [version, code] = input
  if (version === undefined || code === undefined || input.length < SPDM_HEADER.headSize)
    return fail('short', '', 0, `at least ${SPDM_HEADER.headSize} bytes`, `${input.length}`)
  const name = SPDM_CODE_NAMES[code] ?? fail('code', 'requestResponseCode', 1, 'a defined code', text(code))
  checkVersion(name, version, context.version)
  const layout = SPDM_MESSAGES[name]
  return {name, layout, ...decodeAs<AnyLayout>(layout, input, {...context, version}, options)} as SpdmMessage
}
