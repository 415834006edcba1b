/** Capture files for tests, written by hand from the specifications. */
import {concat} from '../../src/bits/index.js'

export interface Packet {
  readonly bytes: Uint8Array
  /** Nanoseconds since 1970. */
  readonly time?: bigint
  /** Bytes it had; as many as are kept unless given. */
  readonly originalLength?: number
}

export interface Form {
  readonly bigEndian?: boolean
  readonly nanoseconds?: boolean
  readonly linkType?: number
}

const writer =
  (bigEndian: boolean) =>
  (...words: readonly (readonly [width: 2 | 4, value: number])[]): Uint8Array =>
    concat(
      ...words.map(([width, value]) => {
        const out = new Uint8Array(width)
        const data = new DataView(out.buffer)
        if (width === 2) data.setUint16(0, value, !bigEndian)
        else data.setUint32(0, value, !bigEndian)
        return out
      }),
    )

/** A classic file. */
export function pcap(packets: readonly Packet[], form: Form = {}): Uint8Array {
  const {bigEndian = false, nanoseconds = false, linkType = 292} = form
  const words = writer(bigEndian)
  const unit = nanoseconds ? 1n : 1000n
  return concat(
    words([4, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4], [2, 2], [2, 4], [4, 0], [4, 0], [4, 0x40000], [4, linkType]),
    ...packets.flatMap(({bytes, time = 0n, originalLength = bytes.length}) => [
      words(
        [4, Number(time / 1_000_000_000n)],
        [4, Number((time % 1_000_000_000n) / unit)],
        [4, bytes.length],
        [4, originalLength],
      ),
      bytes,
    ]),
  )
}

export interface Block {
  readonly type: number
  readonly body: Uint8Array
}

const pad = (bytes: Uint8Array): Uint8Array => new Uint8Array((4 - (bytes.length % 4)) % 4)

/** A pcapng file of blocks; bodies are padded here. */
export function pcapng(blocks: readonly Block[], bigEndian = false): Uint8Array {
  const words = writer(bigEndian)
  return concat(
    ...blocks.map(({type, body}) => {
      const total = 12 + body.length + pad(body).length
      return concat(words([4, type], [4, total]), body, pad(body), words([4, total]))
    }),
  )
}

export const section = (bigEndian = false): Block => ({
  type: 0x0a0d0d0a,
  body: writer(bigEndian)([4, 0x1a2b3c4d], [2, 1], [2, 0], [4, 0xffffffff], [4, 0xffffffff]),
})

/** `resolution`: the value of if_tsresol. */
export const networkInterface = (linkType: number, resolution?: number, bigEndian = false, snapLength = 0): Block => ({
  type: 1,
  body: concat(
    writer(bigEndian)([2, linkType], [2, 0], [4, snapLength]),
    ...(resolution === undefined
      ? []
      : [writer(bigEndian)([2, 9], [2, 1]), Uint8Array.of(resolution, 0, 0, 0), writer(bigEndian)([2, 0], [2, 0])]),
  ),
})

export function packetBlock(kind: 2 | 3 | 6, bytes: Uint8Array, ticks = 0n, bigEndian = false): Block {
  const words = writer(bigEndian)
  const size = bytes.length
  if (kind === 3) return {type: 3, body: concat(words([4, size]), bytes)}
  const high = Number(ticks / 2n ** 32n)
  const low = Number(ticks % 2n ** 32n)
  const head = kind === 6 ? words([4, 0]) : words([2, 0], [2, 0])
  return {type: kind, body: concat(head, words([4, high], [4, low], [4, size], [4, size]), bytes)}
}
