/**
 * Evidence through generic netlink family `pci-tsm` (ABI generation G2, posted 2 March 2026). Objects come in
 * fragments: the first message carries the type, the following ones only value bytes. One dump fetches the objects with
 * our nonce, a second one the TSM's digests of them.
 */
import {DecodeError} from '../bits/index.js'
import {errnoOf, ErrnoError, TsmctlError} from '../errors.js'
import {
  decodeAttributes,
  encodeAttributes,
  EVIDENCE_TYPES,
  type EvidenceLabel,
  type Kernel,
  PCI_TSM,
  stringAttribute,
  u32Attribute,
  u32Of,
} from '../kernel/index.js'

/** Everything one collection delivered. Absent and empty objects are not in the maps. */
export interface CollectedEvidence {
  readonly provider: 'pci-tsm'
  readonly abi: string
  readonly objects: ReadonlyMap<EvidenceLabel, Uint8Array>
  /** The TSM's own digest of each object, where it gave one. */
  readonly digests: ReadonlyMap<EvidenceLabel, Uint8Array>
  /** This family has no generation; other families do. */
  readonly generation: null
  /** Attribute types in replies that this family does not define. */
  readonly unknownAttributes: readonly number[]
}

/** Largest object accepted, in bytes; the kernel's own ceiling. */
const OBJECT_LIMIT = 16 * 1024 * 1024
const RESTARTS = 5
const {attribute} = PCI_TSM

interface Dump {
  readonly objects: Map<EvidenceLabel, Uint8Array>
  readonly unknownAttributes: Set<number>
}

const malformed = (expected: string, got: string, path: string): DecodeError =>
  new DecodeError({structure: 'pci-tsm evidence dump', path, offset: 0, expected, got})

/** Puts the fragments of a dump together. Throws DecodeError for anything but whole, distinct, requested objects. */
export function assemble(messages: readonly Uint8Array[], mask: number): Dump {
  const chunks = new Map<EvidenceLabel, Uint8Array[]>()
  const unknownAttributes = new Set<number>()
  let current: Uint8Array[] | undefined
  let size = 0
  for (const [index, message] of messages.entries()) {
    const path = `message[${index}]`
    for (const item of decodeAttributes(message)) {
      if (item.type === attribute.type) {
        const type = u32Of(item)
        const label = EVIDENCE_TYPES[type]
        if (label === undefined) throw malformed('an object type of 0 to 10', String(type), path)
        // a mask is a power of two per type: arithmetic, not bit fiddling
        if (Math.floor(mask / 2 ** type) % 2 !== 1) throw malformed('a requested object', label, path)
        if (chunks.has(label)) throw malformed('each object once', `${label} twice`, path)
        current = []
        size = 0
        chunks.set(label, current)
      } else if (item.type === attribute.value) {
        if (current === undefined) throw malformed('an object type before value bytes', 'value bytes', path)
        size += item.value.length
        if (size > OBJECT_LIMIT) throw malformed(`at most ${OBJECT_LIMIT} bytes`, `${size} or more`, path)
        current.push(item.value)
      } else unknownAttributes.add(item.type)
    }
  }
  const objects = new Map<EvidenceLabel, Uint8Array>()
  for (const [label, parts] of chunks) {
    const bytes = new Uint8Array(Buffer.concat(parts))
    if (bytes.length > 0) objects.set(label, bytes)
  }
  return {objects, unknownAttributes}
}

async function dump(
  kernel: Kernel,
  bdf: string,
  mask: number,
  flags: number,
  nonce: Uint8Array | undefined,
  signal: AbortSignal | undefined,
): Promise<Dump> {
  const attributes = encodeAttributes([
    u32Attribute(attribute.typeMask, mask),
    u32Attribute(attribute.flags, flags),
    stringAttribute(attribute.deviceName, bdf),
    ...(nonce === undefined ? [] : [{type: attribute.nonce, value: nonce}]),
  ])
  const request = {family: PCI_TSM.name, version: PCI_TSM.version, command: PCI_TSM.evidenceRead, attributes}
  for (let attempt = 0; ; attempt++) {
    try {
      return assemble(await kernel.netlinkDump(request, signal), mask)
    } catch (error) {
      // the evidence was regenerated while we read, or a signal came: start the dump again
      const again = ['EAGAIN', 'EINTR'].includes(errnoOf(error) ?? '') && !signal?.aborted && attempt < RESTARTS
      if (!again) throw explained(error, bdf, nonce !== undefined)
    }
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'This kernel has no evidence interface (family pci-tsm); without evidence no device can be accepted.',
  EPERM: 'Reading evidence needs CAP_NET_ADMIN: run as root.',
  ENXIO: 'Evidence exists only while the TDI is locked: run tsmctl lock first.',
  ENODEV: 'The device or its TSM vanished; tsmctl list shows what is there now.',
  EOPNOTSUPP: 'The provider cannot take fresh measurements, so freshness cannot be proven.',
  EAGAIN: 'The evidence kept changing while it was read; somebody else may be using the device.',
}

function explained(error: unknown, bdf: string, withNonce: boolean): unknown {
  if (!(error instanceof ErrnoError)) return error
  return new TsmctlError({
    kind: error.errno === 'ENOENT' ? 'unsupported' : error.kind,
    attempted: `read ${withNonce ? 'evidence' : 'evidence digests'} of ${bdf}`,
    subject: bdf,
    got: error.got,
    hint: HINTS[error.errno],
    cause: error,
  })
}

/**
 * Collects all evidence of a locked TDI. `nonce` is 32 bytes. Throws TsmctlError with the kernel's refusal explained,
 * DecodeError when the reply is not what the family defines.
 */
export async function collectPciTsm(
  kernel: Kernel,
  bdf: string,
  nonce: Uint8Array,
  signal?: AbortSignal,
): Promise<CollectedEvidence> {
  const data = await dump(kernel, bdf, PCI_TSM.allTypes, 0, nonce, signal)
  const digests = await readDigests(kernel, bdf, signal)
  return {
    provider: 'pci-tsm',
    abi: `${PCI_TSM.name}/${PCI_TSM.version}`,
    objects: data.objects,
    digests,
    generation: null,
    unknownAttributes: [...data.unknownAttributes],
  }
}

/** The TSM's digests of all objects as they are now: what a commit compares with the frozen evidence. */
export async function readDigests(
  kernel: Kernel,
  bdf: string,
  signal?: AbortSignal,
): Promise<ReadonlyMap<EvidenceLabel, Uint8Array>> {
  const {objects} = await dump(kernel, bdf, PCI_TSM.allTypes, PCI_TSM.digestFlag, undefined, signal)
  return objects
}
