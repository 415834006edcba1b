/** Scenario `empty`: PCI devices, and a kernel in which no TSM registered. */
export const EMPTY = `\
title: A machine with PCI devices and no TSM
tsm: none
devices:
  - at: "0000:01:00.0"
    kind: gpu
  - at: "0000:00:10.0"
    kind: virtio-net
`
/** Scenario `bare`: the same on a kernel that does not know TSMs at all. */
export const BARE = `\
title: A machine whose kernel has no TSM core
tsm: absent
devices:
  - at: "0000:01:00.0"
    kind: gpu
  - at: "0000:00:10.0"
    kind: virtio-net
`
