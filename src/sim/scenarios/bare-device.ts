/** Scenario `bare-device`: devices with identities of their own, and nobody on the machine who asks for them. */
export const BARE_DEVICE = `\
title: A lab machine without any TSM, whose devices answer SPDM through DOE mailboxes
# no TSM, no tsm/ directories: the mailboxes are free for whoever takes the risk
tsm: absent
devices:
  # sound: all its measurements are the published ones
  - at: "0000:01:00.0"
    kind: gpu
  # left its factory with the debug port open, and says so in its measurements
  - at: "0000:02:00.0"
    kind: nvme
    mode: [invasive-debug-since-manufacturing]
  # neither a mailbox nor an identity
  - at: "0000:00:10.0"
    kind: virtio-net
`
