/**
 * What side of TDISP this kernel shows: told by files, `pci_mode` and netlink families, never by a version number,
 * because distributions carry the guest series in several generations and build the host side or leave it out.
 */
import type {Known, Present} from '../known.js'
import type {Tsm} from '../pci/index.js'
import type {Provider} from './providers.js'

export type Profile = 'no-core' | 'no-provider' | 'nothing-usable' | 'host' | 'guest' | 'both' | 'unknown'

/** Generation of the guest's interface: lock without evidence, family `pci-tsm`, family `device-evidence`. */
export type GuestGeneration = 'G1n' | 'G2' | 'P2' | 'unknown'

/** What a probe looks at. */
export interface ProbeFacts {
  /** Does `/sys/class/tsm` exist? */
  readonly core: Known<boolean>
  readonly tsms: readonly Tsm[]
  /** Does any function show `tsm/connect`, `tsm/lock`? */
  readonly connect: Known<boolean>
  readonly lock: Known<boolean>
  /** Is the generic-netlink family registered? */
  readonly families: {readonly pciTsm: Known<boolean>; readonly deviceEvidence: Known<boolean>}
}

export interface Probe {
  readonly profile: Profile
  /** Null where there is no guest side. */
  readonly generation: GuestGeneration | null
  readonly tsms: readonly ProbedTsm[]
  /** What it means, one or two sentences. */
  readonly meaning: string
  /** What to do next; null when nothing needs doing. */
  readonly remedy: string | null
}

export interface ProbedTsm extends Provider {
  /** `link` serves `connect`, `devsec` serves `lock`; null where the kernel does not say. */
  readonly mode: string | null
}

const FAMILY: Readonly<Record<GuestGeneration, string>> = {
  G1n: 'no evidence interface',
  G2: 'evidence through netlink family pci-tsm',
  P2: 'evidence through netlink family device-evidence',
  unknown: 'which evidence interface it has could not be told',
}

function generationOf({pciTsm, deviceEvidence}: ProbeFacts['families']): GuestGeneration {
  if (deviceEvidence.known && deviceEvidence.value) return 'P2'
  if (pciTsm.known && pciTsm.value) return 'G2'
  return pciTsm.known && deviceEvidence.known ? 'G1n' : 'unknown'
}

const textOf = (fact: Present<string>): string | null => (fact.present && fact.value.known ? fact.value.value : null)

interface Words {
  readonly meaning: string
  readonly remedy: string | null
}

const NO_CORE: Words = {
  meaning:
    'This kernel has no TSM core (no /sys/class/tsm): no device will ever show tsm/, whatever the hardware can do.',
  remedy: 'Boot a kernel built with CONFIG_PCI_TSM; cloud flavours of distribution kernels often leave it out.',
}

const NO_PROVIDER: Words = {
  meaning:
    'No TSM yet: the kernel has a TSM core and nobody has registered with it, so a missing tsm/ says nothing about a device.',
  remedy:
    'Load what provides it. On AMD hosts: SNP firmware with SEV-TIO, /sys/module/ccp/parameters/tio reading Y, then kvm_amd. Other platforms need out-of-tree drivers.',
}

/** A TSM is there and no function shows anything: why depends on what the kernel says the TSM serves. */
function nothingUsable(tsms: readonly ProbedTsm[]): Words {
  const modes = new Set(tsms.map(({mode}) => mode))
  if (modes.has('link'))
    return {
      meaning:
        'A host-side TSM is registered and no function can be tried with it: none is function 0 of a PCIe device with Selective IDE (its root port too) or TEE-IO.',
      remedy: 'If the TSM has only just appeared, look again; otherwise check slot, root port and firmware settings.',
    }
  if (modes.has('devsec'))
    return {
      meaning: 'A guest-side TSM is registered and no function shows tsm/lock: the host assigned no TDISP device.',
      remedy: 'Have the host connect a device and assign it to this guest as a TDI.',
    }
  return {
    meaning:
      'A TSM is registered and no function shows tsm/connect or tsm/lock: its registration is still going on, it serves no PCI devices, or no device qualifies.',
    remedy: 'Wait for the TSM\'s "change" uevent (registration is complete then) and look again.',
  }
}

const HOST: Words = {
  meaning:
    'Host side: functions with tsm/connect may be tried. The kernel offers it without asking the device for SPDM, so tsm/ alone promises nothing.',
  remedy: null,
}

const guestWords = (generation: GuestGeneration): Words => ({
  meaning: `Guest side: functions with tsm/lock are TDIs; ${FAMILY[generation]}.`,
  remedy:
    generation === 'G1n'
      ? 'Without evidence no device can be verified, so none will be accepted: a kernel with a later series is needed.'
      : null,
})

const both = (generation: GuestGeneration): Words => ({
  meaning: `Both sides at once: tsm/connect and tsm/lock (${FAMILY[generation]}). A sample driver or a nested host does this.`,
  remedy: 'Name the verb you mean: connect is for the host side of a device, lock for a TDI.',
})

const unread = (reason: string): Words => ({
  meaning: `What this kernel offers could not be told: ${reason}.`,
  remedy: 'Run as root, or record the machine anew.',
})

/** Classifies `facts`; `providers` names the TSMs' devices in the order of `facts.tsms`. */
export function classify(facts: ProbeFacts, providers: readonly Provider[]): Probe {
  const {core, connect, lock, families} = facts
  const tsms = facts.tsms.map((tsm, index) => ({...providers[index]!, mode: textOf(tsm.mode)}))
  const is = (profile: Profile, words: Words, generation: GuestGeneration | null = null): Probe => ({
    profile,
    generation,
    tsms,
    ...words,
  })
  if (!core.known) return is('unknown', unread(core.reason))
  if (!core.value) return is('no-core', NO_CORE)
  if (tsms.length === 0) return is('no-provider', NO_PROVIDER)
  if (!connect.known) return is('unknown', unread(connect.reason))
  if (!lock.known) return is('unknown', unread(lock.reason))
  if (!connect.value && !lock.value) return is('nothing-usable', nothingUsable(tsms))
  if (!lock.value) return is('host', HOST)
  const generation = generationOf(families)
  return connect.value ? is('both', both(generation), generation) : is('guest', guestWords(generation), generation)
}
