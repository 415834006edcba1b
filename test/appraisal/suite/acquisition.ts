/** How the evidence was acquired, and how fresh it is (N001 to N012). */
import {concat} from '../../../src/bits/index.js'
import {PCI, report, ruleWith, sha384} from '../forge.js'
import {FACTS} from '../guest.js'
import {chain, row, alsoSeenBy, type Row} from './row.js'

export const ROWS: readonly Row[] = [
  row('N001 an unknown interface', 'acq.abi.known', {facts: {provider: {...FACTS.provider, abi: 'pci-tsm/2'}}}),
  row('N001 an unknown attribute', 'acq.abi.known', {collection: {unknownAttributes: [9]}}),
  row('N002 no TSM', 'acq.device.present', {facts: {provider: {...FACTS.provider, tsm: null}}}),
  row('N003 another revision', 'acq.device.stable', {before: {revision: '0x01'}}),
  row('N003 another boot', 'acq.device.stable', {before: {bootId: 'other'}}),
  row('N004 a driver', 'acq.driver.unbound', {pci: {driver: 'nvme'}, before: {driver: null}}),
  row('N003 another BAR size', 'acq.device.stable', {
    before: {bars: PCI.bars.map(bar => (bar.index === 2 ? {...bar, size: '0x4000'} : bar))},
  }),
  row('N004 an open VFIO group', 'acq.driver.unbound', {pci: {driver: 'vfio-pci'}, before: {driver: null}}),
  row('N005 UNLOCKED', 'acq.state.locked', {facts: {tdiState: 'CONFIG_UNLOCKED'}}),
  row('N005 RUN', 'acq.state.locked', {facts: {tdiState: 'RUN'}}),
  row('N005 ERROR', 'acq.state.locked', {facts: {tdiState: 'ERROR'}}),
  row('N006 a nonce used before', 'acq.nonce.used', {}, undefined, {
    nonces: {usedBefore: () => true, drawnFor: () => true},
  }),
  row('N006 a nonce of nobody', 'acq.nonce.used', {}, undefined, {
    nonces: {usedBefore: () => false, drawnFor: () => false},
  }),
  alsoSeenBy(
    row('N006 a nonce of zeros', 'acq.nonce.used', {
      facts: {nonce: {value: '00'.repeat(32), derivation: 'random'}},
      transcript: {nonce: new Uint8Array(32).fill(1)},
    }),
    'spdm.meas.nonce',
  ),
  alsoSeenBy(
    row('N006 a nonce of 31 bytes', 'acq.nonce.used', {facts: {nonce: {value: '11'.repeat(31), derivation: 'random'}}}),
    'spdm.meas.nonce',
  ),
  row('N007 two generations', 'acq.generation.stable', {collection: {generations: [7, 8]}}),
  row('N007 another generation than that of the device', 'acq.generation.stable', {
    collection: {generations: [7, 7]},
    facts: {provider: {...FACTS.provider, generation: 6}},
  }),
  row('N007 generation 0', 'acq.generation.stable', {collection: {generations: [0, 0]}}),
  alsoSeenBy(
    row('N008 no report', 'acq.object.complete', {without: ['report'], digests: {report: sha384(report())}}),
    'tsm.digest.report',
  ),
  alsoSeenBy(
    row('N009 a huge chain', 'acq.object.limits', {chain: concat(chain, new Uint8Array(66_000))}),
    'spdm.chain.format',
  ),
  row('N012 a clock before the floor', 'acq.time.trusted', {}, ruleWith({time: {floor: '2027-01-01T00:00:00Z'}})),
]
