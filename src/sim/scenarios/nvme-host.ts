/** Scenario `nvme-host`: one root port, a switch, virtual functions. */
export const NVME_HOST = `\
title: A host with an SR-IOV NVMe and a network card behind one switch
# a TSM that gives every virtual function a context of its own while the device is connected
provider: {like: generic}
bridges:
  - {at: "0000:00"}
ports:
  - {at: "0000:00:01.0", bus: 0x01, ide: {selective: 4, associations: 2}}
  - {at: "0000:01:00.0", bus: 0x02}
  - {at: "0000:02:00.0", bus: 0x03}
  - {at: "0000:02:01.0", bus: 0x04}
devices:
  # try: make VFs (sim inject ... --at now --do vfs --count 4) before and after connect: the root port's RID range is
  # computed at connect and does not cover those that come later
  - {at: "0000:03:00.0", kind: nvme, totalVfs: 4, ide: {selective: 2, associations: 0}}
  # the second stream of the same root port: another slot, another block, another Stream ID
  - {at: "0000:04:00.0", kind: nic, ide: {selective: 1, associations: 0}}
`
