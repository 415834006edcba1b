/**
 * Records of a RATS conceptual message wrapper (CMW, draft-ietf-rats-msg-wrap): what a collection of them looks like in
 * JSON, `[media type, base64url]` with an indicator where there is one. Sizes are held against their limits before
 * anything is decoded.
 */
import {quoted, TsmctlError} from '../errors.js'
import {fromBase64url} from './base64url.js'

/** Member of a collection that names its type. */
export const COLLECTION_TYPE = '__cmwc_t'
/** CMW indicator: bit 2, evidence. */
export const EVIDENCE = 4

export interface CmwRecord {
  readonly mediaType: string
  readonly bytes: Uint8Array
  readonly indicator: number | undefined
}

/** Bytes that may still be decoded of one file, and of one record. */
export interface Room {
  left: number
  readonly perRecord: number
}

const malformed = (got: string): TsmctlError =>
  new TsmctlError({kind: 'malformed', attempted: 'read the evidence bundle', got})

/** Takes `length` bytes of `room`. Throws TsmctlError `malformed` when there is not as much left. */
export function takeRoom(room: Room, label: string, length: number): void {
  if (length > room.perRecord)
    throw malformed(`${quoted(label, 32)} has ${length} bytes, the limit is ${room.perRecord}`)
  room.left -= length
  if (room.left < 0) throw malformed(`with ${quoted(label, 32)} it has more bytes than all objects may have`)
}

/** Bytes that base64 of so many characters stands for. */
export const decodedLength = (text: string): number => Math.floor((text.length * 3) / 4)

/** A record of a JSON collection. Throws TsmctlError `malformed` naming `label`. */
export function jsonRecord(label: string, value: unknown, room: Room): CmwRecord {
  const refuse = (why: string): TsmctlError => malformed(`record ${quoted(label, 32)} is ${why}`)
  if (!Array.isArray(value) || value.length < 2 || value.length > 3)
    throw refuse('not a triple of media type, base64url and indicator')
  const [mediaType, text, indicator] = value as unknown[]
  if (typeof mediaType !== 'string' || typeof text !== 'string') throw refuse('not [media type, base64url]')
  if (indicator !== undefined && !Number.isSafeInteger(indicator))
    throw refuse('not with an indicator that is a number')
  takeRoom(room, label, decodedLength(text))
  const bytes = fromBase64url(text)
  if (bytes === undefined) throw refuse('not strict base64url')
  return {mediaType, bytes, indicator: indicator as number | undefined}
}
