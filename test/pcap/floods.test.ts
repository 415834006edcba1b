/** Captures that somebody made to exhaust their reader. */
import {expect, it} from 'vitest'
import {concat} from '../../src/bits/index.js'
import {TsmctlError} from '../../src/errors.js'
import {readCapture, reassembler} from '../../src/pcap/index.js'
import {networkInterface, packetBlock, pcap, pcapng, section} from './files.js'

const SOM = 0x80
const EOM = 0x40
const packet = (flags: number, sequence: number, ...body: number[]): Uint8Array =>
  Uint8Array.of(1, 2, 3, flags + sequence * 16, ...body)

it.each([
  ['empty', []],
  ['of one byte', [0x10]],
])('a message of 60 000 packets that are %s is put together', (_, body) => {
  const take = reassembler()
  take(packet(SOM, 0, 5))
  for (let i = 1; i < 60_000; i++) take(packet(0, i % 4, ...body))
  const result = take(packet(EOM, 0))
  expect(result).toMatchObject({kind: 'message', message: {type: 5}})
  expect(result.kind === 'message' && result.message.body.length).toBe(59_999 * body.length)
})

const failureOf = (content: Uint8Array): unknown => {
  try {
    return readCapture(content)
  } catch (error) {
    return error
  }
}

/** `head`, then `unit` so many times. */
function repeated(head: Uint8Array, unit: Uint8Array, times: number): Uint8Array {
  const out = new Uint8Array(head.length + unit.length * times)
  out.set(head)
  for (let i = 0; i < times; i++) out.set(unit, head.length + i * unit.length)
  return out
}
const CLASSIC = pcap([])
const BLOCKS = pcapng([section(), networkInterface(292)])
const FLOODS = [
  ['pcap', CLASSIC, pcap([{bytes: new Uint8Array()}]).subarray(CLASSIC.length)],
  ['pcapng', BLOCKS, pcapng([packetBlock(6, new Uint8Array())])],
] as const

it.each(FLOODS)('a %s file of more packets than anybody reads is refused', (_, head, unit) => {
  expect(readCapture(repeated(head, unit, 100_000))?.records).toHaveLength(100_000)
  const failure = failureOf(repeated(head, unit, 100_001))
  expect(failure).toBeInstanceOf(TsmctlError)
  expect(failure).toMatchObject({kind: 'unsupported', got: expect.stringContaining('more than 100000 packets')})
})

it.each(FLOODS)('a %s file of more bytes than anybody reads is refused', (_, head) => {
  expect(failureOf(concat(head, new Uint8Array(0x1000000)))).toMatchObject({kind: 'unsupported'})
})
