/**
 * What TDX needs on Intel hosts, and the TSM that mainline does not have. Linux arch/x86/virt/vmx/tdx,
 * drivers/virt/coco/tdx-host.
 */
import {printable} from '../errors.js'
import {moduleLoaded, parameterOn, unlessVendor} from './amd-checks.js'
import {checks, fail, notKnown, pass, undecided} from './types.js'

const inapplicable = unlessVendor('Intel')

const TDX_LOG =
  'Look for "virt/tdx" in the kernel log; TDX starts only at boot. The tdx_host module shows its version; kernels without CONFIG_INTEL_TDX_HOST cannot start it.'

const ONLINE = 'Bring the CPUs online (echo 1 > /sys/devices/system/cpu/cpuN/online) before TDX starts at boot.'

export const INTEL_CHECKS = checks({
  'intel.tdx-processor': {
    title: 'TDX in the firmware',
    for: ['host'],
    passes: 'the firmware has turned TDX on',
    remedy: 'Turn on TME-MT, TDX and its SEAM loader in the firmware settings, with at least two TDX key IDs.',
    inapplicable,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine({host: {cpu}}) {
      if (!cpu.known) return notKnown(cpu.reason)
      return cpu.value.flags.has('tdx_host_platform')
        ? pass('/proc/cpuinfo has tdx_host_platform')
        : fail('/proc/cpuinfo has no flag tdx_host_platform')
    },
  },
  'intel.hibernation': {
    title: 'hibernation off',
    for: ['host'],
    passes: 'the kernel cannot hibernate: with hibernation it refuses to start TDX',
    remedy: 'Boot with nohibernate.',
    requires: ['intel.tdx-processor'],
    inapplicable,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine({host: {hibernation}}) {
      if (!hibernation.present) return pass('this kernel has no hibernation')
      if (!hibernation.value.known) return notKnown(hibernation.value.reason)
      return hibernation.value.value === 'disabled'
        ? pass('disabled')
        : fail(`/sys/power/disk offers ${printable(hibernation.value.value)}`)
    },
  },
  'intel.packages': {
    title: 'CPUs online',
    for: ['host'],
    passes: 'every CPU is online: TDX starts a package, and KVM makes a TD, only if each package has one',
    remedy: ONLINE,
    requires: ['intel.tdx-processor'],
    inapplicable,
    yields: ['PASS', 'UNKNOWN'],
    examine({host: {cpus}}) {
      if (!cpus.known) return notKnown(cpus.reason)
      const {present, online} = cpus.value
      return present === online
        ? pass(`online ${printable(online)}`)
        : undecided(
            `present ${printable(present)}, online ${printable(online)}: an offline CPU does not say which package it is of`,
            ONLINE,
          )
    },
  },
  'intel.tdx-module': {
    title: 'TDX module',
    for: ['host'],
    passes: 'the kernel has started the TDX module at boot',
    remedy: TDX_LOG,
    requires: ['intel.tdx-processor', 'intel.hibernation'],
    inapplicable,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine({host: {tdxModule, config, miscCapacity}}) {
      if (tdxModule.present) {
        if (!tdxModule.value.known) return notKnown(tdxModule.value.reason)
        return tdxModule.value.value === ''
          ? fail('tdx_host says that it is not initialised')
          : pass(`version ${printable(tdxModule.value.value)}`)
      }
      if (miscCapacity.present && miscCapacity.value.known && miscCapacity.value.value.has('tdx'))
        return pass('KVM has TDX key IDs')
      if (!config.known) return notKnown(`there is no tdx_host device; ${config.reason}`)
      return config.value.has('INTEL_TDX_HOST')
        ? undecided('there is no tdx_host device: its module is not loaded, or TDX did not start', TDX_LOG)
        : fail('CONFIG_INTEL_TDX_HOST is not set')
    },
  },
  'intel.kvm': {
    title: 'kvm_intel',
    for: ['host'],
    passes: 'kvm_intel is loaded',
    remedy: 'modprobe kvm_intel',
    inapplicable,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: machine => moduleLoaded(machine, 'kvm_intel'),
  },
  'intel.kvm-tdx': {
    title: 'TDX in KVM',
    for: ['host'],
    passes: 'KVM makes TDX guests (parameter tdx of kvm_intel)',
    remedy:
      'Load kvm_intel with tdx=1 (default off). If it still reads N the kernel log says which condition is not met, such as EPT, APICv, or more CPUs than the module allows.',
    requires: ['intel.tdx-module', 'intel.kvm'],
    inapplicable,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: machine => parameterOn(machine, 'kvm_intel/tdx', 'kvm_intel has no parameter tdx'),
  },
  'intel.key-ids': {
    title: 'TDX key IDs',
    for: ['host'],
    passes: 'there are key IDs for guests',
    remedy: 'Give TDX more key IDs in the firmware settings: the kernel keeps the first for itself.',
    requires: ['intel.kvm-tdx'],
    inapplicable,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine({host: {miscCapacity}}) {
      if (!miscCapacity.present)
        return undecided('there is no /sys/fs/cgroup/misc.capacity', 'Mount cgroup version 2 with its misc controller.')
      if (!miscCapacity.value.known) return notKnown(miscCapacity.value.reason)
      const count = miscCapacity.value.value.get('tdx')
      return count === undefined || count === '0'
        ? fail('misc.capacity has no key IDs for TDX')
        : pass(`${printable(count)} for guests`)
    },
  },
  'intel.connect': {
    title: 'TDX Connect',
    for: ['host'],
    passes: 'tdx_host has registered a TSM',
    remedy:
      'Mainline Linux has no TSM for Intel hosts yet: devices can be connected only on a kernel with the out-of-tree TDX Connect series.',
    requires: ['intel.tdx-processor'],
    inapplicable,
    yields: ['PASS', 'FAIL'],
    examine({probe}) {
      const tsm = probe.tsms.find(({kind}) => kind === 'tdx-host')
      return tsm === undefined ? fail('tdx_host has registered no TSM') : pass(`${tsm.tsm}, ${tsm.words}`)
    },
  },
})
