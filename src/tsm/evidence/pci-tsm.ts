/**
 * Evidence through generic-netlink family `pci-tsm` (guest series of 2 March 2026, G2): no generation, no announced
 * length, nothing to tell the kernel what was verified. Between review and accept only the TSM's digests can be compared.
 */
import {PCI_TSM, stringAttribute} from '../../kernel/index.js'
import {dumpDigests, dumpObjects, type Family} from './dump.js'
import type {EvidenceProvider} from './provider.js'

const {attribute, name, version} = PCI_TSM

const FAMILY: Family = {
  name,
  version,
  read: PCI_TSM.evidenceRead,
  request: attribute,
  reply: {type: attribute.type, value: attribute.value},
  allTypes: PCI_TSM.allTypes,
  digestFlag: PCI_TSM.digestFlag,
  device: bdf => [stringAttribute(attribute.deviceName, bdf)],
}

export const pciTsm: EvidenceProvider = {
  kind: 'pci-tsm',
  abi: `${name}/${version}`,
  async collect(kernel, bdf, nonce, signal) {
    const data = await dumpObjects(kernel, FAMILY, bdf, nonce, signal)
    const digests = await dumpDigests(kernel, FAMILY, bdf, signal)
    return {
      provider: this.kind,
      abi: this.abi,
      objects: data.objects,
      digests: digests.objects,
      generations: null,
      count: null,
      nonceTaken: data.nonceTaken,
      unknownAttributes: [...new Set([...data.unknownAttributes, ...digests.unknownAttributes])],
    }
  },
  async readDigests(kernel, bdf, signal) {
    const {objects} = await dumpDigests(kernel, FAMILY, bdf, signal)
    return {digests: objects, generation: null, count: null}
  },
  validate: null,
}
