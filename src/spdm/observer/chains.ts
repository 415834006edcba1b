/** Certificate chains as they go by in portions, and the keys of their leaves. */
import {DecodeError, equal, join, type Seen} from '../../bits/index.js'
import {bitsOf, type HashAlgorithm} from '../algorithms.js'
import {leafKey, parseCertificateChain} from '../certificates/index.js'
import {digestOf, isHashSupported} from '../crypto/index.js'

/** Largest chain object anybody would put together. */
const MAX_CHAIN = 0x100000

interface Portions {
  readonly parts: Uint8Array[]
  length: number
}

/** DER of a public key, or why there is none. */
export type LeafKey = {readonly spki: Uint8Array} | {readonly why: string}

/** A whole chain; its digest and key are worked out once. */
class Chain {
  readonly #bytes: Uint8Array
  readonly #digests = new Map<string, Uint8Array>()
  readonly #keys = new Map<number, LeafKey>()

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  digest(hash: HashAlgorithm): Uint8Array {
    const digest = this.#digests.get(hash.name) ?? digestOf(hash, this.#bytes)
    this.#digests.set(hash.name, digest)
    return digest
  }

  key(hashSize: number): LeafKey {
    const key = this.#keys.get(hashSize) ?? this.#readKey(hashSize)
    this.#keys.set(hashSize, key)
    return key
  }

  #readKey(hashSize: number): LeafKey {
    try {
      return {spki: leafKey(parseCertificateChain(this.#bytes, hashSize).certificates.at(-1)!.der)}
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return {why: `the certificate chain cannot be read: ${error.message}`}
    }
  }
}

/** The chains of one side, by slot. */
export class Chains {
  readonly #open = new Map<number, Portions>()
  readonly #whole = new Map<number, Chain>()
  readonly #digests = new Map<number, Uint8Array>()

  /** The DIGESTS of this side: a digest stands for a chain that the capture does not show. */
  noteDigests(value: Seen): void {
    this.#digests.clear()
    const slots = bitsOf(value.provisionedSlotMask as number)
    const digests = value.digests as readonly {readonly digest: Uint8Array}[]
    for (const [i, slot] of slots.entries()) this.#digests.set(slot, digests[i]!.digest.slice())
  }

  /** A GET_CERTIFICATE and its CERTIFICATE. */
  notePortion(request: Seen, response: Seen): void {
    const isLarge = response.largeCertChain as boolean
    const offset = (isLarge ? (request.largeOffset ?? 0) : request.offset) as number
    const remainder = (isLarge ? response.largeRemainderLength : response.remainderLength) as number
    const slot = response.slotId as number
    const portion = (response.certChain as Uint8Array).slice()
    if (request.slotSizeRequested === true || portion.length === 0) return
    if (offset === 0) this.#open.set(slot, {parts: [], length: 0})
    const open = this.#open.get(slot)
    if (open === undefined || open.length !== offset || open.length + portion.length > MAX_CHAIN) {
      this.#open.delete(slot)
      return
    }
    open.parts.push(portion)
    open.length += portion.length
    if (remainder > 0) return
    this.#whole.set(slot, new Chain(join(open.parts)))
    this.#open.delete(slot)
  }

  /** Digest of the slot's chain: as the last DIGESTS said, else of the bytes that went by; undefined when neither did. */
  hashOf(slot: number, hash: HashAlgorithm): Uint8Array | undefined {
    const stated = this.#digests.get(slot)
    if (stated?.length === hash.size) return stated
    const chain = this.#whole.get(slot)
    return chain !== undefined && isHashSupported(hash) ? chain.digest(hash) : undefined
  }

  /**
   * The leaf's key of the chain that `slot` showed, provided that its digest is `expected`, or what DIGESTS said when
   * nothing is: somebody else's chain may have gone by before, in this connection or an earlier one.
   */
  keyOf(slot: number, hash: HashAlgorithm, expected = this.hashOf(slot, hash)): LeafKey {
    const chain = this.#whole.get(slot)
    if (chain === undefined) return {why: `the certificate chain of slot ${slot} is not in the capture`}
    if (expected !== undefined && !equal(chain.digest(hash), expected))
      return {why: `the chain of slot ${slot} in the capture is not the one that is meant`}
    return chain.key(hash.size)
  }
}
