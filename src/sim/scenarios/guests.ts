/** Scenarios with confidential guests as they should be. */

export const GUEST_ONE = `\
title: A confidential guest with one GPU
devices:
  # try: tsmctl admit 0000:01:00.0
  - at: "0000:01:00.0"
    kind: gpu
`

export const GUEST_TWO = `\
title: A confidential guest with a GPU and an NVMe controller
devices:
  - at: "0000:01:00.0"
    kind: gpu
  - at: "0000:02:00.0"
    kind: nvme
`

export const GUEST_EIGHT = `\
title: A confidential guest with eight devices of three kinds in three PCI domains
devices:
  - {at: "0000:01:00.0", kind: gpu}
  - {at: "0000:02:00.0", kind: gpu}
  - {at: "0000:03:00.0", kind: nvme}
  - {at: "0000:04:00.0", kind: nvme}
  - {at: "0001:01:00.0", kind: gpu}
  - {at: "0001:02:00.0", kind: nic}
  # a domain beyond 16 bits, as every device behind a VMD or on Hyper-V has one
  - {at: "10000:01:00.0", kind: nvme}
  - {at: "10000:02:00.0", kind: nic}
`

export const GUEST_SRIOV = `\
title: A confidential guest with three virtual functions of one network card
devices:
  # the physical function stays on the host; its DSM answers for all of them with one identity and one set of
  # measurements, and gives every interface a report of its own
  - {at: "0000:01:00.1", kind: nic, totalVfs: 0, ids: {device: 0x0103}}
  - {at: "0000:01:00.2", kind: nic, totalVfs: 0, ids: {device: 0x0103}, dsm: "0000:01:00.1"}
  - {at: "0000:01:00.3", kind: nic, totalVfs: 0, ids: {device: 0x0103}, dsm: "0000:01:00.1"}
`

export const GUEST_SLOW = `\
title: A confidential guest whose TSM and device take their time
devices:
  # honest: admit only has to wait, and to show that it does
  - at: "0000:01:00.0"
    kind: gpu
    faults:
      - {at: lock, do: delay, ms: 3000, times: always}
      - {at: evidence, do: delay, ms: 1500, times: always}
      - {at: accept, do: delay, ms: 2000, times: always}
      - {at: unlock, do: delay, ms: 1000, times: always}
  # slower than anybody waits who has not been told: try --timeout
  - at: "0000:02:00.0"
    kind: nvme
    faults:
      - {at: lock, do: delay, ms: 60000, times: always}
`
