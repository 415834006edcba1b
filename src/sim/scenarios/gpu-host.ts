/** Scenario `gpu-host`: what most operators of confidential GPUs will have. */
export const GPU_HOST = `\
title: An AMD host with two GPUs for confidential guests and an ordinary network card
# the TSM is the security processor: streams only to function 0, every Stream ID equals its slot,
# and connect succeeds even when the stream is not Secure, so look at both ends afterwards
provider: {like: sev-tio, parent: "0000:c0:00.5"}
bridges:
  - {at: "0000:00"}
  - {at: "0000:40"}
  - {at: "0000:c0"}
ports:
  - {at: "0000:00:01.1", bus: 0x01, ide: {selective: 4}}
  - {at: "0000:00:03.1", bus: 0x02}
  - {at: "0000:40:01.1", bus: 0x41, ide: {selective: 4}}
devices:
  # try: connect, disconnect; connect twice (EBUSY, and nothing is wrong); sim inject ... --at connect --do insecure
  - {at: "0000:01:00.0", kind: gpu, ide: {selective: 2}}
  - {at: "0000:41:00.0", kind: gpu, ide: {selective: 2}}
  # neither TEE-IO nor IDE: it never gets a tsm directory
  - {at: "0000:02:00.0", kind: nic, tee: false}
  - {at: "0000:c0:00.5", kind: psp}
`
