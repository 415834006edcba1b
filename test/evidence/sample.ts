/** A small bundle and its parts, for tests of the container. */
import {type EvidenceObject, type ManifestFacts, type PciFacts} from '../../src/evidence/index.js'

export const FACTS: ManifestFacts = {
  bundleId: '000102030405060708090a0b0c0d0e0f',
  collectedAt: '2026-11-21T12:00:00Z',
  clock: 'trusted',
  host: {machineIdHash: null, bootId: 'b007', kernel: '7.3.0', tool: 'tsmctl 0.1.0', toolDigest: null},
  device: {
    bdf: '0000:01:00.0',
    vendor: '0x10de',
    device: '0x2901',
    subsystem: '0x10de:0x1111',
    class: '0x030200',
    revision: '0xa1',
  },
  provider: {kind: 'pci-tsm', abi: 'pci-tsm/1', tsm: 'tsm0', generation: null},
  nonce: {value: '11'.repeat(32), derivation: 'random'},
  lockEpoch: {kind: 'none', value: null},
  tdiState: 'CONFIG_LOCKED',
}

export const OBJECTS: readonly EvidenceObject[] = [
  {label: 'report', bytes: new Uint8Array([1, 2, 3]), source: 'pci-tsm'},
  {label: 'vca', bytes: new Uint8Array([0x10, 0x84]), source: 'pci-tsm', tsmDigest: {alg: 'sha384', value: 'ab'}},
  {label: 'cert0', bytes: new Uint8Array(100).fill(7), source: 'pci-tsm'},
]

export const PCI: PciFacts = {
  bdf: '0000:01:00.0',
  vendor: '0x10de',
  device: '0x2901',
  subsystem: '0x10de:0x1111',
  class: '0x030200',
  revision: '0xa1',
  headerType: 0,
  bars: [{index: 0, size: '0x4000', address: '0x80000000', kind: 'memory32', prefetchable: false}],
  msix: null,
  command: '0x0006',
  driver: null,
  iommuGroup: '3',
  bootId: 'b007',
  sriovVfs: null,
  siblings: [],
}
