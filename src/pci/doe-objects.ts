/** DOE data objects: a header that counts dwords, and a payload padded with zeros to whole dwords. PCIe r6.2 §6.30.1. */
import {concat, DecodeError} from '../bits/index.js'
import type {DoeFeature} from './doe-features.js'
import {DOE_OBJECT_HEADER} from './doe-layouts.js'

export interface DoeObject extends DoeFeature {
  /** Including the padding, which only the inner protocol can tell from data. */
  readonly payload: Uint8Array
}

const DWORD = 4
const MAX_DWORDS = 2 ** 18

/** Bytes of a header: two dwords. */
export const DOE_HEADER_LENGTH = DOE_OBJECT_HEADER.headSize
/** Bytes that fit behind a header. */
export const MAX_DOE_PAYLOAD = MAX_DWORDS * DWORD - DOE_HEADER_LENGTH

/** Bytes of an object as they go through the mailbox. Throws RangeError when the payload exceeds 2^18 - 2 dwords. */
export function encodeDoeObject({vendor, type, payload}: DoeObject): Uint8Array {
  const padding = new Uint8Array(Math.ceil(payload.length / DWORD) * DWORD - payload.length)
  const dwords = (DOE_HEADER_LENGTH + payload.length + padding.length) / DWORD
  if (dwords > MAX_DWORDS) throw new RangeError(`a DOE object holds at most ${MAX_DWORDS} dwords, not ${dwords}`)
  // the length field wraps: 0 stands for the maximum
  return concat(DOE_OBJECT_HEADER.encode({vendorId: vendor, type, dwords: dwords % MAX_DWORDS}), payload, padding)
}

/** Whose object a header announces, and of how many bytes, the header included. */
export function decodeDoeHeader(header: Uint8Array): DoeFeature & {readonly length: number} {
  const {vendorId: vendor, type, dwords} = DOE_OBJECT_HEADER.decode(header)
  return {vendor, type, length: (dwords === 0 ? MAX_DWORDS : dwords) * DWORD}
}

/** Decodes exactly one object. Throws DecodeError when the length field disagrees with `bytes`. */
export function decodeDoeObject(bytes: Uint8Array): DoeObject {
  const {vendor, type, length} = decodeDoeHeader(bytes.subarray(0, DOE_HEADER_LENGTH))
  if (length !== bytes.length)
    throw new DecodeError({
      structure: DOE_OBJECT_HEADER.name,
      path: 'dwords',
      offset: DWORD,
      expected: `${bytes.length / DWORD} dwords`,
      got: `${length / DWORD}`,
    })
  return {vendor, type, payload: bytes.slice(DOE_HEADER_LENGTH)}
}
