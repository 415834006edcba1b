/**
 * Generic-netlink family `pci-tsm` version 1, the evidence ABI of the guest series of 2 March 2026 (G2):
 * `Documentation/netlink/specs/pci-tsm.yaml` of the staging tree, read together with its code.
 */

export const PCI_TSM = {
  name: 'pci-tsm',
  version: 1,
  evidenceRead: 1,
  /** Request and reply attribute types. */
  attribute: {type: 1, typeMask: 2, flags: 3, deviceName: 4, nonce: 5, value: 6},
  /** Request flag: the TSM's digest of each object instead of the object. */
  digestFlag: 1,
  /** Every object type; the mask bit of a type is `1 << type`. */
  allTypes: 0x7ff,
} as const

/** Labels of the evidence object types, by number; also the labels inside a bundle. */
export const EVIDENCE_TYPES = [
  'cert0',
  'cert1',
  'cert2',
  'cert3',
  'cert4',
  'cert5',
  'cert6',
  'cert7',
  'vca',
  'measurements',
  'report',
] as const
export type EvidenceLabel = (typeof EVIDENCE_TYPES)[number]
