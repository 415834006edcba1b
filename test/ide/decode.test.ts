/** Vectors computed by hand from the register tables of PCIe r6.2 §7.9.26. */
import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {concat, DecodeError, toHex} from '../../src/bits/index.js'
import {
  ADDRESS_ASSOCIATION,
  addressAssociation,
  addressRange,
  decodeIde,
  decodeIdeRegisters,
  encodeIde,
  type EncodableIde,
  IDE_CAPABILITY,
  IDE_REGISTERS,
  LINK_STREAM,
  SELECTIVE_STREAM,
} from '../../src/ide/index.js'

/** A configuration space with the capability at `offset`. */
function configWith(ide: EncodableIde, offset = 0x400): Uint8Array {
  const config = new Uint8Array(4096)
  config.set(encodeIde(ide), offset)
  return config
}

const word = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer).getUint32(at, true)

describe('registers', () => {
  it('capability: link, selective, IDE_KM, TEE-limited, 1 link TC, 4 selective streams', () => {
    const fields = {linkSupported: true, selectiveSupported: true, ideKm: true, lastSelective: 3, teeLimited: true}
    expect(toHex(IDE_REGISTERS.encode(fields))).toBe('4300030100000000')
    expect(word(IDE_CAPABILITY.encode(fields), 4)).toBe(0x0103_0043)
  })

  it('selective control: enabled, default, TEE-limited, Stream ID 5', () => {
    const fields = {enable: true, defaultStream: true, teeLimited: true, streamId: 5}
    expect(word(SELECTIVE_STREAM.encode(fields), 4)).toBe(0x05c0_0001)
  })

  it.each([
    [{state: 2}, 0x0000_0002],
    [{failReceived: true}, 0x8000_0000],
  ])('selective status %j', (fields, expected) => expect(word(SELECTIVE_STREAM.encode(fields), 8)).toBe(expected))

  it('RID association: limit 0107h, base 0100h, valid', () => {
    const bytes = SELECTIVE_STREAM.encode({ridLimit: 0x0107, ridBase: 0x0100, ridValid: true})
    expect(word(bytes, 12)).toBe(0x0001_0700)
    expect(word(bytes, 16)).toBe(0x0001_0001)
  })

  it('address association of 4_1230_0000 to 4_567f_ffff', () => {
    const bytes = ADDRESS_ASSOCIATION.encode(addressAssociation(0x4_1230_0000n, 0x4_567f_ffffn))
    expect([0, 4, 8].map(at => word(bytes, at))).toEqual([0x5671_2301, 4, 4])
    expect(addressRange(ADDRESS_ASSOCIATION.decode(bytes))).toEqual({base: 0x4_1230_0000n, limit: 0x4_567f_ffffn})
  })
})

it.each([
  [0x1000n, 0xf_ffffn],
  [0n, 0x10_0000n],
  [0x20_0000n, 0x1f_ffffn],
])('addressAssociation refuses %#x to %#x', (base, limit) =>
  expect(() => addressAssociation(base, limit)).toThrow(RangeError),
)

