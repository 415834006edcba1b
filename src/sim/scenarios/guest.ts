/** Scenario `guest`: one device to accept, two to refuse, one that has nothing to do with any of it. */
export const GUEST = `\
title: A confidential guest with three TEE devices and an ordinary network card
devices:
  # nothing to complain about
  - at: "0000:01:00.0"
    kind: gpu
  # its vendor left the debug port open, and it says so itself
  - at: "0000:02:00.0"
    kind: nvme
    mode: [invasive-debug, invasive-debug-since-reset]
  # reports sixteen pages more than its BAR 0 has
  - at: "0000:03:00.0"
    kind: nic
    ranges:
      - {bar: 0, first: 0, pages: 272}
      - {bar: 4, first: 0, pages: 1, flags: [msix-table]}
      - {bar: 4, first: 1, pages: 1, flags: [msix-pba]}
  - at: "0000:00:10.0"
    kind: virtio-net
`
