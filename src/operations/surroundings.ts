/** What a collection records about the machine around the evidence, on either side of the link. */
import {
  type Bundle,
  bundleToJson,
  type CollectionFacts,
  type ManifestFacts,
  named,
  type PciFacts,
} from '../evidence/index.js'
import type {Kernel} from '../kernel/index.js'
import {textOrNull} from './device-facts.js'

const AUTOPROBE = '/sys/bus/pci/drivers_autoprobe'
const LOCKDOWN = '/sys/kernel/security/lockdown'
const MEMORY = '/dev/mem'
const RESOURCES = '/proc/iomem'
/** More than any machine has; a file that never ends must not fill the evidence. */
const MOST_RANGES = 1024

/** The mode in brackets: `none [integrity] confidentiality`. */
function lockdownMode(kernel: Kernel): string | null {
  const text = textOrNull(kernel, LOCKDOWN)
  return text === null ? null : (/\[(\w{1,32})\]/.exec(text)?.[1] ?? null)
}

/** The memory of the machine. To whom the kernel hides addresses it shows zeros, which say nothing. */
function systemRam(kernel: Kernel): CollectionFacts['systemRam'] {
  const lines = textOrNull(kernel, RESOURCES)?.split('\n', MOST_RANGES) ?? []
  const ranges = lines.flatMap(line => {
    const [, first, last] = /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) : System RAM$/.exec(line) ?? []
    return first === undefined || BigInt(`0x${last}`) === 0n ? [] : [{first: `0x${first}`, last: `0x${last}`}]
  })
  return ranges.length === 0 ? null : ranges
}

export function kernelFacts(
  kernel: Kernel,
): Pick<CollectionFacts, 'devMem' | 'driversAutoprobe' | 'lockdown' | 'systemRam'> {
  const autoprobe = textOrNull(kernel, AUTOPROBE)
  return {
    driversAutoprobe: autoprobe === null ? null : autoprobe === '1',
    lockdown: lockdownMode(kernel),
    systemRam: systemRam(kernel),
    // only the machine itself has a /dev to look at
    ...(kernel.host.kind === 'live' && {devMem: kernel.stat(MEMORY) !== undefined}),
  }
}

/** Members of a manifest that say where and when. */
export function factsAround(
  kernel: Kernel,
  pci: PciFacts,
  tool: string,
): Pick<ManifestFacts, 'clock' | 'collectedAt' | 'device' | 'host'> {
  const machineId = textOrNull(kernel, '/etc/machine-id')
  const {bdf, vendor, device, subsystem, class: classCode, revision, dsn} = pci
  return {
    collectedAt: kernel.now().toISOString(),
    // nothing on this machine vouches for its clock yet
    clock: 'untrusted',
    host: {
      machineIdHash: machineId === null ? null : named(new Uint8Array(Buffer.from(machineId))),
      bootId: pci.bootId,
      kernel: textOrNull(kernel, '/proc/sys/kernel/osrelease'),
      tool,
      toolDigest: null,
    },
    device: {bdf, vendor, device, subsystem, class: classCode, revision, ...(dsn !== undefined && {dsn})},
  }
}

/** Name of the file in tsmctl's state that keeps the evidence of `digest`. */
export const bundleName = (digest: string): string => `evidence-${digest.slice('sha384:'.length)}.tsmb.json`

export const keepBundle = (kernel: Kernel, bundle: Bundle): void =>
  kernel.state.replace(bundleName(bundle.digest), new Uint8Array(Buffer.from(bundleToJson(bundle))))
