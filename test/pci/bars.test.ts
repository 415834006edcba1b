import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {DecodeError} from '../../src/bits/index.js'
import {barsOfHeader, decodeConfigSpace, parseResources, TYPE0_HEADER, TYPE1_HEADER} from '../../src/pci/index.js'

const EMPTY = `0x${'0'.repeat(16)} 0x${'0'.repeat(16)} 0x${'0'.repeat(16)}`
const line = (start: bigint, end: bigint, flags: bigint): string =>
  [start, end, flags].map(value => `0x${value.toString(16).padStart(16, '0')}`).join(' ')
const file = (count: number, lines: Readonly<Record<number, string>>): string =>
  Array.from({length: count}, (_, i) => `${lines[i] ?? EMPTY}\n`).join('')

const MEM32 = 0x40200n
const MEM64 = 0x140204n
const PREFETCH = 0x2008n

describe('parseResources', () => {
  it.each([
    ['32-bit memory', MEM32, {kind: 'mem32', prefetchable: false}],
    ['64-bit memory', MEM64, {kind: 'mem64', prefetchable: false}],
    ['prefetchable 64-bit memory', MEM64 | PREFETCH, {kind: 'mem64', prefetchable: true}],
    ['I/O', 0x40101n, {kind: 'io', prefetchable: false}],
    ['memory without an address', MEM32 | 0x2000_0000n, {kind: 'mem32', assigned: false}],
  ])('%s', (_, flags, expected) => {
    const {bars} = parseResources(file(7, {2: line(0x4000_0000n, 0x4000_3fffn, flags)}))
    expect(bars.filter(({kind}) => kind !== 'upper-half')).toHaveLength(1)
    expect(bars[0]).toMatchObject({index: 2, start: 0x4000_0000n, size: {known: true, value: 0x4000n}, ...expected})
  })

  it('marks the upper half of a 64-bit BAR, and only that', () => {
    const bars = {0: line(1n << 40n, (1n << 40n) + 0xfffn, MEM64), 3: line(0x1000n, 0x1fffn, MEM32)}
    expect(parseResources(file(13, bars)).bars).toMatchObject([
      {index: 0, kind: 'mem64'},
      {index: 1, kind: 'upper-half', of: 0},
      {index: 3, kind: 'mem32'},
    ])
  })

  const at = (indices: readonly number[]) =>
    Object.fromEntries(indices.map(i => [i, line(BigInt(i) << 20n, (BigInt(i) << 20n) + 0xfffn, MEM32)]))

  it.each([
    ['function, kernel without SR-IOV', 7, {bars: 6, rom: true, vfBars: 0, windows: 0}],
    ['bridge, kernel without SR-IOV', 11, {bars: 6, rom: true, vfBars: 0, windows: 4}],
    ['function', 13, {bars: 6, rom: true, vfBars: 6, windows: 0}],
    ['bridge', 17, {bars: 6, rom: true, vfBars: 6, windows: 4}],
  ])('tells what the lines of a %s are', (_, count, expected) => {
    const {bars, rom, vfBars, windows} = parseResources(file(count, at([...Array(count).keys()])))
    expect({bars: bars.length, rom: rom !== undefined, vfBars: vfBars.length, windows: windows.length}).toEqual(
      expected,
    )
  })

  it('an empty window ends one byte before its start', () =>
    expect(parseResources(file(17, {13: line(0x1000n, 0xfffn, 0x101n)})).windows).toMatchObject([
      {kind: 'io', size: {value: 0n}},
    ]))

  it.each([
    ['too few lines', file(6, {})],
    ['nothing', ''],
    ['too many lines', file(65, {})],
    ['another text', file(7, {3: 'hello'})],
    ['a number too wide', file(7, {3: `0x1${'0'.repeat(16)} 0x0 0x0`})],
    ['an end before its start', file(7, {3: line(0x2000n, 0x1000n, MEM32)})],
  ])('refuses %s', (_, text) => expect(() => parseResources(text)).toThrow(DecodeError))

  it('returns resources or a DecodeError for any text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^(0x[0-9a-f]{1,16} ?){0,40}$/)), text => {
        try {
          expect(parseResources(text).bars.length).toBeLessThanOrEqual(6)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })
})

const headerOf = (bytes: Uint8Array) => {
  const {header} = decodeConfigSpace(bytes)
  expect(header.known).toBe(true)
  return (header as Extract<typeof header, {known: true}>).value
}

describe('barsOfHeader', () => {
  it('joins the halves of 64-bit BARs', () => {
    const bytes = TYPE0_HEADER.encode({bar0: 0x8000_000c, bar1: 0x12, bar2: 0xfe00_0000, bar3: 0xe001, bar4: 0x4})
    expect(barsOfHeader(headerOf(bytes))).toMatchObject([
      {index: 0, kind: 'mem64', prefetchable: true, start: 0x12_8000_0000n, size: {known: false}},
      {index: 1, kind: 'upper-half', of: 0},
      {index: 2, kind: 'mem32', prefetchable: false, start: 0xfe00_0000n},
      {index: 3, kind: 'io', start: 0xe000n},
      {index: 4, kind: 'mem64', assigned: false},
      {index: 5, kind: 'upper-half', of: 4},
    ])
  })

  it('a 64-bit BAR in the last slot has no upper half to read', () =>
    expect(barsOfHeader(headerOf(TYPE0_HEADER.encode({bar5: 0x1000_0004})))).toMatchObject([
      {index: 5, kind: 'mem32', start: 0x1000_0000n},
    ]))

  it('a bridge has two', () =>
    expect(barsOfHeader(headerOf(TYPE1_HEADER.encode({bar1: 0x1000, primaryBus: 7})))).toMatchObject([
      {index: 1, kind: 'mem32', start: 0x1000n},
    ]))
})
