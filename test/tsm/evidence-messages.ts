/** Messages as the kernel sends them, and a kernel port that serves them. */
import {ErrnoError} from '../../src/errors.js'
import {
  type Attribute,
  decodeAttributes,
  DEVICE_EVIDENCE,
  encodeAttributes,
  EVIDENCE_TYPES,
  type EvidenceLabel,
  type Kernel,
  type NetlinkFamily,
  type NetlinkRequest,
  PCI_TSM,
  u32Attribute,
  u32Of,
} from '../../src/kernel/index.js'

export type Objects = ReadonlyMap<EvidenceLabel, Uint8Array>

const typeOf = (label: EvidenceLabel): number => EVIDENCE_TYPES.indexOf(label)

function* chunks(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at === 0 || at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** `pci-tsm`: type in the first message of an object, nothing but bytes in the others. */
export const g2Messages = (objects: Objects, size: number): Uint8Array[] =>
  [...objects].flatMap(([label, bytes]) =>
    [...chunks(bytes, size)].map((value, index) =>
      encodeAttributes([
        ...(index === 0 ? [u32Attribute(PCI_TSM.attribute.type, typeOf(label))] : []),
        {type: PCI_TSM.attribute.value, value},
      ]),
    ),
  )

/** `device-evidence`: generation and length as well. */
export const p2Messages = (objects: Objects, size: number, generation: number): Uint8Array[] =>
  [...objects].flatMap(([label, bytes]) =>
    [...chunks(bytes, size)].map((value, index) =>
      encodeAttributes([
        ...(index === 0 ? heading(label, generation, bytes.length) : []),
        {type: DEVICE_EVIDENCE.attribute.value, value},
      ]),
    ),
  )

export const heading = (label: EvidenceLabel, generation: number, length: number): Attribute[] => [
  u32Attribute(DEVICE_EVIDENCE.attribute.type, typeOf(label)),
  u32Attribute(DEVICE_EVIDENCE.attribute.generation, generation),
  u32Attribute(DEVICE_EVIDENCE.attribute.length, length),
]

export const G2_FAMILY: NetlinkFamily = {name: 'pci-tsm', version: 1, maxAttribute: 6, commands: new Set([1])}
export const P2_FAMILY: NetlinkFamily = {
  name: 'device-evidence',
  version: 1,
  maxAttribute: 10,
  commands: new Set([1, 2]),
}

/** A request, decoded. */
export interface Asked {
  readonly family: string
  readonly command: number
  readonly digests: boolean
  readonly nonce: Uint8Array | undefined
  readonly attributes: readonly Attribute[]
}

function asked({family, command, attributes}: NetlinkRequest): Asked {
  const {attribute, digestFlag} = family === 'pci-tsm' ? PCI_TSM : DEVICE_EVIDENCE
  const list = decodeAttributes(attributes)
  const flags = list.find(({type}) => type === attribute.flags)
  return {
    family,
    command,
    digests: flags !== undefined && u32Of(flags) === digestFlag,
    nonce: list.find(({type}) => type === attribute.nonce)?.value,
    attributes: list,
  }
}

export interface Script {
  readonly families: readonly NetlinkFamily[]
  /** Errno of families that cannot be asked for; ENOENT otherwise. */
  readonly refused?: string
  readonly dump?: (request: Asked) => readonly Uint8Array[] | string
  readonly once?: (request: Asked) => readonly Uint8Array[] | string
}

const answered = (answer: readonly Uint8Array[] | string, family: string): readonly Uint8Array[] => {
  if (typeof answer === 'string') throw new ErrnoError(answer, 'ask', `the generic-netlink family ${family}`)
  return answer
}

/** Only the netlink half of a port, with everything that was asked. */
export function scripted({families, refused = 'ENOENT', dump, once}: Script): {kernel: Kernel; log: Asked[]} {
  const log: Asked[] = []
  const note = (request: NetlinkRequest): Asked => {
    const found = asked(request)
    log.push(found)
    return found
  }
  const kernel = {
    // no TSM that says what it is for
    list: (path: string): string[] => {
      throw new ErrnoError('ENOENT', 'list', path)
    },
    async netlinkFamily(name: string) {
      const family = families.find(one => one.name === name)
      if (family === undefined) throw new ErrnoError(refused, 'ask', `the generic-netlink family ${name}`)
      return family
    },
    netlinkDump: async (request: NetlinkRequest) => {
      const found = note(request)
      return answered(dump?.(found) ?? [], request.family)
    },
    netlinkDo: async (request: NetlinkRequest) => {
      const found = note(request)
      return answered(once?.(found) ?? [], request.family)
    },
  }
  return {kernel: kernel as unknown as Kernel, log}
}
