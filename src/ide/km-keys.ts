/** Keys of IDE_KM: which slot they go to, and their byte order on the wire (PCIe r6.2 §6.33.3.1). */
import {type KM_KEY_SET_GO, SUB_STREAM} from './km.js'
import type {View} from '../bits/index.js'

/** AES-256. */
export const KEY_SIZE = 32
const DWORD = 4

/** Seen from the port that is programmed: the key it deciphers with, or the one it enciphers with. */
export type KeyDirection = 'receive' | 'transmit'
export const KEY_DIRECTIONS: readonly KeyDirection[] = ['receive', 'transmit']

export type SubStream = keyof typeof SUB_STREAM
export const SUB_STREAMS = Object.keys(SUB_STREAM) as readonly SubStream[]

/** One key of one stream at one port. */
export interface KeySlot {
  /** 0 is the port whose DOE is used. */
  readonly portIndex: number
  readonly streamId: number
  /** K0 or K1: one is in use while the other is renewed. */
  readonly keySet: 0 | 1
  readonly direction: KeyDirection
  readonly subStream: SubStream
}

/** The fields that name a slot in every object that is about one. */
export type KeySelector = Pick<
  View<typeof KM_KEY_SET_GO.fields>,
  'portIndex' | 'streamId' | 'keySet' | 'transmit' | 'subStream'
>

export const selectorOf = ({portIndex, streamId, keySet, direction, subStream}: KeySlot): KeySelector => ({
  portIndex,
  streamId,
  keySet,
  transmit: direction === 'transmit' ? 1 : 0,
  subStream: SUB_STREAM[subStream],
})

/** `K0 receive key of sub-stream NPR, stream 7, port 0`, for people. */
export const slotName = ({portIndex, streamId, keySet, direction, subStream}: KeySlot): string =>
  `K${keySet} ${direction} key of sub-stream ${subStream.toUpperCase()}, stream ${streamId}, port ${portIndex}`

/**
 * Writes `key` (k0 first, as FIPS 197 numbers the bytes) to `out` in the order of the wire: the dword of k0..k3 is the
 * most significant and goes first, each dword little-endian, so that k3 is the first byte.
 */
export function keyToWire(key: Uint8Array, out: Uint8Array): void {
  for (let at = 0; at < KEY_SIZE; at += DWORD) for (let i = 0; i < DWORD; i++) out[at + i] = key[at + DWORD - 1 - i]!
}

/** The key that `keyToWire` wrote: the same exchange of bytes within each dword. */
export function keyFromWire(wire: Uint8Array): Uint8Array {
  const key = new Uint8Array(KEY_SIZE)
  keyToWire(wire, key)
  return key
}

/** Where every counter begins (§6.33.5): the 64-bit invocation field is 1. */
export const FIRST_INVOCATION = 1n

const HALF = 1n << 32n

/** Initial Invocation Field Value: the upper dword first, each little-endian. */
export function ifvToWire(invocation: bigint): Uint8Array {
  const out = new DataView(new ArrayBuffer(8))
  out.setUint32(0, Number(invocation / HALF), true)
  out.setUint32(DWORD, Number(invocation % HALF), true)
  return new Uint8Array(out.buffer)
}
