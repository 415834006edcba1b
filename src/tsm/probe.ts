/**
 * What side of TDISP this kernel shows: told by files, `pci_mode` and netlink families, never by a version number,
 * because distributions carry the guest series in several generations and build the host side or leave it out.
 */
import {DEVICE_EVIDENCE, type NetlinkFamily, PCI_TSM} from '../kernel/index.js'
import type {Known, Present} from '../known.js'
import {printable} from '../errors.js'
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
  /** The generic-netlink families of evidence; null where the kernel has none. */
  readonly families: {
    readonly pciTsm: Known<NetlinkFamily | null>
    readonly deviceEvidence: Known<NetlinkFamily | null>
  }
}

export interface Probe {
  readonly profile: Profile
  /** Null where there is no guest side. */
  readonly generation: GuestGeneration | null
  /** The evidence interface; null where there is none, or nobody could tell. */
  readonly evidence: EvidenceInterface | null
  readonly tsms: readonly ProbedTsm[]
  /** What it means, one or two sentences. */
  readonly meaning: string
  /** What to do next; null when nothing needs doing. */
  readonly remedy: string | null
}

export interface EvidenceInterface {
  readonly family: string
  readonly version: number
  /** Is it the version this tsmctl speaks? */
  readonly understood: boolean
  /** Can the kernel be told which generation of the evidence was verified? */
  readonly validates: boolean
}

export interface ProbedTsm extends Provider {
  /** `link` serves `connect`, `devsec` serves `lock`; null where the kernel does not say. */
  readonly mode: string | null
}

interface Guest {
  readonly generation: GuestGeneration
  readonly evidence: EvidenceInterface | null
}

const interfaceOf = ({name, version, commands}: NetlinkFamily): EvidenceInterface => ({
  family: name,
  version,
  understood: version === (name === DEVICE_EVIDENCE.name ? DEVICE_EVIDENCE : PCI_TSM).version,
  validates: name === DEVICE_EVIDENCE.name && commands.has(DEVICE_EVIDENCE.validate),
})

function guestOf({pciTsm, deviceEvidence}: ProbeFacts['families']): Guest {
  if (deviceEvidence.known && deviceEvidence.value !== null)
    return {generation: 'P2', evidence: interfaceOf(deviceEvidence.value)}
  // without an answer about the newer one, which is asked first when evidence is read
  if (!deviceEvidence.known || !pciTsm.known) return {generation: 'unknown', evidence: null}
  if (pciTsm.value !== null) return {generation: 'G2', evidence: interfaceOf(pciTsm.value)}
  return {generation: 'G1n', evidence: null}
}

function evidenceWords({generation, evidence}: Guest): string {
  if (evidence === null)
    return generation === 'G1n' ? 'no evidence interface' : 'which evidence interface it has could not be told'
  const {family, version, validates} = evidence
  const known = validates ? ', which can be told what was verified' : ''
  return `evidence through netlink family ${printable(family)} version ${version}${known}`
}

const textOf = (fact: Present<string>): string | null => (fact.present && fact.value.known ? fact.value.value : null)

/** What a machine offers, in words, and what to do next. */
export interface Words {
  readonly meaning: string
  readonly remedy: string | null
}

export const NO_CORE: Words = {
  meaning:
    'This kernel has no TSM core (no /sys/class/tsm): no device will ever show tsm/, whatever the hardware can do.',
  remedy:
    'Boot a kernel built with CONFIG_PCI_TSM (Linux 6.19 or later); cloud flavours of distribution kernels often leave it out.',
}

export const NO_PROVIDER: Words = {
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

const guestWords = (guest: Guest): Words => ({
  meaning: `Guest side: functions with tsm/lock are TDIs; ${evidenceWords(guest)}.`,
  remedy:
    guest.generation === 'G1n'
      ? 'Without evidence no device can be verified, so none will be accepted: a kernel with a later series is needed.'
      : null,
})

const both = (guest: Guest): Words => ({
  meaning: `Both sides at once: tsm/connect and tsm/lock (${evidenceWords(guest)}). A sample driver or a nested host does this.`,
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
  const is = (profile: Profile, words: Words, {generation, evidence}: Partial<Guest> = {}): Probe => ({
    profile,
    generation: generation ?? null,
    evidence: evidence ?? null,
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
  const guest = guestOf(families)
  return connect.value ? is('both', both(guest), guest) : is('guest', guestWords(guest), guest)
}
