/** A link as a conversation would have left it that nobody had the time for: secrets and keys are drawn at random. */
import {concat, toHex} from '../../bits/index.js'
import {KEY_DIRECTIONS, KEY_SIZE, SUB_STREAM, SUB_STREAMS} from '../../ide/index.js'
import {toBase64} from '../base64.js'
import type {LaneMemory} from '../dsm/index.js'
import type {NegotiatedHash} from '../machine.js'
import {negotiationMessages} from '../responder.js'
import type {StoredLink, StoredSession} from './memory.js'

const HASH_SIZE: Readonly<Record<NegotiatedHash, number>> = {sha256: 32, sha384: 48}
const KEY_SET = 0

export interface AssumedLink {
  readonly hash: NegotiatedHash
  /** Undefined for a device without a stream. */
  readonly streamId: number | undefined
  readonly random: (length: number) => Uint8Array
}

/** An open session of which nothing was said yet, and its stream keyed crosswise and running at both ends. */
export function assumedLink({hash, streamId, random}: AssumedLink): StoredLink {
  const id = new DataView(random(4).buffer).getUint32(0, true)
  const direction = () => ({secret: toHex(random(HASH_SIZE[hash])), next: 0})
  const sides = {requester: direction(), responder: direction()}
  const session = (role: StoredSession['role']): StoredSession => ({id, role, ...sides})
  const keys: Record<string, string> = {}
  const lanes: Record<string, LaneMemory> = {}
  if (streamId !== undefined)
    for (const [i, near] of KEY_DIRECTIONS.entries())
      for (const subStream of SUB_STREAMS) {
        const key = toHex(random(KEY_SIZE))
        keys[`${near}/${subStream}`] = key
        // what the root port receives with, the device transmits with
        lanes[`${streamId}/${SUB_STREAM[subStream]}/${1 - i}`] = {keys: {[KEY_SET]: key}, active: KEY_SET}
      }
  const messages = negotiationMessages(hash)
  return {
    device: {
      vca: messages.map(toBase64),
      sessions: [session('responder')],
      dsm: {tdis: [], ports: [{owner: streamId === undefined ? null : id, lanes}]},
    },
    tsm: {
      vca: toBase64(concat(...messages)),
      session: session('requester'),
      stream: streamId === undefined ? null : {streamId, keySet: KEY_SET, keys, running: [...KEY_DIRECTIONS]},
    },
  }
}
