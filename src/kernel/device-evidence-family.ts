/**
 * Generic-netlink family `device-evidence` version 1, the evidence ABI of the later guest series (P2):
 * `Documentation/netlink/specs/device-evidence.yaml` of the staging tree. The object types are those of `pci-tsm`.
 */

export const DEVICE_EVIDENCE = {
  name: 'device-evidence',
  version: 1,
  /** Dump of evidence objects. */
  read: 1,
  /** Records which generation user space has verified; newer postings only. */
  validate: 2,
  /**
   * Request and reply attribute types: u32 but for the names (strings), nonce and value (bytes), and `count` (u64: how
   * often the TSM saw the evidence refreshed).
   */
  attribute: {
    type: 1,
    typeMask: 2,
    flags: 3,
    subsystem: 4,
    deviceName: 5,
    nonce: 6,
    generation: 7,
    count: 8,
    length: 9,
    value: 10,
  },
  subsystem: 'pci',
  /** Request flag: the TSM's digest of each object instead of the object. */
  digestFlag: 1,
  allTypes: 0x7ff,
  /** Bytes. */
  longestNonce: 32,
  largestObject: 0x0100_0000,
} as const
