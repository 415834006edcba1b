/**
 * Keying a whole stream (PCIe r6.2 §6.33.3): six keys at each end, one per sub-stream and direction. Both ends get all
 * their keys first; then the receivers of both start, and only then the transmitters, so that nothing arrives that
 * nobody can read yet.
 */
import type {KmClient} from './km-client.js'
import {KEY_DIRECTIONS, KEY_SIZE, type KeyDirection, type KeySlot, SUB_STREAMS, type SubStream} from './km-keys.js'

/** The keys of one end: what it receives with, what it transmits with. */
export type StreamKeys = Readonly<Record<KeyDirection, Readonly<Record<SubStream, Uint8Array>>>>

/** One end of a stream. Not every end speaks IDE_KM: a Root Port is often keyed through registers of its own. */
export interface KeyedEnd {
  /** Takes all six keys; they are wiped afterwards. */
  program(keys: StreamKeys): Promise<void>
  start(direction: KeyDirection): Promise<void>
  stop(direction: KeyDirection): Promise<void>
}

/** The end of a stream at a port that speaks IDE_KM. One KEY_PROG is outstanding at a time, as the protocol demands. */
export function kmStreamEnd(
  client: KmClient,
  {portIndex, streamId, keySet}: Pick<KeySlot, 'portIndex' | 'streamId' | 'keySet'>,
): KeyedEnd {
  const slot = (direction: KeyDirection, subStream: SubStream): KeySlot => ({
    portIndex,
    streamId,
    keySet,
    direction,
    subStream,
  })
  return {
    async program(keys) {
      for (const direction of KEY_DIRECTIONS)
        for (const subStream of SUB_STREAMS)
          await client.program(slot(direction, subStream), keys[direction][subStream])
    },
    async start(direction) {
      for (const subStream of SUB_STREAMS) await client.go(slot(direction, subStream))
    },
    async stop(direction) {
      for (const subStream of SUB_STREAMS) await client.stop(slot(direction, subStream))
    },
  }
}

/**
 * Gives a stream fresh keys from `random`, a CSPRNG, and starts it: at `near`, and at `far`, which gets the same keys
 * crosswise. To renew keys, ends of the other key set are given. The keys are wiped in every case; a failure leaves the
 * stream not running, and ending the SPDM session makes the ends forget what they got.
 */
export async function programStream(
  random: (length: number) => Uint8Array,
  near: KeyedEnd,
  far?: KeyedEnd,
): Promise<void> {
  const ends = far === undefined ? [near] : [near, far]
  const keys = [freshKeys(random), freshKeys(random)] as const
  try {
    await near.program({receive: keys[0], transmit: keys[1]})
    await far?.program({receive: keys[1], transmit: keys[0]})
  } finally {
    for (const half of keys) for (const key of Object.values(half)) key.fill(0)
  }
  for (const direction of KEY_DIRECTIONS) for (const end of ends) await end.start(direction)
}

/** Stops a stream at all its ends: the transmitters before the receivers that still have to read what is under way. */
export async function stopStream(...ends: readonly KeyedEnd[]): Promise<void> {
  for (const direction of KEY_DIRECTIONS.toReversed()) for (const end of ends) await end.stop(direction)
}

const freshKeys = (random: (length: number) => Uint8Array): Record<SubStream, Uint8Array> => ({
  pr: random(KEY_SIZE),
  npr: random(KEY_SIZE),
  cpl: random(KEY_SIZE),
})
