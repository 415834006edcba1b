/** What netlink sockets need of `linux/socket.h`, `asm-generic/socket.h` and `linux/netlink.h`. */
import {SOCKADDR_NL} from '../genetlink/message.js'

export const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
export const RAW = SOCK_RAW + SOCK_CLOEXEC
export const PROTOCOL = {kobjectUevent: 15, generic: 16} as const
export const SOL = {socket: 1, netlink: 270} as const
export const OPTION = {
  /** Level `socket`. */
  receiveBuffer: 8,
  receiveBufferForce: 33,
  /** Level `netlink`: acknowledgements do not repeat the request; they explain themselves. */
  capAck: 10,
  extAck: 11,
} as const
/** Report the length of a datagram that does not fit. */
export const MSG_TRUNC = 0x20

/** Room for a datagram: twice what the kernel makes them for a dump. */
export const ROOM = 65_536

export const u32Bytes = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

export const addressOf = (groups: number): Uint8Array => SOCKADDR_NL.encode({family: AF_NETLINK, groups})

/** Whether a datagram came from the kernel: only its port is 0. */
export const isFromKernel = (address: Uint8Array): boolean =>
  address.length === SOCKADDR_NL.headSize &&
  SOCKADDR_NL.decode(address).family === AF_NETLINK &&
  SOCKADDR_NL.decode(address).port === 0
