/** Keys as the ports of a simulated link hold them: the link enciphers nothing, so a digest stands for the key. */
import {toHex} from '../../bits/index.js'
import {keyFromWire, SUB_STREAM} from '../../ide/index.js'

export interface HeldKey {
  readonly streamId: number
  readonly keySet: number
  /** 0 for a receive key, 1 for a transmit key. */
  readonly transmit: number
  readonly subStream: number
  /** Equal for equal keys. */
  readonly print: string
  /** The port uses it. */
  readonly running: boolean
}

/** Of a key in the order of the wire. */
export const keyPrint = (wire: Uint8Array): string => toHex(keyFromWire(wire))

const DIRECTIONS = [0, 1]

/** Whether each end can read what the other sends, in every sub-stream of `streamId`. */
export const keysMatch = (near: readonly HeldKey[], far: readonly HeldKey[], streamId: number): boolean =>
  Object.values(SUB_STREAM).every(subStream =>
    DIRECTIONS.every(transmit => {
      const sent = running(near, {streamId, subStream, transmit})
      const read = running(far, {streamId, subStream, transmit: 1 - transmit})
      return sent !== undefined && sent.print === read?.print && sent.keySet === read.keySet
    }),
  )

/** The key in use there, if any. */
const running = (
  keys: readonly HeldKey[],
  {streamId, subStream, transmit}: Pick<HeldKey, 'streamId' | 'subStream' | 'transmit'>,
): HeldKey | undefined =>
  keys.find(key => key.running && key.streamId === streamId && key.subStream === subStream && key.transmit === transmit)
