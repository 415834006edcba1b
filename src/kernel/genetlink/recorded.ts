/**
 * Generic-netlink messages that somebody recorded: a file of `nlmsghdr` one behind the other, each at a multiple of four
 * bytes, as they were received. Dumps are put together again; requests count where they were recorded as well.
 */
import {DecodeError} from '../../bits/index.js'
import {type Attribute, decodeAttributes} from '../netlink.js'
import {decodeFamily, NLCTRL} from './control.js'
import {CONTROL, FLAG, GENLMSGHDR, isSet, type Message, messagesOf} from './message.js'
import {MOST_MESSAGES, statusOf} from './reply.js'

/** Bytes of one message: the kernel's dumps are written into buffers of 32 KiB. */
const LARGEST_MESSAGE = 0x20000
const FIRST_FAMILY = 16

export interface RecordedDump {
  /** Name of the family, where the file also has the kernel's answer about it. */
  readonly family: string | undefined
  readonly command: number
  /** Attributes of the request, where that was recorded. */
  readonly request: readonly Attribute[] | undefined
  /** What was answered, without headers, in order. */
  readonly payloads: readonly Uint8Array[]
}

interface Growing {
  readonly type: number
  readonly command: number
  readonly sequence: number
  readonly payloads: Uint8Array[]
}

const refusal = (expected: string, got: string): DecodeError =>
  new DecodeError({structure: 'recorded netlink messages', path: '', offset: 0, expected, got})

function bodyOf({payload}: Message): {readonly command: number; readonly rest: Uint8Array} {
  if (payload.length < GENLMSGHDR.headSize) throw refusal('genlmsghdr of 4 bytes', `${payload.length} bytes`)
  const {command} = GENLMSGHDR.decode(payload.subarray(0, GENLMSGHDR.headSize))
  return {command, rest: payload.subarray(GENLMSGHDR.headSize)}
}

function endOf(message: Message): void {
  const {error} = statusOf(message)
  if (error < 0) throw refusal('a dump that came to its end', `the kernel ended it with errno ${-error}`)
}

/** Do these bytes begin like a netlink message, of a length that could be one? */
export function looksRecorded(bytes: Uint8Array): boolean {
  try {
    const [first] = messagesOf(bytes, 1)
    return (
      first !== undefined &&
      first.payload.length <= LARGEST_MESSAGE &&
      (first.type >= FIRST_FAMILY || first.type === CONTROL.done)
    )
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw error
  }
}

/** The dumps of a file, in order. Throws DecodeError for one that is cut, disturbed or refused. */
export function recordedDumps(bytes: Uint8Array): readonly RecordedDump[] {
  const messages = messagesOf(bytes, MOST_MESSAGES + 1)
  if (messages.length > MOST_MESSAGES) throw refusal(`at most ${MOST_MESSAGES} messages`, 'more')
  const names = new Map<number, string>()
  const requests = new Map<string, readonly Attribute[]>()
  const dumps: Growing[] = []
  /** Those without their end yet, by sequence. */
  const open = new Map<number, Growing>()
  for (const message of messages) {
    const {type, sequence, flags, payload} = message
    if (payload.length > LARGEST_MESSAGE)
      throw refusal(`messages of at most ${LARGEST_MESSAGE} bytes`, `${payload.length}`)
    if (type === CONTROL.noop) continue
    if (type === CONTROL.overrun) throw refusal('all messages', 'the receiver was overrun')
    if (type === CONTROL.error || type === CONTROL.done) {
      endOf(message)
      if (type === CONTROL.done) open.delete(sequence)
      continue
    }
    const {command, rest} = bodyOf(message)
    if (isSet(FLAG.request, flags)) requests.set(`${type}.${sequence}`, decodeAttributes(rest))
    else if (type === NLCTRL.id) noteFamily(names, command, rest)
    else {
      if (isSet(FLAG.dumpInterrupted, flags)) throw refusal('a dump that was not disturbed', 'one that was interrupted')
      const dump = open.get(sequence) ?? {type, command, sequence, payloads: []}
      if (dump.payloads.length === 0) dumps.push(dump)
      if (dump.type !== type || dump.command !== command) throw refusal('one kind of message in a dump', 'several')
      open.set(sequence, dump)
      dump.payloads.push(rest)
    }
  }
  if (open.size > 0) throw refusal('NLMSG_DONE at the end of each dump', 'none')
  return dumps.map(({type, command, sequence, payloads}) => ({
    family: names.get(type),
    command,
    request: requests.get(`${type}.${sequence}`),
    payloads,
  }))
}

function noteFamily(names: Map<number, string>, command: number, rest: Uint8Array): void {
  // NEWFAMILY answers GETFAMILY; policies name no family
  if (command === 1 || command === NLCTRL.getFamily) {
    const {id, name} = decodeFamily(rest)
    names.set(id, name)
  }
}
