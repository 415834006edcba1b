/** The simple values that members of CoRIM maps have. */
import {toHex} from '../bits/index.js'
import {isTagged} from './cbor.js'
import type {Read} from './members.js'

export const uint: Read<number> = (value, at) => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw at.wrong('a number from 0', value)
  return value
}

export const text: Read<string> = (value, at) => {
  if (typeof value !== 'string') throw at.wrong('text', value)
  return value
}

export const bytes: Read<Uint8Array> = (value, at) => {
  if (!(value instanceof Uint8Array)) throw at.wrong('a byte string', value)
  return value
}

const UUID_TAG = 37

/** Name of a tag or manifest: text, or a UUID as hexadecimal. */
export const identifier: Read<string> = (value, at) => {
  const content = isTagged(value, UUID_TAG) ? value.contents : value
  return typeof content === 'string' ? content : toHex(bytes(content, at))
}

/** It is there; nobody looks into it. */
export const anything: Read<true> = () => true

const EPOCH_TAG = 1
/** Seconds after which JavaScript has no dates. */
const LAST_DATE = 8.64e12

/** Time as seconds since 1970 under tag 1 (RFC 8949 §3.4.2), as RFC 3339 text. */
export const time: Read<string> = (value, at) => {
  const seconds = isTagged(value, EPOCH_TAG) ? value.contents : value
  if (typeof seconds !== 'number' || Math.abs(seconds) > LAST_DATE) throw at.wrong('a time under tag 1', value)
  return new Date(seconds * 1000).toISOString()
}

/** Hash functions by their number in the registry of Named Information (RFC 6920 §9.4). Size in bytes. */
const HASHES: Readonly<Record<number, readonly [name: string, size: number]>> = {
  1: ['sha256', 32],
  2: ['sha256-128', 16],
  3: ['sha256-120', 15],
  4: ['sha256-96', 12],
  5: ['sha256-64', 8],
  6: ['sha256-32', 4],
  7: ['sha384', 48],
  8: ['sha512', 64],
  9: ['sha3-224', 28],
  10: ['sha3-256', 32],
  11: ['sha3-384', 48],
  12: ['sha3-512', 64],
}

export interface Digest {
  /** `sha384`; the number or text of the document where it is not a registered one. */
  readonly algorithm: string
  readonly value: Uint8Array
}

/** Pair of algorithm and value, the size of which must be that of the algorithm. */
export const digest: Read<Digest> = (value, at) => {
  if (!Array.isArray(value) || value.length !== 2) throw at.wrong('an algorithm and a digest', value)
  const [algorithm, content] = value as [unknown, unknown]
  const digestBytes = bytes(content, at)
  if (typeof algorithm === 'string') {
    at.remark('a hash function that is not registered')
    return {algorithm, value: digestBytes}
  }
  const known = HASHES[uint(algorithm, at)]
  if (known === undefined) {
    at.remark(`hash function ${algorithm as number} is not known`)
    return {algorithm: String(algorithm), value: digestBytes}
  }
  const [name, size] = known
  if (digestBytes.length !== size) throw at.refuse(`${size} bytes of ${name}`, `${digestBytes.length}`)
  return {algorithm: name, value: digestBytes}
}
