/**
 * Which evidence interface this kernel has: the newest first, told by family, version, commands and, where the kernel
 * dumps it, policy; never by the kernel's release. Nothing is remembered: a TSM that goes takes its interface with it.
 */
import {ErrnoError, harmless, TsmctlError} from '../../errors.js'
import {DEVICE_EVIDENCE, type Kernel, type NetlinkFamily, PCI_TSM} from '../../kernel/index.js'
import {listTsms} from '../../pci/index.js'
import {deviceEvidence} from './device-evidence.js'
import {none, silent} from './none.js'
import {pciTsm} from './pci-tsm.js'
import type {EvidenceProvider} from './provider.js'

interface Candidate {
  readonly kind: EvidenceProvider['kind']
  readonly name: string
  readonly version: number
  readonly read: number
  readonly nonce: number
  provider(family: NetlinkFamily): EvidenceProvider
}

const NONCE_BYTES = 32

const CANDIDATES: readonly Candidate[] = [
  {
    kind: 'device-evidence',
    name: DEVICE_EVIDENCE.name,
    version: DEVICE_EVIDENCE.version,
    read: DEVICE_EVIDENCE.read,
    nonce: DEVICE_EVIDENCE.attribute.nonce,
    provider: ({commands}) => deviceEvidence(commands.has(DEVICE_EVIDENCE.validate)),
  },
  {
    kind: 'pci-tsm',
    name: PCI_TSM.name,
    version: PCI_TSM.version,
    read: PCI_TSM.evidenceRead,
    nonce: PCI_TSM.attribute.nonce,
    provider: () => pciTsm,
  },
]

/** What about a family is not as we know it; undefined when everything is. */
function difference({version, read, nonce}: Candidate, family: NetlinkFamily): string | undefined {
  if (family.version !== version) return 'unknown version'
  if (!family.commands.has(read)) return 'no dump of evidence'
  const {policy} = family
  if (policy === undefined || policy.size === 0) return undefined
  const longest = policy.get(nonce)
  if (longest === undefined) return 'no nonce'
  return longest !== null && longest < NONCE_BYTES ? `nonce of at most ${longest} bytes` : undefined
}

/** Nobody asked a kernel, now or when it was recorded. */
const isUnasked = (error: unknown): error is ErrnoError =>
  error instanceof ErrnoError && error.errno === 'ENOENT' && error.kind === 'unsupported'

function notTold(error: unknown, name: string): unknown {
  if (!(error instanceof TsmctlError)) return error
  return new TsmctlError({
    kind: error.kind,
    attempted: 'find the evidence interface of this kernel',
    got: `family ${name}: ${harmless(error.got ?? error.message)}`,
    hint: error.hint,
    cause: error,
  })
}

/**
 * The provider of this kernel's evidence. A family that is there and not understood gives a provider that collects
 * nothing under its name: the appraisal then says so, and nothing older is tried instead. Throws TsmctlError when the
 * kernel cannot be asked.
 */
export async function chooseProvider(kernel: Kernel, signal?: AbortSignal): Promise<EvidenceProvider> {
  let unknown: unknown
  for (const candidate of CANDIDATES) {
    let family: NetlinkFamily
    try {
      // in this order: the second is only asked for where the first is missing
      // oxlint-disable-next-line no-await-in-loop
      family = await kernel.netlinkFamily(candidate.name, signal)
    } catch (error) {
      // a recording may know one family and not the other; what it knows can be replayed
      if (isUnasked(error)) unknown ??= notTold(error, candidate.name)
      else if (!(error instanceof ErrnoError && error.errno === 'ENOENT')) throw notTold(error, candidate.name)
      continue
    }
    const unlike = difference(candidate, family)
    if (unlike === undefined) return candidate.provider(family)
    return silent(candidate.kind, `${candidate.name}/${family.version} (${unlike})`)
  }
  if (unknown !== undefined) throw unknown
  return unnamed(kernel) ?? none
}

/**
 * Kernels that tell what a TSM is for (`pci_mode`) all give evidence: one that has neither family gives it under a name
 * that this version does not know, and is not a kernel without.
 */
function unnamed(kernel: Kernel): EvidenceProvider | undefined {
  const tsm = listTsms(kernel).list.find(({mode}) => mode.present)
  return tsm && silent('device-evidence', `unknown (${tsm.name} has pci_mode, so there is evidence under another name)`)
}
