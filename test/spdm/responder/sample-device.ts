/** What DMTF's sample device measures, so that our answers can be compared with what it said. */
import {fromHex} from '../../../src/bits/index.js'
import {MEASUREMENT_TYPE, type ResponderMeasurement} from '../../../src/spdm/index.js'

const word = (n: number): string => Buffer.from(Uint16Array.of(n).buffer).toString('hex')

const raw = (index: number, type: number, value: string): ResponderMeasurement => ({
  index,
  type,
  form: 'raw',
  value: fromHex(value),
  tcb: false,
})

/**
 * Four hashed blocks, SVN, hash-extend, manifest, device mode. Index 0x11 is what the sample had extended so far: its
 * digest of `size` bytes is taken from `responses`, because nothing tells how it came about.
 */
export function sampleMeasurements(size: number, responses: readonly string[]): readonly ResponderMeasurement[] {
  const extended = new RegExp(`1101${word(size + 3)}08${word(size)}([0-9a-f]{${size * 2}})`)
  const found = responses.map(response => extended.exec(response)?.[1]).find(value => value !== undefined)
  return [
    ...[1, 2, 3, 4].map(index => ({
      index,
      type: index - 1,
      form: 'content' as const,
      value: new Uint8Array(72).fill(index),
      tcb: index === 1,
    })),
    raw(0x10, MEASUREMENT_TYPE.svn, '0700000000000000'),
    {...raw(0x11, MEASUREMENT_TYPE['hash-extend'], found ?? ''), form: 'digest'},
    raw(0xfd, MEASUREMENT_TYPE.manifest, 'fd'.repeat(128)),
    raw(0xfe, MEASUREMENT_TYPE['device-mode'], '3f000000040000001f00000011000000'),
  ]
}
