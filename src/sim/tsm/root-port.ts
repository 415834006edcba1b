/** The Root Port's end of a stream: the platform keys it through registers of its own, without IDE_KM. */
import {toHex} from '../../bits/index.js'
import {KEY_DIRECTIONS, type KeyDirection, type KeyedEnd, SUB_STREAM, SUB_STREAMS} from '../../ide/index.js'
import type {PortMemory} from '../dsm/index.js'
import type {StoredStream} from './memory.js'

/** In key set K0. */
export class RootPortEnd implements KeyedEnd {
  readonly #keys = new Map<string, Uint8Array>()
  readonly #running = new Set<KeyDirection>()

  async program(keys: Parameters<KeyedEnd['program']>[0]): Promise<void> {
    for (const direction of KEY_DIRECTIONS)
      for (const subStream of SUB_STREAMS)
        this.#keys.set(`${direction}/${subStream}`, keys[direction][subStream].slice())
  }

  async start(direction: KeyDirection): Promise<void> {
    this.#running.add(direction)
  }

  async stop(direction: KeyDirection): Promise<void> {
    this.#running.delete(direction)
    for (const subStream of SUB_STREAMS) this.#keys.delete(`${direction}/${subStream}`)
  }

  stored(streamId: number): StoredStream {
    const keys = Object.fromEntries([...this.#keys].map(([slot, key]) => [slot, toHex(key)]))
    return {streamId, keySet: 0, keys, running: [...this.#running]}
  }
}

/** One for each sub-stream in each direction. */
export const KEYS_OF_STREAM = 6

const OTHER = {receive: 1, transmit: 0} as const

/** How many of the six keys of a stream both ends use: each transmits with what the other receives with. */
export function keysInCommon({streamId, keySet, keys, running}: StoredStream, {lanes}: PortMemory): number {
  const isCommon = (direction: KeyDirection, subStream: keyof typeof SUB_STREAM): boolean => {
    const lane = lanes[`${streamId}/${SUB_STREAM[subStream]}/${OTHER[direction]}`]
    const key = keys[`${direction}/${subStream}`]
    return key !== undefined && running.includes(direction) && lane?.active === keySet && lane.keys[keySet] === key
  }
  return KEY_DIRECTIONS.flatMap(direction => SUB_STREAMS.filter(one => isCommon(direction, one))).length
}

/** How many keys the Root Port uses. */
export const keysNear = ({running}: StoredStream): number => running.length * SUB_STREAMS.length

/** The key sets that a device's port uses for a stream, one for every key. */
export const keySetsFar = ({lanes}: PortMemory, streamId: number): number[] =>
  Object.entries(lanes).flatMap(([place, {active}]) =>
    active !== null && place.startsWith(`${streamId}/`) ? [active] : [],
  )
