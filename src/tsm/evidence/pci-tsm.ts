/**
 * Evidence through generic-netlink family `pci-tsm` (guest series of 2 March 2026, G2): no generation, no announced
 * length, nothing to tell the kernel what was verified. Between review and accept only the TSM's digests can be compared.
 */
import {PCI_TSM, stringAttribute} from '../../kernel/index.js'
import type {ReplyAttributes} from './assemble.js'
import {type Family, providerOf} from './dump.js'
import type {EvidenceProvider} from './provider.js'

const {attribute, name, version} = PCI_TSM

export const PCI_TSM_REPLY: ReplyAttributes = {type: attribute.type, value: attribute.value}

const FAMILY: Family = {
  name,
  version,
  read: PCI_TSM.evidenceRead,
  request: attribute,
  reply: PCI_TSM_REPLY,
  allTypes: PCI_TSM.allTypes,
  digestFlag: PCI_TSM.digestFlag,
  device: bdf => [stringAttribute(attribute.deviceName, bdf)],
}

export const pciTsm: EvidenceProvider = providerOf('pci-tsm', FAMILY, null)
