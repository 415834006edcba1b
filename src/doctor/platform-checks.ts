/** What every platform needs, and what a guest needs of its own. */
import {printable} from '../errors.js'
import type {Known} from '../known.js'
import {known} from '../known.js'
import {protectable} from './devices.js'
import type {DiagnosedMachine} from './machine.js'
import {checks, fail, notKnown, pass, plural, skip} from './types.js'

/** Command-line settings that turn the IOMMU off. */
const IOMMU_OFF = /^(?:iommu|amd_iommu|intel_iommu)=(?:.*,)?off(?:,|$)/

/** Why there is no IOMMU, as far as the command line says. */
const switchedOff = ({host}: DiagnosedMachine): string => {
  const word = host.commandLine.known ? host.commandLine.value.find(each => IOMMU_OFF.test(each)) : undefined
  return word === undefined ? '' : `; the command line says ${printable(word)}`
}

function confidentialGuest({host}: DiagnosedMachine): Known<string | undefined> {
  if (!host.cpu.known) return host.cpu
  if (host.cpu.value.flags.has('tdx_guest')) return known('TDX guest')
  if (!host.vmpl.present) return known(undefined)
  return host.vmpl.value.known ? known(`SEV-SNP guest at VMPL ${printable(host.vmpl.value.value)}`) : host.vmpl.value
}

export const PLATFORM_CHECKS = checks({
  'platform.cpu': {
    title: 'processor',
    for: ['host'],
    passes: 'the processor is of a vendor whose TSM this version knows, or a TSM for connecting devices is at work',
    remedy: 'Use an AMD processor with SEV-TIO, or a kernel with an out-of-tree TSM driver for this processor.',
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine({host: {cpu}, probe}) {
      if (!cpu.known) return notKnown(cpu.reason)
      const name = printable(cpu.value.vendorId)
      if (cpu.value.vendor !== 'other') return pass(name)
      return probe.profile === 'host' || probe.profile === 'both'
        ? pass(`${name}, with a TSM at work`)
        : fail(`${name}: no TSM driver for it in mainline Linux`)
    },
  },
  'platform.iommu': {
    title: 'IOMMU',
    for: ['host'],
    passes: 'an IOMMU is in use: without one no device can be confined to a VM',
    remedy: 'Turn the IOMMU on in the firmware settings, and remove what turns it off from the kernel command line.',
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine(machine) {
      const {host, devices} = machine
      const grouped = devices.find(({iommuGroup}) => iommuGroup.present)
      if (grouped !== undefined) return pass(`${grouped.bdf} is in an IOMMU group`)
      if (!host.iommus.known) return notKnown(host.iommus.reason)
      return host.iommus.value.length === 0
        ? fail(`/sys/class/iommu names none${switchedOff(machine)}`)
        : pass(host.iommus.value.map(name => printable(name)).join(', '))
    },
  },
  'platform.iommu-groups': {
    title: 'IOMMU groups',
    for: ['host'],
    passes: 'every function with IDE or TEE-IO is in an IOMMU group, so that it can be assigned',
    remedy: 'Check that the IOMMU covers the host bridge: firmware tables (IVRS, DMAR) may leave it out.',
    requires: ['platform.iommu'],
    yields: ['PASS', 'SKIP', 'FAIL', 'UNKNOWN'],
    examine(machine) {
      const {wanted, unread} = protectable(machine)
      const {devices, host} = machine
      if (!host.iommus.known && !devices.some(({iommuGroup}) => iommuGroup.present)) return notKnown(host.iommus.reason)
      const without = wanted.filter(({iommuGroup}) => !iommuGroup.present).map(({bdf}) => `${bdf}: in no IOMMU group`)
      if (without.length > 0) return fail(`${without.length} of ${wanted.length} functions are in none`, without)
      if (unread.length > 0) return notKnown('not every function could be looked at', unread)
      return wanted.length === 0
        ? skip('there is no function with IDE or TEE-IO')
        : pass(plural(wanted.length, 'function'))
    },
  },
  'guest.confidential': {
    title: 'confidential VM',
    for: ['guest'],
    passes: 'this is a TDX or SEV-SNP guest: only then is there memory that a device has to be trusted with',
    remedy: 'Start this VM as a TDX or SEV-SNP guest; a VM without that has nothing for TDISP to protect.',
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine(machine) {
      const is = confidentialGuest(machine)
      if (!is.known) return notKnown(is.reason)
      if (is.value !== undefined) return pass(is.value)
      const {cpu} = machine.host
      return cpu.known && cpu.value.vendor === 'other'
        ? notKnown(`this version cannot tell on ${printable(cpu.value.vendorId)}`)
        : fail('neither the processor nor the kernel shows TDX or SEV-SNP')
    },
  },
})
