/** Scenario `sample-kernel`: both sides in one kernel, as the kernel's own samples make them. */
export const SAMPLE_KERNEL = `\
title: One kernel with a link TSM and a guest-side TSM at once, as the kernel's samples make it
# which of the two registers first is tsm0: tell them apart by pci_mode, never by number
abi: G2
devsec: last
bridges:
  - {at: "10000:00", pool: 4}
  - {at: "10001:00", pool: 4}
ports:
  - {at: "10000:00:00.0", bus: 0x01, ide: {selective: 2}}
  - {at: "10001:00:00.0", bus: 0x03, ide: {selective: 2}}
devices:
  # try: connect, disconnect, then admit. A device has one context: what is connected cannot be locked, and the reverse
  - {at: "10000:01:00.0", kind: gpu, bound: false}
  - {at: "10001:03:00.0", kind: nvme, bound: false}
`