describe('decodeIde', () => {
  it('places the first selective block behind one link block', () => {
    const ide = decodeIde(configWith({capability: {}, link: [{}], selective: [{}, {}, {}, {}]}), 0x400)
    expect(ide.promised).toEqual({link: 1, selective: 4})
    expect(ide.linkStreams.map(({offset}) => offset)).toEqual([0x40c])
    expect(ide.selectiveStreams.map(({offset}) => offset)).toEqual([0x414, 0x428, 0x43c, 0x450])
    expect(ide).toMatchObject({end: 0x464, complete: true, findings: []})
  })

  it('gives every selective block its own number of address associations', () => {
    const ide = decodeIde(
      configWith({
        capability: {},
        selective: [
          {associations: [addressAssociation(0n, 0xf_ffffn)]},
          {associations: [{}]},
          {},
          {associations: [{}, {}, {}]},
          {associations: [{}]},
        ],
      }),
      0x400,
    )
    expect(ide.selectiveStreams.map(({addresses}) => addresses.length)).toEqual([1, 1, 0, 3, 1])
    expect(ide.selectiveStreams.map(({offset}) => offset - 0x400)).toEqual([12, 44, 76, 96, 152])
    expect(ide.selectiveStreams.map(({usableByLinux}) => usableByLinux)).toEqual([true, true, false, false, false])
    expect(ide.selectiveStreams[0]!.addresses[0]).toEqual({index: 0, valid: true, base: 0n, limit: 0xf_ffffn})
  })

  it.each([
    ['enumerated by Linux', {streamId: 255}, 'enumerated'],
    ['torn down or reset', {}, 'cleared'],
    ['cleared but for its RID association', {ridValid: true}, 'disabled'],
    ['disabled with an ID', {streamId: 7}, 'disabled'],
    ['enabled', {enable: true, streamId: 255}, undefined],
  ])('a block %s is idle as %3$s', (_, block, idle) => {
    const [stream] = decodeIde(configWith({capability: {}, selective: [block]}), 0x400).selectiveStreams
    expect(stream!.idle).toBe(idle)
  })

  it.each([
    [{enable: true, state: 2}, 'secure', true],
    [{enable: true, state: 0}, 'insecure', false],
    [{enable: false, state: 2}, 'secure', false],
    [{enable: true, state: 1}, '0x01', false],
  ])('state of %j is %s, secure %s', (block, state, secure) => {
    for (const ide of [
      {capability: {}, selective: [block]},
      {capability: {}, link: [block]},
    ]) {
      const {linkStreams, selectiveStreams} = decodeIde(configWith(ide), 0x400)
      expect([...linkStreams, ...selectiveStreams]).toMatchObject([{state, secure}])
    }
  })

  it('reports what is in a stream', () => {
    const block = {
      enable: true,
      streamId: 5,
      trafficClass: 3,
      pcrcEnable: true,
      configEnable: true,
      defaultStream: true,
      teeLimited: true,
      failReceived: true,
      ridBase: 0x0100,
      ridLimit: 0x0107,
      ridValid: true,
      segmentBase: 2,
    }
    expect(decodeIde(configWith({capability: {}, selective: [block]}), 0x400).selectiveStreams[0]).toMatchObject({
      kind: 'selective',
      enabled: true,
      streamId: 5,
      trafficClass: 3,
      pcrc: true,
      configRequests: true,
      defaultStream: true,
      teeLimited: true,
      failReceived: true,
      rid: {valid: true, base: 0x0100, limit: 0x0107, segment: 2},
    })
  })

  it('blocks beyond configuration space are a finding, not a crash', () => {
    const config = new Uint8Array(4096)
    config.set(IDE_CAPABILITY.encode({selectiveSupported: true, lastSelective: 255}), 0xfc0)
    const ide = decodeIde(config, 0xfc0)
    expect(ide).toMatchObject({complete: false, promised: {link: 0, selective: 256}, end: 0xff4})
    expect(ide.selectiveStreams).toHaveLength(2)
    expect(ide.findings).toMatchObject([{path: 'selective[2]', offset: 0xff4}])
    expect(ide.findings[0]!.message).toContain('254 of 256 selective stream blocks lie outside 4096 bytes')
  })

  it('a missing link block leaves the selective blocks unread, for their place is unknown', () => {
    const config = new Uint8Array(4096)
    config.set(IDE_CAPABILITY.encode({linkSupported: true, selectiveSupported: true}), 0xff0)
    expect(decodeIde(config, 0xff0)).toMatchObject({complete: false, linkStreams: [], selectiveStreams: []})
  })

  it.each([
    [true, [['selective[0].ridLimit', 0x418]]],
    [false, []],
  ])('an inverted RID range, valid %s, is the findings %j', (ridValid, places) => {
    const config = configWith({capability: {}, selective: [{ridValid, ridBase: 2, ridLimit: 1}]})
    expect(decodeIde(config, 0x400).findings.map(({path, offset}) => [path, offset])).toEqual(places)
  })

  it('reserved bits of the capability have their place in configuration space', () =>
    expect(decodeIde(configWith({capability: {controlReserved: 1}}), 0x400).findings).toMatchObject([
      {path: 'controlReserved', offset: 0x408},
    ]))

  it('reserved bits and inverted ranges are findings with their place', () => {
    const inverted = {valid: true, baseLower: 2, limitLower: 1}
    const block = {associations: [inverted, {reserved: 1}], state: 5}
    const {findings} = decodeIde(configWith({capability: {}, selective: [block]}), 0x400)
    expect(findings.map(({path, offset}) => [path, offset])).toEqual([
      ['selective[0].state', 0x414],
      ['selective[0].associations[1].reserved', 0x42c],
      ['selective[0].associations[0]', 0x420],
    ])
  })

  it.each([
    ['another capability', new Uint8Array(4096), 0x100],
    ['an unprivileged read', new Uint8Array(64), 0x400],
    ['an offset at the end', new Uint8Array(4096), 4092],
  ])('refuses %s', (_, config, offset) => expect(() => decodeIde(config, offset)).toThrow(DecodeError))

  it('copies its input', () => {
    const config = configWith({capability: {}, selective: [{streamId: 9}]})
    const ide = decodeIde(config, 0x400)
    config.fill(0)
    expect(ide.selectiveStreams[0]!.registers.streamId).toBe(9)
  })

  it('returns facts or a DecodeError for any bytes at any offset', () => {
    const offset = fc.nat({max: 1023}).map(n => n * 4)
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 4096, size: 'max'}), offset, fc.boolean(), (bytes, at, plant) => {
        if (plant && at + 2 <= bytes.length) bytes.set([0x30, 0x00], at)
        try {
          const ide = decodeIde(bytes, at)
          expect(ide.end).toBeLessThanOrEqual(bytes.length)
          expect(ide.linkStreams.length + ide.selectiveStreams.length).toBeLessThanOrEqual(264)
          expect(ide.complete).toBe(
            ide.linkStreams.length === ide.promised.link && ide.selectiveStreams.length === ide.promised.selective,
          )
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      {numRuns: 300},
    )
  })

  it('reads back whatever encodeIde writes', () => {
    const mib = fc.bigInt({min: 0n, max: (1n << 44n) - 1n})
    const range = fc.tuple(mib, mib).map(([a, b]) => (a < b ? [a, b] : [b, a]) as [bigint, bigint])
    const selective = fc.array(fc.record({streamId: fc.nat({max: 255}), ranges: fc.array(range, {maxLength: 3})}), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(fc.nat({max: 8}), selective, (links, streams) => {
        const ide = decodeIde(
          configWith({
            capability: {},
            link: Array.from({length: links}, (_, trafficClass) => ({trafficClass: trafficClass % 8})),
            selective: streams.map(({streamId, ranges}) => ({
              streamId,
              associations: ranges.map(([a, b]) => addressAssociation(a << 20n, (b << 20n) + 0xf_ffffn)),
            })),
          }),
          0x400,
        )
        expect(ide.complete).toBe(true)
        expect(ide.linkStreams).toHaveLength(links)
        expect(ide.selectiveStreams.map(({streamId}) => streamId)).toEqual(streams.map(({streamId}) => streamId))
        expect(ide.selectiveStreams.map(({addresses}) => addresses.map(({base, limit}) => [base, limit]))).toEqual(
          streams.map(({ranges}) => ranges.map(([a, b]) => [a << 20n, (b << 20n) + 0xf_ffffn])),
        )
      }),
      {numRuns: 50},
    )
  })
})

