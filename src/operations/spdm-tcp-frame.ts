/**
 * The frame around every message of the DMTF emulator's socket protocol: three words, big-endian unlike everything of
 * SPDM and PCI, then the payload.
 */
import {concat, hex} from '../bits/index.js'
import {TsmctlError} from '../errors.js'
import type {Limits, TcpStream} from '../kernel/index.js'

export const COMMAND = {
  normal: 0x0001,
  test: 0xdead,
  continue: 0xfffd,
  shutdown: 0xfffe,
  /** Only as an answer. */
  unknown: 0xffff,
} as const

/** Port that responders listen on unless told otherwise. */
export const SPDM_PORT = 2323

/** MaxSPDMmsgSize of the emulator with room for the headers of the transport and of a secured record. */
export const MAX_FRAME_PAYLOAD = 0x28000 + 0x100

export interface Frame {
  readonly command: number
  readonly transport: number
  readonly payload: Uint8Array
}

const HEAD = 12
const BIG_ENDIAN = false

export function encodeFrame({command, transport, payload}: Frame): Uint8Array {
  const head = new DataView(new ArrayBuffer(HEAD))
  head.setUint32(0, command, BIG_ENDIAN)
  head.setUint32(4, transport, BIG_ENDIAN)
  head.setUint32(8, payload.length, BIG_ENDIAN)
  return concat(new Uint8Array(head.buffer), payload)
}

/**
 * The next frame of `stream`, or undefined when the other side closed in front of it. Throws TsmctlError `malformed`
 * for a frame that is cut off or too large, and what the stream throws.
 */
export async function readFrame(stream: TcpStream, limits: Limits): Promise<Frame | undefined> {
  const start = performance.now()
  const bytes = await stream.read(HEAD, limits)
  if (bytes === undefined) return undefined
  const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const length = head.getUint32(8, BIG_ENDIAN)
  if (length > MAX_FRAME_PAYLOAD)
    throw broken(stream.peer, `a message of ${length} bytes, the most is ${MAX_FRAME_PAYLOAD}`)
  const timeout = Math.max(0, limits.timeout - (performance.now() - start))
  const payload = await stream.read(length, {...limits, timeout})
  if (payload === undefined) throw broken(stream.peer, `it closed the connection in front of ${length} bytes`)
  return {command: head.getUint32(0, BIG_ENDIAN), transport: head.getUint32(4, BIG_ENDIAN), payload}
}

export const commandText = (command: number): string =>
  Object.entries(COMMAND)
    .find(([, value]) => value === command)?.[0]
    .toUpperCase() ?? `command ${hex(command, 4)}`

/** A peer that does not keep to the framing. */
export const broken = (peer: string, got: string): TsmctlError =>
  new TsmctlError({
    kind: 'malformed',
    attempted: `talk to ${peer}`,
    got,
    hint: 'Is this the port of an SPDM responder, and of one with this transport?',
  })
