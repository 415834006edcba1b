/**
 * What the SEV-TIO TSM of AMD hosts needs before it registers. Linux drivers/crypto/ccp/sev-dev-tsm.c: SNP firmware with
 * TIO, the `tio` parameter of ccp, an IOMMU with SEV-TIO, and kvm_amd, which starts the platform.
 */
import {printable} from '../errors.js'
import type {DiagnosedMachine} from './machine.js'
import {type Answer, checks, fail, notKnown, pass, undecided} from './types.js'
import type {Parameter} from './facts.js'

/** Why a vendor's checks have nothing to say here. */
export const unlessVendor =
  (vendor: 'AMD' | 'Intel') =>
  ({host: {cpu}}: DiagnosedMachine): string | undefined => {
    if (!cpu.known) return `the processor is unknown: ${cpu.reason}`
    return cpu.value.vendor === vendor ? undefined : `not an ${vendor} processor`
  }

const inapplicable = unlessVendor('AMD')

/** The one place that says why the TSM of the Secure Processor is not there. */
const TIO_LOG =
  'Look in the kernel log: "SEV-TIO status" (started), "SEV-TIO STATUS failed" or "Failed to enable SEV-TIO" (firmware), and whether the AMD-Vi features name SEV-TIO (IOMMU). Update the firmware where they do not.'

/** Booleans of modules read `Y` or `N`; integers that mean the same are taken too. */
const isOn = (text: string): boolean => text === 'Y' || text === '1'

/** A boolean parameter that must be on. */
export function parameterOn({host}: DiagnosedMachine, name: Parameter, missing: string): Answer {
  const fact = host.parameters[name]
  if (!fact.present) return fail(missing)
  if (!fact.value.known) return notKnown(fact.value.reason)
  const said = `${name.replace('/', '.')}=${printable(fact.value.value)}`
  return isOn(fact.value.value) ? pass(said) : fail(said)
}

export function moduleLoaded({host}: DiagnosedMachine, name: string): Answer {
  if (!host.modules.known) return notKnown(host.modules.reason)
  return host.modules.value.has(name) ? pass(`/sys/module/${name} is there`) : fail(`there is no /sys/module/${name}`)
}

export const AMD_CHECKS = checks({
  'amd.snp-processor': {
    title: 'SEV-SNP in the processor',
    for: ['host'],
    passes: 'processor and firmware offer SEV-SNP',
    remedy:
      'Turn on SME, SNP memory coverage (RMP) and SEV-SNP support in the firmware settings, and the IOMMU with it.',
    inapplicable,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine({host: {cpu}}) {
      if (!cpu.known) return notKnown(cpu.reason)
      return cpu.value.flags.has('sev_snp')
        ? pass('/proc/cpuinfo has sev_snp')
        : fail('/proc/cpuinfo has no flag sev_snp')
    },
  },
  'amd.ccp': {
    title: 'Secure Processor driver',
    for: ['host'],
    passes: 'the ccp module, which speaks to the AMD Secure Processor, is loaded',
    remedy: 'modprobe ccp; where there is none, boot a kernel with CONFIG_CRYPTO_DEV_SP_PSP.',
    inapplicable,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: machine => moduleLoaded(machine, 'ccp'),
  },
  'amd.tio': {
    title: 'SEV-TIO asked for',
    for: ['host'],
    passes: 'the ccp module may start SEV-TIO (parameter tio)',
    remedy:
      'Boot with ccp.tio=1 where ccp is built in; otherwise remove tio=0 from /etc/modprobe.d and load ccp again.',
    requires: ['amd.ccp'],
    inapplicable,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: machine =>
      parameterOn(machine, 'ccp/tio', 'ccp has no parameter tio: this kernel was built without SEV-TIO'),
  },
  'amd.kvm': {
    title: 'kvm_amd',
    for: ['host'],
    passes: 'kvm_amd is loaded: it starts SEV, and with it the TSM',
    remedy: 'modprobe kvm_amd',
    inapplicable,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: machine => moduleLoaded(machine, 'kvm_amd'),
  },
  'amd.snp': {
    title: 'SEV-SNP in KVM',
    for: ['host'],
    passes: 'KVM has started SEV-SNP (parameter sev_snp of kvm_amd)',
    remedy:
      'Look for "SEV-SNP" and "ccp" in the kernel log for the reason; the IOMMU must be on, not in passthrough mode.',
    requires: ['amd.snp-processor', 'amd.kvm'],
    inapplicable,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: machine => parameterOn(machine, 'kvm_amd/sev_snp', 'kvm_amd has no parameter sev_snp'),
  },
  'amd.psp-init': {
    title: 'SNP held by the kernel',
    for: ['host'],
    passes: 'ccp starts SNP itself: otherwise a program using /dev/sev could shut it down under live connections',
    remedy: 'Remove psp_init_on_probe=0 from the kernel command line or /etc/modprobe.d.',
    requires: ['amd.ccp'],
    inapplicable,
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: machine =>
      machine.host.parameters['ccp/psp_init_on_probe'].present
        ? parameterOn(machine, 'ccp/psp_init_on_probe', '')
        : pass('this ccp knows no other way'),
  },
  'amd.sev-tio': {
    title: 'SEV-TIO at work',
    for: ['host'],
    passes:
      'the Secure Processor has registered its TSM, so firmware (API 1.52 or later, with TIO) and IOMMU support it',
    remedy: TIO_LOG,
    requires: ['amd.tio', 'amd.snp'],
    inapplicable,
    yields: ['PASS', 'UNKNOWN'],
    examine({probe}) {
      const tsm = probe.tsms.find(({kind}) => kind === 'sev-tio')
      return tsm === undefined
        ? undecided(
            'no TSM of the Secure Processor; whether firmware or IOMMU lacks SEV-TIO is in the kernel log only',
            TIO_LOG,
          )
        : pass(`${tsm.tsm}, ${tsm.words}`)
    },
  },
})
