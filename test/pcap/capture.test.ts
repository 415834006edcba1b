/** Capture files: what they hold comes out, in every format; what is broken is named, and nothing else happens. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {concat} from '../../src/bits/index.js'
import {TsmctlError} from '../../src/errors.js'
import {LINK_TYPE, linkTypeText, readCapture, reassembler} from '../../src/pcap/index.js'
import {networkInterface, packetBlock, pcap, pcapng, section} from './files.js'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const TIME = 1_700_000_000_123_456_000n

describe('classic files', () => {
  it.each([
    ['little-endian, microseconds', {}],
    ['big-endian, microseconds', {bigEndian: true}],
    ['little-endian, nanoseconds', {nanoseconds: true}],
    ['big-endian, nanoseconds', {bigEndian: true, nanoseconds: true}],
  ])('%s', (_, form) => {
    const file = pcap(
      [
        {bytes: bytes(1, 2, 3), time: TIME},
        {bytes: bytes(4), originalLength: 9},
      ],
      form,
    )
    const capture = readCapture(file)!
    expect(capture).toMatchObject({format: 'pcap', findings: []})
    expect(capture.records).toMatchObject([
      {index: 0, offset: 24, linkType: 292, bytes: bytes(1, 2, 3), time: TIME, truncated: false},
      {index: 1, offset: 43, bytes: bytes(4), truncated: true},
    ])
  })

  it('gives back any packets', () => {
    const packets = fc.array(fc.record({bytes: fc.uint8Array({maxLength: 60}), time: fc.nat().map(BigInt)}))
    fc.assert(
      fc.property(packets, fc.boolean(), fc.nat(0xffff), (given, bigEndian, linkType) => {
        const {records} = readCapture(pcap(given, {bigEndian, linkType, nanoseconds: true}))!
        expect(records.map(record => ({bytes: record.bytes, time: record.time}))).toEqual(given)
        expect(records.every(record => record.linkType === linkType && !record.truncated)).toBe(true)
      }),
      {numRuns: 50},
    )
  })

  it('a file that ends inside a packet keeps what there is and says so', () => {
    const file = pcap([{bytes: bytes(1, 2, 3, 4)}, {bytes: bytes(5, 6, 7, 8)}])
    expect(readCapture(file.subarray(0, -2))).toMatchObject({
      records: [{truncated: false}, {truncated: true, bytes: bytes(5, 6)}],
      findings: [{record: 1, offset: 60, message: 'the file ends inside a packet: 2 of 4 bytes'}],
    })
    expect(readCapture(file.subarray(0, 44 + 5))).toMatchObject({
      records: [{}],
      findings: [{record: 1, offset: 44, message: 'the file ends inside a packet header: 5 bytes'}],
    })
  })

  it('refuses a length that no packet has, naming the record', () => {
    const file = pcap([{bytes: bytes(1)}, {bytes: bytes(2)}])
    new DataView(file.buffer).setUint32(24 + 17 + 8, 0xffffffff, true)
    expect(() => readCapture(file)).toThrow(/Capture file\.records\[1\] at byte 49/)
  })

  it('refuses another version', () => {
    const file = pcap([])
    file[4] = 9
    expect(() => readCapture(file)).toThrow(/pcap version 2\.x, got 9\.4/)
  })
})

describe('pcapng files', () => {
  it.each([false, true])('reads every packet block (big-endian: %s)', bigEndian => {
    const file = pcapng(
      [
        section(bigEndian),
        networkInterface(291, undefined, bigEndian),
        {type: 0x0bad, body: bytes(9, 9, 9, 9)},
        packetBlock(6, bytes(1, 2, 3), 1_500_000n, bigEndian),
        packetBlock(3, bytes(4, 5), 0n, bigEndian),
        packetBlock(2, bytes(6), 2_000_000n, bigEndian),
      ],
      bigEndian,
    )
    expect(readCapture(file)).toMatchObject({
      format: 'pcapng',
      findings: [],
      records: [
        {index: 0, linkType: 291, bytes: bytes(1, 2, 3), time: 1_500_000_000n},
        {index: 1, linkType: 291, bytes: bytes(4, 5), time: undefined},
        {index: 2, linkType: 291, bytes: bytes(6), time: 2_000_000_000n},
      ],
    })
  })

  it.each([
    [9, 5n, 5n],
    [3, 5n, 5_000_000n],
    [0x80 + 10, 1024n, 1_000_000_000n],
  ])('takes time stamps of resolution %i', (resolution, ticks, time) => {
    const file = pcapng([section(), networkInterface(292, resolution), packetBlock(6, bytes(1), ticks)])
    expect(readCapture(file)!.records[0]!.time).toBe(time)
  })

  it('sections have their own interfaces and byte order', () => {
    const file = concat(
      pcapng([section(), networkInterface(291), packetBlock(6, bytes(1))]),
      pcapng([section(true), networkInterface(292, undefined, true), packetBlock(6, bytes(2), 0n, true)], true),
    )
    expect(readCapture(file)!.records.map(({linkType}) => linkType)).toEqual([291, 292])
  })

  it('a snap length cuts simple packets', () => {
    const file = pcapng([section(), networkInterface(292, undefined, false, 2), packetBlock(3, bytes(1, 2, 3))])
    expect(readCapture(file)!.records).toMatchObject([{bytes: bytes(1, 2), truncated: true}])
  })

  it('names the block that contradicts itself', () => {
    const file = pcapng([section(), networkInterface(292), packetBlock(6, bytes(1))])
    const with32 = (at: number, value: number): Uint8Array => {
      const out = file.slice()
      new DataView(out.buffer).setUint32(at, value, true)
      return out
    }
    const packet = 28 + 20
    expect(() => readCapture(with32(packet + 4, 13))).toThrow(/records\[0\] at byte 52.*dwords/)
    expect(() => readCapture(with32(packet + 8, 7))).toThrow(/records\[0\] at byte 48.*interface below 1, got 7/)
    expect(() => readCapture(with32(packet + 20, 90))).toThrow(/a packet inside its block/)
    expect(() => readCapture(with32(file.length - 4, 1))).toThrow(/length again/)
    expect(() => readCapture(with32(8, 1))).toThrow(/byte-order magic/)
  })
})

const sample = (ng: boolean): Uint8Array =>
  ng
    ? pcapng([section(), networkInterface(292, 9), packetBlock(6, bytes(1, 2, 3), 7n), packetBlock(3, bytes(4))])
    : pcap([{bytes: bytes(1, 2, 3)}, {bytes: bytes(4, 5)}])

describe('any damage', () => {
  it.each([true, false])('gives records, findings or a typed error (pcapng: %s)', ng => {
    const given = sample(ng)
    fc.assert(
      fc.property(
        fc.nat(given.length),
        fc.array(fc.tuple(fc.nat(given.length - 1), fc.nat(255)), {maxLength: 4}),
        (length, changes) => {
          const damaged = given.slice()
          for (const [at, value] of changes) damaged[at] = value
          try {
            const capture = readCapture(damaged.subarray(0, length))
            for (const {bytes: packet} of capture?.records ?? []) expect(packet.length).toBeLessThanOrEqual(length)
          } catch (error) {
            expect(error).toBeInstanceOf(TsmctlError)
            expect(error).toMatchObject({kind: 'malformed'})
          }
        },
      ),
      {numRuns: 300},
    )
  })

  it('what is no capture file is not taken for one', () => {
    expect(readCapture(bytes())).toBeUndefined()
    expect(readCapture(bytes(0x12, 0x84, 0, 0))).toBeUndefined()
  })
})

describe('MCTP', () => {
  const packet = (flags: number, ...body: number[]): Uint8Array => bytes(1, 8, 9, flags, ...body)
  const SOM = 0x80
  const EOM = 0x40

  it('a message in one packet', () => {
    expect(reassembler()(packet(SOM + EOM, 5, 0x10, 0x84, 0, 0))).toEqual({
      kind: 'message',
      message: {type: 5, body: bytes(0x10, 0x84, 0, 0)},
    })
  })

  it('a message in packets, numbered modulo 4, beside another one', () => {
    const feed = reassembler()
    const results = [
      packet(SOM + 0x30, 5, 1),
      bytes(1, 9, 8, SOM + EOM, 6, 7),
      packet(0x00, 2),
      packet(EOM + 0x10, 3),
    ].map(feed)
    expect(results).toMatchObject([
      {kind: 'more'},
      {kind: 'message', message: {type: 6, body: bytes(7)}},
      {kind: 'more'},
      {kind: 'message', message: {type: 5, body: bytes(1, 2, 3)}},
    ])
  })

  it.each([
    ['no start', [packet(EOM, 1)], /start is not in the capture/],
    ['a packet lost', [packet(SOM, 5, 1), packet(EOM + 0x20, 2)], /packet 2 of a message where 1 must follow/],
    ['no header', [bytes(1, 2)], /no MCTP packet/],
    ['nothing inside', [packet(SOM + EOM)], /empty/],
    ['an integrity check', [packet(SOM + EOM, 0x85, 1)], /integrity check/],
  ])('%s is said', (_, packets, why) => {
    const feed = reassembler()
    const last = packets.map(feed).at(-1)!
    expect(last).toMatchObject({kind: 'lost', why: expect.stringMatching(why)})
  })
})

it('link types have names', () => {
  expect(linkTypeText(LINK_TYPE.PCI_DOE)).toBe('292 (PCI_DOE)')
  expect(linkTypeText(4711)).toBe('4711')
})
