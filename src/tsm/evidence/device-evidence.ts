/**
 * Evidence through generic-netlink family `device-evidence` version 1 (guest series of July 2026, P2): every object names
 * its generation and length, a nonce makes the device measure anew, and `validate`, where the kernel has it, tells the
 * kernel which generation was verified.
 */
import {DEVICE_EVIDENCE, type Kernel, stringAttribute, u32Attribute} from '../../kernel/index.js'
import type {ReplyAttributes} from './assemble.js'
import {explained, type Family, providerOf, requestOf} from './dump.js'
import type {EvidenceProvider} from './provider.js'

const {attribute, name, version} = DEVICE_EVIDENCE

export const DEVICE_EVIDENCE_REPLY: ReplyAttributes = {
  type: attribute.type,
  value: attribute.value,
  announced: {generation: attribute.generation, length: attribute.length, count: attribute.count},
}

const FAMILY: Family = {
  name,
  version,
  read: DEVICE_EVIDENCE.read,
  request: attribute,
  reply: DEVICE_EVIDENCE_REPLY,
  allTypes: DEVICE_EVIDENCE.allTypes,
  digestFlag: DEVICE_EVIDENCE.digestFlag,
  device: bdf => [
    stringAttribute(attribute.subsystem, DEVICE_EVIDENCE.subsystem),
    stringAttribute(attribute.deviceName, bdf),
  ],
}

async function validate(kernel: Kernel, bdf: string, generation: number, signal?: AbortSignal): Promise<void> {
  const attributes = [...FAMILY.device(bdf), u32Attribute(attribute.generation, generation)]
  try {
    await kernel.netlinkDo(requestOf(FAMILY, DEVICE_EVIDENCE.validate, attributes), signal)
  } catch (error) {
    throw explained(error, `tell the kernel that generation ${generation} of ${bdf} was verified`, bdf)
  }
}

/** `validates`: the family lists the request. Earlier postings of the series do not have it. */
export const deviceEvidence = (validates: boolean): EvidenceProvider =>
  providerOf('device-evidence', FAMILY, validates ? validate : null)
