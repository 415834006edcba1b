/** Scenario `few-streams`: more devices than the platform has streams for. */
export const FEW_STREAMS = `\
title: A host with too few streams for its devices
bridges:
  # firmware allows two streams here, and four devices want one
  - {at: "0000:00", pool: 2}
  # room for all, but the root port in front of the switch has two blocks for three devices
  - {at: "0000:40", pool: 256}
ports:
  - {at: "0000:00:01.0", bus: 0x01, ide: {selective: 2}}
  - {at: "0000:00:02.0", bus: 0x02, ide: {selective: 2}}
  - {at: "0000:00:03.0", bus: 0x03, ide: {selective: 2}}
  - {at: "0000:00:04.0", bus: 0x04, ide: {selective: 2}}
  - {at: "0000:40:01.0", bus: 0x41, ide: {selective: 2}}
  - {at: "0000:41:00.0", bus: 0x42}
  - {at: "0000:42:00.0", bus: 0x43}
  - {at: "0000:42:01.0", bus: 0x44}
  - {at: "0000:42:02.0", bus: 0x45}
devices:
  # try: ide plan for all seven, then for those that fit; connect three of the first four
  - {at: "0000:01:00.0", kind: gpu}
  - {at: "0000:02:00.0", kind: gpu}
  - {at: "0000:03:00.0", kind: nvme}
  - {at: "0000:04:00.0", kind: nvme}
  - {at: "0000:43:00.0", kind: nvme}
  - {at: "0000:44:00.0", kind: nvme}
  # its second block differs in its address associations, so Linux keeps only the first
  - {at: "0000:45:00.0", kind: nvme, ide: {selective: 2, associations: [1, 2]}}
`
