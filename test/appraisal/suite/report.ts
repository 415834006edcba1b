/** The interface report (N086 to N105). */
import {concat} from '../../../src/bits/index.js'
import type {PciFacts} from '../../../src/evidence/index.js'
import {PCI, RANGES, report, ruleWith} from '../forge.js'
import {besides, changed, put, range, second, third, row, type Row} from './row.js'

const UNLOCKED = ruleWith({tdisp: {lockMsix: 'allow-unlocked'}})
const NO_FLAGS = {...third, flags: {}}
/** BAR4 of 32 bits, and nothing in BAR5. */
const SMALL: PciFacts['bars'] = [
  {...PCI.bars[4]!, kind: 'memory32', address: '0xe0000000'},
  {...PCI.bars[5]!, kind: 'none'},
]

export const ROWS: readonly Row[] = [
  row('N086 a range too many', 'tdisp.report.framing', {report: put(report(), 12, 4)}),
  row('N086 device-specific bytes missing', 'tdisp.report.framing', {report: put(report(), 16 + 48, 8)}),
  row('N086 2^32-1 ranges', 'tdisp.report.framing', {report: changed(report(), r => r.fill(0xff, 12, 16))}),
  row('N086 a byte too many', 'tdisp.report.framing', {report: concat(report(), Uint8Array.of(0))}),
  row('N086 15 bytes', 'tdisp.report.framing', {report: report().subarray(0, 15)}),
  row(
    'N087 a reserved bit, required',
    'tdisp.report.reserved',
    {report: report(RANGES, {infoReserved: 1})},
    ruleWith({require: ['tdisp.report.*']}),
  ),
  row('N088 firmware updates', 'tdisp.report.no-fw-update', {report: report(RANGES, {noFwUpdate: false})}),
  row('N089 no DMA at all', 'tdisp.report.dma-pasid', {report: report(RANGES, {dmaWithoutPasid: false})}),
  row('N089 PASID', 'tdisp.report.dma-pasid', {report: report(RANGES, {dmaWithPasid: true})}),
  row('N090 ATS', 'tdisp.report.ats', {report: report(RANGES, {atsSupported: true})}),
  row('N091 PRS', 'tdisp.report.prs', {report: report(RANGES, {prsSupported: true})}),
  row('N092 MSI-X without control', 'tdisp.report.msix-locked', {
    report: report(RANGES, {msixEnable: false, msixTableSize: 0}),
  }),
  besides(
    row('N092 no range, and the rule wants one', 'tdisp.report.msix-locked', {
      report: report([range, second], {msixEnable: false, msixTableSize: 0}),
    }),
    'tdisp.report.msix-exclusive',
  ),
  row('N092 another control', 'tdisp.report.msix-locked', {report: report(RANGES, {msixTableSize: 7})}),
  besides(
    row(
      'N093 shared MSI-X',
      'tdisp.report.msix-exclusive',
      {report: report([range, second, {...third, flags: {msixTable: true, msixPba: true, isNonTeeMem: true}}])},
      ruleWith({tdisp: {nonTeeRanges: [{bar: 4}]}}),
    ),
    'tdisp.report.mmio-tee',
  ),
  besides(
    row(
      'N094 no range',
      'tdisp.report.mmio-count',
      {report: report([], {msixEnable: false, msixTableSize: 0})},
      UNLOCKED,
    ),
    'tdisp.report.msix-exclusive',
    'tdisp.report.msix-locked',
  ),
  row('N094 a range of no pages', 'tdisp.report.mmio-count', {report: report([range, {...second, pages: 0}, third])}),
  row('N095 BARs out of order', 'tdisp.report.mmio-order', {report: report([second, range, third])}),
  row('N095 pages out of order inside a BAR', 'tdisp.report.mmio-order', {
    report: report([{...range, first: 0x1002n, pages: 2}, {...range, pages: 2}, second, third]),
  }),
  row('N096 beginning beyond the address space', 'tdisp.report.mmio-overflow', {
    report: report([range, second, {...third, first: (1n << 52n) + 4n}]),
  }),
  row('N096 beyond the address space', 'tdisp.report.mmio-overflow', {
    report: report([range, second, {...third, first: (1n << 52n) - 1n, pages: 2}]),
  }),
  row('N097 a page twice', 'tdisp.report.mmio-overlap', {
    report: report([{...range, pages: 2}, {id: 0, first: 0x1001n, pages: 3}, second, third]),
  }),
  row('N097 a page in two BARs', 'tdisp.report.mmio-overlap', {
    report: report([range, {...second, first: 0x1003n}, third]),
  }),
  row('N098 an upper half', 'tdisp.report.mmio-bar', {
    report: report([range, {id: 1, first: 0x1008n, pages: 1}, second, third]),
  }),
  row('N098 an I/O BAR', 'tdisp.report.mmio-bar', {
    pci: {bars: PCI.bars.map(bar => (bar.index === 2 ? {...bar, kind: 'io'} : bar))},
  }),
  row('N098 an empty BAR', 'tdisp.report.mmio-bar', {
    pci: {bars: PCI.bars.map(bar => (bar.index >= 4 ? SMALL[bar.index - 4]! : bar))},
    report: report([...RANGES, {id: 5, first: 0x2000n, pages: 1}]),
  }),
  row('N098 id 6', 'tdisp.report.mmio-bar', {report: report([...RANGES, {id: 6, first: 0x2000n, pages: 1}])}),
  row('N098 id 9', 'tdisp.report.mmio-bar', {report: report([...RANGES, {id: 9, first: 0x2000n, pages: 1}])}),
  row('N099 larger than its BAR', 'tdisp.report.mmio-within-bars', {
    report: report([{...range, pages: 5}, second, third]),
  }),
  row('N099 over the end of its BAR', 'tdisp.report.mmio-within-bars', {
    report: report([{...range, first: 0x1003n, pages: 2}, second, third]),
  }),
  row('N100 a hole at the start', 'tdisp.report.mmio-anchored', {
    report: report([{...range, first: 0x1001n, pages: 3}, second, third]),
  }),
  // the offset would be even by one BAR and odd by the other
  besides(
    row(
      'N100 offsets of two BARs that no one offset explains',
      'tdisp.report.mmio-anchored',
      {
        report: report([range, {...second, first: 0x1011n, pages: 1}, NO_FLAGS], {msixEnable: false, msixTableSize: 0}),
        pci: {
          msix: {tableBar: 2, tableOffset: '0x1000', pbaBar: 2, pbaOffset: '0x1800', tableSize: 4, control: '0x8003'},
        },
      },
      UNLOCKED,
    ),
    'tdisp.report.msix-exclusive',
    'tdisp.report.msix-locked',
  ),
  row('N101 a page in the middle', 'tdisp.report.mmio-coverage', {
    report: report([{...range, pages: 1}, {id: 0, first: 0x1002n, pages: 2}, second, third]),
  }),
  row('N102 shared data', 'tdisp.report.mmio-tee', {
    report: report([range, {...second, flags: {isNonTeeMem: true}}, third]),
  }),
  row(
    'N102 more shared pages than allowed',
    'tdisp.report.mmio-tee',
    {report: report([range, {...second, flags: {isNonTeeMem: true}}, third])},
    ruleWith({tdisp: {nonTeeRanges: [{bar: 2, maxPages: 1}]}}),
  ),
  row('N103 attributes that can change', 'tdisp.report.mmio-updatable', {
    report: report([range, {...second, flags: {isMemAttrUpdatable: true}}, third]),
  }),
  row(
    'N104 device-specific bytes',
    'tdisp.report.device-specific',
    {report: report(RANGES, {deviceSpecificInfo: Uint8Array.of(1)})},
    ruleWith({tdisp: {deviceSpecific: 'deny'}}),
  ),
  row('N105 a pinned report, and no pin', 'tdisp.report.pinned', {}, ruleWith({tdisp: {report: 'pin'}})),
]
