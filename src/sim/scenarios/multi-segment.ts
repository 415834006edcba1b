/** Scenario `multi-segment`: domain numbers beyond 16 bits, equal Stream IDs in several places. */
export const MULTI_SEGMENT = `\
title: A host with three PCI segments, two of them beyond 16 bits
bridges:
  - {at: "0000:00"}
  - {at: "10000:e0"}
  - {at: "10001:00"}
ports:
  - {at: "0000:00:01.0", bus: 0x01, ide: {selective: 2}}
  - {at: "10000:e0:06.0", bus: 0xe1, ide: {selective: 2}}
  - {at: "10001:00:00.0", bus: 0x01, ide: {selective: 2}}
devices:
  # try: connect all three. Each stream is stream0.0.0 with Stream ID 0, and none collides: IDs belong to a host bridge
  - {at: "0000:01:00.0", kind: gpu}
  - {at: "10000:e1:00.0", kind: nvme}
  - {at: "10001:01:00.0", kind: nvme}
`
