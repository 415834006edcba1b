/** Is this kernel built for TDISP? Files that only such a kernel has decide before its configuration does. */
import {valueOf} from '../known.js'
import type {DiagnosedDevice, DiagnosedMachine} from './machine.js'
import {type Answer, checks, fail, notKnown, pass, undecided} from './types.js'

/** Distributions install `/boot/config-RELEASE`; others build IKCONFIG as a module. */
const SHOW_CONFIG = 'Make the configuration of the kernel readable: modprobe configs, or install /boot/config-RELEASE.'

const BUILT_IN = new Set(['y', 'm'])

/** `shown` is what only a kernel with the option shows; without it the configuration answers, or nobody. */
function option({host}: DiagnosedMachine, name: string, shown: string | undefined): Answer {
  if (shown !== undefined) return pass(shown)
  if (!host.config.known) return undecided(host.config.reason, SHOW_CONFIG)
  const value = host.config.value.get(name)
  return value !== undefined && BUILT_IN.has(value)
    ? pass(`CONFIG_${name}=${value}`)
    : fail(`CONFIG_${name} is not set`)
}

const REBUILD =
  'Boot a kernel with CONFIG_PCI_TSM (Linux 6.19 or later); cloud flavours of distribution kernels leave it out.'

/** Listed, which only a kernel with DOE does; what a recording does not hold proves nothing. */
const hasDoeFeatures = ({doeFeatures}: DiagnosedDevice): boolean => doeFeatures.present && doeFeatures.value.known

export const KERNEL_CHECKS = checks({
  'kernel.tsm-core': {
    title: 'TSM core',
    for: ['host', 'guest'],
    passes: 'the kernel has the TSM class that platform drivers register with',
    remedy: REBUILD,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine({probe}) {
      if (probe.profile === 'no-core') return fail('there is no /sys/class/tsm')
      if (probe.profile === 'unknown' && probe.tsms.length === 0) return notKnown(probe.meaning)
      return pass('/sys/class/tsm is there')
    },
  },
  'kernel.pci-tsm': {
    title: 'PCI support for TSMs',
    for: ['host', 'guest'],
    passes: 'the kernel offers PCI functions to a registered TSM (CONFIG_PCI_TSM)',
    remedy: REBUILD,
    requires: ['kernel.tsm-core'],
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: machine => {
      const shows = machine.devices.find(({tsm}) =>
        [tsm.connect, tsm.lock].some(fact => fact.present && fact.value.known),
      )
      return option(machine, 'PCI_TSM', shows && `${shows.bdf} has a tsm/ directory`)
    },
  },
  'kernel.pci-ide': {
    title: 'PCI IDE streams',
    for: ['host'],
    passes: 'the kernel manages link encryption streams (CONFIG_PCI_IDE)',
    remedy: REBUILD,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: machine => {
      const shows = machine.account.bridges.find(({available}) => available.present && available.value.known)
      return option(machine, 'PCI_IDE', shows && `${shows.name} has available_secure_streams`)
    },
  },
  'kernel.pci-doe': {
    title: 'PCI data object exchange',
    for: ['host'],
    passes: 'the kernel talks to DOE mailboxes, over which a device authenticates (CONFIG_PCI_DOE)',
    remedy: REBUILD,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: machine => {
      const shows = machine.devices.find(hasDoeFeatures)
      return option(machine, 'PCI_DOE', shows && `${shows.bdf} has doe_features`)
    },
  },
})

/** Does the kernel know DOE at all? Without it no device has `doe_features`, whatever it can do. */
export const knowsDoe = (machine: DiagnosedMachine): boolean | undefined => {
  if (machine.devices.some(hasDoeFeatures)) return true
  const value = valueOf(machine.host.config)?.get('PCI_DOE')
  return machine.host.config.known ? value !== undefined : undefined
}
