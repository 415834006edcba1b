/** Attacks without a machine of their own: why, and what stands in the way of them instead. */
export const NOT_SIMULATED: Readonly<Record<string, string>> = {
  A14: 'There is no DMA in the simulator. That work queued before the lock does not complete after it is up to the device (PCIe r7.0 §11.3.9) and to the kernel, which opens the gate at accept or at bind.',
  A22: 'Another genuine device is honest in everything it says: only a rule with pinned identities notices (`identity.mode: pinned`, check `spdm.id.pinned`), which the policy of a simulated machine has none of. Pin one device in `policy.yaml`, make the machine anew, and admit.',
  A28: 'No simulated vendor answers OCSP or publishes CRLs, and nothing here goes over a network. `spdm.chain.revocation` and `spdm.chain.denied` are tested with certificates of their own.',
  A29: 'Policies and waivers are files of the operator: edit `policy.yaml` beside the machine, and see `policy.integrity`, `policy.waivers` and the hash in the audit log.',
  A35: 'Attention cannot be simulated. With `human: typed` in the policy, approval names the function and the digest of the evidence (`commit.human`).',
  A36: 'The audit log is a file of tsmctl: edit it in the `tsmctl` directory of the machine, and `tsmctl audit verify` finds the place.',
  A37: 'The flaws are in the order of packets on the link, which is not simulated; `ide.errata` and `ide.topology` judge what platform and device declare.',
}
