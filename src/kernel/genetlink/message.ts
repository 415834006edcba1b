/** Netlink messages: Linux uapi `linux/netlink.h` and `linux/genetlink.h`, host byte order, which is little-endian. */
import {concat, DecodeError, get, layout, mask, nested, reserved, u16, u32, u8} from '../../bits/index.js'
import {align} from '../netlink.js'

const NETLINK = 'Linux uapi linux/netlink.h'

export const NLMSGHDR = layout(
  {id: 'netlink-message', name: 'nlmsghdr', spec: NETLINK},
  {
    length: u32(0, 'bytes including this header, without padding'),
    type: u16(4, 'control message below 16, else the number of a family'),
    flags: u16(6, 'flags'),
    sequence: u32(8, 'number of the request, repeated in its answers'),
    port: u32(12, 'port of the socket that asked'),
  },
)

export const GENLMSGHDR = layout(
  {id: 'genetlink-message', name: 'genlmsghdr', spec: 'Linux uapi linux/genetlink.h'},
  {command: u8(0, 'command of the family'), version: u8(1, 'version of the family'), reserved: reserved(2, 2)},
)

export const NLMSGERR = layout(
  {id: 'netlink-error', name: 'nlmsgerr', spec: NETLINK},
  {
    error: u32(0, 'negative errno, 0 for an acknowledgement'),
    request: nested(4, NLMSGHDR, 'header of the message that is answered'),
  },
)

export const SOCKADDR_NL = layout(
  {id: 'netlink-address', name: 'sockaddr_nl', spec: NETLINK},
  {
    family: u16(0, 'AF_NETLINK, 16'),
    pad: reserved(2, 2),
    port: u32(4, 'port of a socket; 0: the kernel'),
    groups: u32(8, 'multicast groups, a bit each'),
  },
)

/** Every structure of this file, for `tsmctl decode` and the reference. */
export const NETLINK_LAYOUTS = [NLMSGHDR, GENLMSGHDR, NLMSGERR, SOCKADDR_NL] as const

/** Message types below 16. */
export const CONTROL = {noop: 1, error: 2, done: 3, overrun: 4} as const

/** Bits of `nlmsghdr.flags`; those above 7 depend on what the message is. */
export const FLAG = {
  request: mask(0, 0),
  acknowledge: mask(2, 2),
  dumpInterrupted: mask(4, 4),
  /** Of a request: NLM_F_ROOT and NLM_F_MATCH. */
  dump: mask(9, 8),
  /** Of an acknowledgement: the request is not repeated in it. */
  capped: mask(8, 8),
  /** Of an acknowledgement: attributes follow. */
  attributes: mask(9, 9),
} as const

export const isSet = (flag: number, flags: number): boolean => get(flag, flags) !== 0

export interface Message {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  readonly payload: Uint8Array
}

/** The messages of one datagram, in order, the first `most` of them. Throws DecodeError for a length that does not fit. */
export function messagesOf(datagram: Uint8Array, most = Infinity): Message[] {
  const data = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength)
  const out: Message[] = []
  for (let at = 0; at < datagram.length && out.length < most;) {
    const {length, type, flags, sequence} = NLMSGHDR.read(data, at, datagram.length).value
    if (length < NLMSGHDR.headSize || length > datagram.length - at)
      throw new DecodeError({
        structure: 'nlmsghdr',
        path: `[${out.length}].length`,
        offset: at,
        expected: `${NLMSGHDR.headSize} to ${datagram.length - at}`,
        got: String(length),
      })
    out.push({type, flags, sequence, payload: datagram.subarray(at + NLMSGHDR.headSize, at + length)})
    at += align(length)
  }
  return out
}

export interface Request {
  /** Number of the family. */
  readonly type: number
  readonly command: number
  readonly version: number
  /** Encoded attributes. */
  readonly attributes: Uint8Array
  readonly sequence: number
  readonly isDump: boolean
}

/** Bytes of a generic-netlink request; one that is no dump asks for an acknowledgement. */
export function encodeRequest({type, command, version, attributes, sequence, isDump}: Request): Uint8Array {
  return concat(
    NLMSGHDR.encode({
      length: NLMSGHDR.headSize + GENLMSGHDR.headSize + attributes.length,
      type,
      flags: FLAG.request + (isDump ? FLAG.dump : FLAG.acknowledge),
      sequence,
    }),
    GENLMSGHDR.encode({command, version}),
    attributes,
  )
}
