/** Config space, kernel and the age of evidence (N106 to N112). */
import {PCI} from '../forge.js'
import {row, type Row} from './row.js'

export const ROWS: readonly Row[] = [
  row('N106 a BAR that is no power of two', 'pci.bar.sane', {
    pci: {bars: [{...PCI.bars[0]!, size: '0x5000'}, ...PCI.bars.slice(1)]},
  }),
  row('N106 BARs that overlap', 'pci.bar.sane', {
    pci: {bars: PCI.bars.map(bar => (bar.index === 2 ? {...bar, address: '0x800002000'} : bar))},
  }),
  row('N106 a BAR in RAM', 'pci.bar.sane', {
    collection: {
      systemRam: [
        {first: '0x1000', last: '0x9fbff'},
        {first: '0x100000000', last: '0x800010fff'},
      ],
    },
  }),
  row('N107 memory decoding off', 'pci.command', {before: {command: '0x0004'}}),
  row('N109 nothing keeps drivers away', 'kernel.autoprobe', {collection: {driverOverride: null}}),
  row('N112 old evidence', 'policy.age', {facts: {collectedAt: '2026-11-21T11:58:00Z'}}),
  row('N112 a clock set back', 'policy.age', {facts: {collectedAt: '2026-11-21T12:01:00Z'}}),
  row('N112 old by the monotonic clock', 'policy.age', {}, undefined, {ageSeconds: 121}),
]
