/** What each kind of simulated device is unless its scenario says otherwise. */
import type {Ids} from './machine.js'

export interface BarSpec {
  readonly bar: number
  readonly kind: 'mem64' | 'mem32'
  /** Bytes, a power of two. */
  readonly size: number
  readonly prefetchable: boolean
}

export interface MsixSpec {
  readonly entries: number
  readonly tableBar: number
  readonly tableOffset: number
  readonly pbaBar: number
  readonly pbaOffset: number
}

export interface Kind {
  readonly ids: Ids
  readonly driver: string
  readonly bars: readonly BarSpec[]
  readonly msix: MsixSpec
  readonly totalVfs: number
  readonly vfDevice: number
  /** Product name in the certificate; devices without one have neither TEE-IO nor a DSM. */
  readonly model: string | null
  /** Shows a selective IDE stream to its root port. */
  readonly ide: boolean
}

const KIB = 1024
const MIB = 1024 * KIB

/** A vendor ID nobody has; "7e57" reads as "test". */
const VENDOR = 0x7e57

const ids = (device: number, classCode: number, revision: number): Ids => ({
  vendor: VENDOR,
  device,
  subsystemVendor: VENDOR,
  subsystemDevice: 0x1000 + device,
  classCode,
  revision,
})

/** Every bridge and port. */
export const PORT_IDS: Ids = {...ids(0x0100, 0x060400, 0), subsystemVendor: 0, subsystemDevice: 0}

/** Table and PBA on a page of their own in BAR 4, so that each is a range of its own in the report. */
const MSIX_BAR: BarSpec = {bar: 4, kind: 'mem64', size: 8 * KIB, prefetchable: false}
const msix = (entries: number): MsixSpec => ({
  entries,
  tableBar: 4,
  tableOffset: 0,
  pbaBar: 4,
  pbaOffset: 4 * KIB,
})

export const KINDS = {
  gpu: {
    ids: ids(0x0001, 0x030200, 0xa1),
    driver: 'acmegpu',
    bars: [
      {bar: 0, kind: 'mem64', size: 16 * MIB, prefetchable: true},
      {bar: 2, kind: 'mem64', size: 64 * KIB, prefetchable: true},
      MSIX_BAR,
    ],
    msix: msix(32),
    totalVfs: 0,
    vfDevice: 0,
    model: 'SIMGPU1',
    ide: true,
  },
  nvme: {
    ids: ids(0x0002, 0x010802, 0x01),
    driver: 'nvme',
    bars: [{bar: 0, kind: 'mem64', size: 64 * KIB, prefetchable: false}, MSIX_BAR],
    msix: msix(64),
    totalVfs: 0,
    vfDevice: 0,
    model: 'SIMNVME1',
    ide: true,
  },
  nic: {
    ids: ids(0x0003, 0x020000, 0x02),
    driver: 'acmenic',
    bars: [{bar: 0, kind: 'mem64', size: MIB, prefetchable: true}, MSIX_BAR],
    msix: msix(128),
    totalVfs: 8,
    vfDevice: 0x0103,
    model: 'SIMNIC1',
    ide: false,
  },
  'virtio-net': {
    ids: {
      vendor: 0x1af4,
      device: 0x1041,
      subsystemVendor: 0x1af4,
      subsystemDevice: 0x1100,
      classCode: 0x020000,
      revision: 0x01,
    },
    driver: 'virtio-pci',
    bars: [
      {bar: 1, kind: 'mem32', size: 4 * KIB, prefetchable: false},
      {bar: 4, kind: 'mem64', size: 16 * KIB, prefetchable: true},
    ],
    msix: {entries: 4, tableBar: 1, tableOffset: 0, pbaBar: 1, pbaOffset: 0x800},
    totalVfs: 0,
    vfDevice: 0,
    model: null,
    ide: false,
  },
  psp: {
    ids: ids(0x0004, 0x108000, 0x00),
    driver: 'ccp',
    bars: [{bar: 2, kind: 'mem32', size: MIB, prefetchable: false}],
    msix: {entries: 2, tableBar: 2, tableOffset: 0, pbaBar: 2, pbaOffset: 0x1000},
    totalVfs: 0,
    vfDevice: 0,
    model: null,
    ide: false,
  },
} as const satisfies Readonly<Record<string, Kind>>

export type KindName = keyof typeof KINDS

export const kindNamed = (name: KindName): Kind => KINDS[name]
