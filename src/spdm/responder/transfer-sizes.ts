/** How much of a response fits: into one transfer, and into a large message (DSP0274 1.3 §10.4, §10.26). */
import {DEFAULTS} from './defaults.js'
import type {Call, State} from './state.js'

/** Both sides transfer large messages in chunks. */
export const hasChunks = ({version, flags, requester}: State): boolean =>
  version >= 0x12 && flags?.chunkCap === true && requester?.flags?.chunkCap === true

/** Bytes that the requester takes in one transfer; up to 1.1 it does not say. */
export const transferLimit = ({version, requester}: State): number =>
  version >= 0x12 ? (requester?.dataTransferSize ?? DEFAULTS.dataTransferSize) : DEFAULTS.dataTransferSize

/** Bytes of the largest response, in chunks if need be. */
export function responseLimit({state, options}: Pick<Call, 'state' | 'options'>): number {
  if (!hasChunks(state)) return transferLimit(state)
  return Math.min(state.requester?.maxSpdmMsgSize ?? 0, options.maxSpdmMsgSize ?? DEFAULTS.maxSpdmMsgSize)
}