describe('decodeIdeRegisters', () => {
  const block = encodeIde({capability: {ideKm: true}, selective: [{streamId: 7, associations: [{}]}]}).subarray(4)

  it('decodes the register block of QUERY_RESP', () => {
    const ide = decodeIdeRegisters(block)
    expect(ide.capability.ideKm).toBe(true)
    expect(ide.selectiveStreams).toMatchObject([{streamId: 7, addresses: [{valid: false}]}])
  })

  it.each([
    ['too short', block.subarray(0, -4)],
    ['too long', concat(block, new Uint8Array(4))],
    ['empty', new Uint8Array()],
  ])('refuses a block that is %s', (_, bytes) => expect(() => decodeIdeRegisters(bytes)).toThrow(DecodeError))
})

it('link blocks are 8 bytes, selective blocks 20 and 12 per association', () => {
  expect(LINK_STREAM.size).toBe(8)
  expect([SELECTIVE_STREAM.headSize, ADDRESS_ASSOCIATION.size]).toEqual([20, 12])
})

describe('where lspci 3.15 prints something else, the register decides', () => {
  it.each([
    [true, false],
    [false, true],
  ])('PCRC of a link stream is bit 8, not the enable bit: enable %s, PCRC %s', (enable, pcrcEnable) => {
    const {linkStreams} = decodeIde(configWith({capability: {}, link: [{enable, pcrcEnable}]}), 0x400)
    expect(linkStreams).toMatchObject([{enabled: enable, pcrc: pcrcEnable}])
  })

  it('what it labels RID# are address association blocks; there is one RID association, always', () => {
    const block = {ridBase: 0x100, ridLimit: 0x107, ridValid: true, associations: [{}, {}]}
    const [stream] = decodeIde(configWith({capability: {}, selective: [block]}), 0x400).selectiveStreams
    expect(stream!.rid).toMatchObject({valid: true, base: 0x100, limit: 0x107})
    expect(stream!.addresses).toHaveLength(2)
  })

  it('state 1 is shown as its number: it is not defined, and not any of the defined ones', () => {
    const {selectiveStreams} = decodeIde(configWith({capability: {}, selective: [{enable: true, state: 1}]}), 0x400)
    expect(selectiveStreams).toMatchObject([{state: '0x01', secure: false}])
  })
})

it('any bytes are facts or a DecodeError, in no more blocks than a capability can promise', () => {
  const space = fc.oneof(
    fc.uint8Array({minLength: 4096, maxLength: 4096}),
    fc.array(fc.tuple(fc.nat({max: 4095}), fc.nat({max: 255})), {maxLength: 40}).map(edits => {
      const bytes = configWith({capability: {}, link: [{}], selective: [{associations: [{}]}, {}]})
      for (const [at, byte] of edits) bytes[at] = byte
      return bytes
    }),
    fc.constant(new Uint8Array(4096).fill(0xff)),
  )
  fc.assert(
    fc.property(space, fc.nat({max: 4100}), (bytes, offset) => {
      try {
        const {linkStreams, selectiveStreams, end} = decodeIde(bytes, offset)
        expect(linkStreams.length).toBeLessThanOrEqual(8)
        expect(selectiveStreams.length).toBeLessThanOrEqual(256)
        expect(end).toBeLessThanOrEqual(4096)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
    {numRuns: 300},
  )
})
