/** TDI reports: what they say and everything that contradicts PCIe r7.0 §11.3.11. */
import {describe, expect, it} from 'vitest'
import {DecodeError, type Encodable, fromHex} from '../../src/bits/index.js'
import {INTERFACE_REPORT, interfaceReportFacts} from '../../src/tdisp/index.js'

/** A recorded report of 97 bytes: firmware fixed, DMA without PASID, ATS, locked MSI-X, four ranges. */
const REPORT = fromHex(`
  0b00 0000 0740 0000 01000000 04000000
  00000e0003000000 08000000 0000 0000
  08000e0003000000 02000000 0100 0000
  0a000e0003000000 01000000 0600 0000
  0000100003000000 00000100 0800 0200
  0d000000 7368617265642d73616d706c65`)

type Ranges = NonNullable<Encodable<(typeof INTERFACE_REPORT)['fields']>['mmioRanges']>

const kindsOf = (mmioRanges: Ranges): string[] => {
  const report = INTERFACE_REPORT.decode(INTERFACE_REPORT.encode({mmioRanges}))
  return interfaceReportFacts(report).problems.map(({kind, ranges}) => [kind, ...ranges].join(' '))
}

it('a recorded report says this', () => {
  expect(REPORT).toHaveLength(97)
  const facts = interfaceReportFacts(INTERFACE_REPORT.decode(REPORT))
  expect(facts).toMatchObject({
    firmwareUpdates: 'refused',
    dmaWithoutPasid: true,
    dmaWithPasid: false,
    ats: true,
    prs: false,
    msix: {control: 0x4007, tableEntries: 8, functionMask: true, enable: false},
    lnrControl: 0,
    tphControl: 1,
    problems: [],
    reserved: [],
  })
  expect(facts.ranges).toEqual([
    {
      index: 0,
      rangeId: 0,
      firstPage: 0x3000e0000n,
      pages: 8n,
      endPage: 0x3000e0008n,
      msixTable: false,
      msixPba: false,
      nonTee: false,
      updatable: false,
    },
    expect.objectContaining({firstPage: 0x3000e0008n, pages: 2n, msixTable: true}),
    expect.objectContaining({firstPage: 0x3000e000an, pages: 1n, msixPba: true, nonTee: true}),
    expect.objectContaining({firstPage: 0x300100000n, pages: 0x10000n, rangeId: 2, updatable: true}),
  ])
  expect(new TextDecoder().decode(facts.deviceSpecificInfo)).toBe('shared-sample')
})

it('N088 bit 0 means that updates are NOT permitted', () => {
  const updates = [true, false].map(
    noFwUpdate => interfaceReportFacts(INTERFACE_REPORT.decode(INTERFACE_REPORT.encode({noFwUpdate}))).firmwareUpdates,
  )
  expect(updates).toEqual(['refused', 'permitted'])
})

describe('contradictions', () => {
  const full = (1n << 52n) - 1n
  it.each<[string, Ranges, string[]]>([
    ['no range', [], ['no-ranges']],
    ['a range without pages', [{firstPage: 1n, pages: 0}], ['empty-range 0']],
    ['the last page of the address space', [{firstPage: full, pages: 1}], []],
    ['one page more', [{firstPage: full, pages: 2}], ['overflow 0']],
    ['a page number beyond the address space', [{firstPage: 1n << 63n, pages: 1}], ['overflow 0']],
    [
      'BARs out of order',
      [
        {firstPage: 16n, pages: 1, rangeId: 2},
        {firstPage: 0n, pages: 1, rangeId: 0},
      ],
      ['order 0 1'],
    ],
    [
      'addresses out of order inside a BAR',
      [
        {firstPage: 16n, pages: 1},
        {firstPage: 0n, pages: 1},
      ],
      ['order 0 1'],
    ],
    [
      'a lower address in a higher BAR',
      [
        {firstPage: 16n, pages: 1, rangeId: 0},
        {firstPage: 0n, pages: 1, rangeId: 1},
      ],
      [],
    ],
    [
      'ranges that touch',
      [
        {firstPage: 0n, pages: 4},
        {firstPage: 4n, pages: 4},
      ],
      [],
    ],
    [
      'ranges that share a page, over BARs',
      [
        {firstPage: 0n, pages: 4, rangeId: 0},
        {firstPage: 3n, pages: 4, rangeId: 2},
      ],
      ['overlap 0 1'],
    ],
    [
      'a range inside an earlier, longer one',
      [
        {firstPage: 0n, pages: 16},
        {firstPage: 2n, pages: 1},
        {firstPage: 8n, pages: 1},
      ],
      ['overlap 0 1', 'overlap 0 2'],
    ],
  ])('%s', (_, ranges, expected) => {
    expect(kindsOf(ranges)).toEqual(expected)
  })

  it('reserved bits are reported, not refused', () => {
    const bytes = REPORT.slice()
    bytes[1] = 0x80
    bytes[2] = 0x01
    bytes[16 + 12] = 0x10
    const {reserved} = interfaceReportFacts(INTERFACE_REPORT.decode(bytes))
    expect(reserved.map(({path}) => path)).toEqual(['infoReserved', 'reserved2', 'mmioRanges[0].reserved'])
  })
})

describe('framing', () => {
  it('a trailing byte, a missing byte and a count beyond the bytes are refused', () => {
    const longer = new Uint8Array(98)
    longer.set(REPORT)
    const huge = REPORT.slice()
    huge.fill(0xff, 12, 16)
    const info = REPORT.slice()
    info[80] = 0x0e
    for (const bytes of [longer, REPORT.subarray(0, 96), huge, info])
      expect(() => INTERFACE_REPORT.decode(bytes)).toThrow(DecodeError)
  })
})
