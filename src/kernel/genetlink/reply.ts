/**
 * Assembles the answer to one generic-netlink request from datagrams as they arrive. Whatever comes is checked against
 * hard bounds before it is kept; errors are those of the kernel (`NLMSG_ERROR`, `NLMSG_DONE`), with its own words.
 */
import {DecodeError} from '../../bits/index.js'
import {describeErrno, ErrnoError, quoted} from '../../errors.js'
import {errnoName} from '../errno.js'
import {align, type Attribute, decodeAttributes, stringOf, u32Of} from '../netlink.js'
import {CONTROL, FLAG, GENLMSGHDR, isSet, type Message, messagesOf, NLMSGERR} from './message.js'

/** Bytes of all payloads: eleven evidence objects of 16 MiB each (the ABI's limit), and a sixteenth for attributes. */
export const LARGEST_REPLY = 11 * 17 * 1024 * 1024
/** Messages: enough for `LARGEST_REPLY` in pieces of half a page. */
export const MOST_MESSAGES = 100_000

export interface Expected {
  /** Number of the family that answers. */
  readonly type: number
  readonly sequence: number
  readonly isDump: boolean
  /** What is asked, for messages: `the generic-netlink family "x"`. */
  readonly subject: string
  readonly largestReply?: number
  readonly mostMessages?: number
}

/** Attributes of an acknowledgement: uapi `linux/netlink.h`, enum nlmsgerr_attrs. */
const ACK = {text: 1, offset: 2, missingType: 5} as const
/** Characters of the kernel's text that are shown; a module may write what it likes. */
const LONGEST_TEXT = 200

const int32 = (word: number): number => (word > 0x7fff_ffff ? word - 2 ** 32 : word)

const refusal = (path: string, expected: string, got: string): DecodeError =>
  new DecodeError({structure: 'netlink answer', path, offset: 0, expected, got})

/** The kernel's own words in an acknowledgement, printable; undefined when it gave none, or none that can be read. */
function kernelWords(attributes: Uint8Array): string | undefined {
  let all: readonly Attribute[]
  try {
    all = decodeAttributes(attributes)
  } catch (error) {
    // the errno counts, whatever stands beside it
    if (error instanceof DecodeError) return undefined
    throw error
  }
  const number = (wanted: number): number | undefined => {
    const found = all.find(({type, value}) => type === wanted && value.length === 4)
    return found === undefined ? undefined : u32Of(found)
  }
  const text = all.find(({type}) => type === ACK.text)
  const missing = number(ACK.missingType)
  const offset = number(ACK.offset)
  const words = [
    ...(text === undefined ? [] : [quoted(stringOf({type: 0, value: text.value.subarray(0, 4096)}), LONGEST_TEXT)]),
    ...(missing === undefined ? [] : [`attribute ${missing} is missing`]),
    ...(offset === undefined ? [] : [`at byte ${offset} of the request`]),
  ]
  return words.length === 0 ? undefined : words.join(', ')
}

/** Errno of an acknowledgement or of the end of a dump, and where its attributes begin. */
export function statusOf({type, flags, payload}: Message): {error: number; words: string | undefined} {
  if (payload.length < 4) throw refusal('error', '4 bytes', `${payload.length} bytes`)
  const data = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const error = int32(data.getUint32(0, true))
  if (!isSet(FLAG.attributes, flags)) return {error, words: undefined}
  if (type === CONTROL.done) return {error, words: kernelWords(payload.subarray(4))}
  if (payload.length < NLMSGERR.headSize) return {error, words: undefined}
  const {request} = NLMSGERR.read(data, 0, payload.length).value
  const repeated = isSet(FLAG.capped, flags) ? 0 : align(Math.max(request.length - 16, 0))
  return {error, words: kernelWords(payload.subarray(NLMSGERR.headSize + repeated))}
}

/** Collects one answer. `take` is given each datagram and says whether the answer is complete. */
export class Reply {
  readonly #expected: Expected
  readonly #payloads: Uint8Array[] = []
  #bytes = 0
  #messages = 0
  #isInterrupted = false

  constructor(expected: Expected) {
    this.#expected = expected
  }

  /** What was answered, without headers; complete once `take` has returned true. */
  get payloads(): readonly Uint8Array[] {
    return this.#payloads
  }

  /** Throws ErrnoError as the kernel refuses, DecodeError for what is no answer to the request. */
  take(datagram: Uint8Array): boolean {
    // one pass for the bounds, so that a datagram counts wholly or not at all
    const messages = messagesOf(datagram)
    return messages.some(message => message.sequence === this.#expected.sequence && this.#takeMessage(message))
  }

  #takeMessage(message: Message): boolean {
    const {isDump, type, mostMessages = MOST_MESSAGES} = this.#expected
    if (++this.#messages > mostMessages) throw refusal('', `at most ${mostMessages} messages`, 'more')
    if (isSet(FLAG.dumpInterrupted, message.flags) && isDump) this.#isInterrupted = true
    switch (message.type) {
      case type:
        this.#keep(message.payload)
        return false
      case CONTROL.noop:
        return false
      case CONTROL.overrun:
        throw this.#refused('ENOBUFS', undefined)
      case CONTROL.error:
      case CONTROL.done:
        return this.#end(message)
      default:
        throw refusal('type', `${type} or a control message`, String(message.type))
    }
  }

  #keep(payload: Uint8Array): void {
    const {largestReply = LARGEST_REPLY} = this.#expected
    if (payload.length < GENLMSGHDR.headSize) throw refusal('genlmsghdr', '4 bytes', `${payload.length} bytes`)
    this.#bytes += payload.length
    if (this.#bytes > largestReply) throw refusal('', `at most ${largestReply} bytes`, 'more')
    this.#payloads.push(payload.slice(GENLMSGHDR.headSize))
  }

  #end(message: Message): boolean {
    const {isDump} = this.#expected
    const {error, words} = statusOf(message)
    if (error < 0) throw this.#refused(errnoName(-error), words)
    if ((message.type === CONTROL.done) !== isDump)
      throw refusal('type', isDump ? 'NLMSG_DONE at the end of a dump' : 'NLMSG_ERROR', String(message.type))
    if (this.#isInterrupted)
      throw new ErrnoError('EINTR', 'ask', this.#expected.subject, {
        kind: 'busy',
        got: 'EINTR (what was listed changed meanwhile)',
        hint: 'try again',
      })
    return true
  }

  #refused(errno: string, words: string | undefined): ErrnoError {
    const said = words === undefined ? '' : `, the kernel says: ${words}`
    return new ErrnoError(errno, 'ask', this.#expected.subject, {got: `${describeErrno(errno)}${said}`})
  }
}
