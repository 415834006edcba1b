/** Scenario `firmware-stream`: streams that were there before the kernel. */
export const FIRMWARE_STREAM = `\
title: A host whose firmware established streams that get in the kernel's way
# Stream ID = slot: a held ID 0 blocks slot 0, and with it every connect below that host bridge
provider: {like: sev-tio, parent: "0000:c0:00.5"}
bridges:
  - {at: "0000:00"}
  - {at: "0000:40"}
  - {at: "0000:c0"}
ports:
  # both ends of one firmware stream: the root port claims ID 5 first, the endpoint's claim fails, and Linux then
  # behaves as if the endpoint had no IDE
  - {at: "0000:00:01.0", bus: 0x01, ide: {selective: 2, streams: [{block: 0, id: 5}]}}
  # ID 5 is not in the way of the first stream here: slot 0 and Stream ID 0 are free
  - {at: "0000:00:02.0", bus: 0x02, ide: {selective: 2}}
  # try: connect 0000:42:00.0. EBUSY, every time
  - {at: "0000:40:01.0", bus: 0x41, ide: {selective: 2, streams: [{block: 1, id: 0}]}}
  - {at: "0000:40:02.0", bus: 0x42, ide: {selective: 2}}
devices:
  - {at: "0000:01:00.0", kind: gpu, ide: {selective: 2, streams: [{block: 0, id: 5}]}}
  - {at: "0000:02:00.0", kind: gpu}
  - {at: "0000:42:00.0", kind: nvme}
  - {at: "0000:c0:00.5", kind: psp}
`
