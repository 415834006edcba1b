/** Is there a TSM, what does it serve, and does it offer any function? */
import {printable} from '../errors.js'
import type {Probe, ProbedTsm} from '../tsm/index.js'
import type {DiagnosedMachine} from './machine.js'
import {type Answer, checks, fail, notKnown, pass, plural, undecided} from './types.js'

const named = ({tsm, words, mode}: ProbedTsm): string =>
  `${tsm}${mode === null ? '' : ` (${printable(mode)})`}: ${words}`

/** `mode` as the kernel names it, or attributes that only such a TSM gives. */
function serves(
  {profile, tsms, meaning, remedy}: Probe,
  side: 'host' | 'guest',
  mode: string,
  attribute: string,
): Answer {
  if (profile === side || profile === 'both') return pass(`there are functions with tsm/${attribute}`)
  const modes = tsms.map(tsm => tsm.mode)
  if (modes.includes(mode)) return pass(`pci_mode is ${mode}`)
  if (profile !== 'unknown' && (profile !== 'nothing-usable' || modes.every(each => each !== null)))
    return fail(`no TSM serves tsm/${attribute}`, tsms.map(named))
  return remedy === null ? notKnown(meaning, tsms.map(named)) : undecided(meaning, remedy, tsms.map(named))
}

/** Functions with the attribute; where one could not be looked at, none found is not none there. */
function offered({devices, probe}: DiagnosedMachine, attribute: 'connect' | 'lock'): Answer {
  const found: string[] = []
  const unread: string[] = []
  for (const {bdf, tsm} of devices) {
    const fact = tsm[attribute]
    if (!fact.present) continue
    if (fact.value.known) found.push(bdf)
    else unread.push(`${bdf}: ${fact.value.reason}`)
  }
  if (found.length > 0) return pass(plural(found.length, 'function'), found)
  if (unread.length > 0) return notKnown(`${plural(unread.length, 'function')} could not be looked at`, unread)
  return probe.profile === 'unknown' ? notKnown(probe.meaning) : fail(`no function has tsm/${attribute}`)
}

/** The interface that evidence comes through. */
function evidence({probe}: DiagnosedMachine): Answer {
  const found = probe.evidence
  if (found === null)
    return probe.generation === 'G1n' ? fail('no generic-netlink family of evidence') : notKnown(probe.meaning)
  const name = `${printable(found.family)} version ${found.version}`
  if (!found.understood) return fail(`${name}, which this version of tsmctl does not know`)
  return pass(found.validates ? `${name}, which can be told what was verified` : name)
}

export const TSM_CHECKS = checks({
  'tsm.registered': {
    title: 'TSM registered',
    for: ['host', 'guest'],
    passes: 'a TSM has registered with the kernel',
    remedy:
      'Load the driver of the platform: see the checks of the processor above. Until then no function has a tsm/ directory, whatever it can do.',
    requires: ['kernel.tsm-core'],
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine({probe}) {
      if (probe.tsms.length > 0) return pass(probe.tsms.map(({tsm}) => tsm).join(', '), probe.tsms.map(named))
      return probe.profile === 'unknown' ? notKnown(probe.meaning) : fail('/sys/class/tsm is empty')
    },
  },
  'tsm.parent': {
    title: 'TSM provider',
    for: ['host', 'guest'],
    passes: 'the device that provides each TSM is known: the number of a TSM is reused and names nobody',
    remedy: 'Run as root.',
    requires: ['tsm.registered'],
    yields: ['PASS', 'UNKNOWN'],
    examine({probe}) {
      if (probe.tsms.length === 0) return notKnown(probe.meaning)
      const unnamed = probe.tsms.filter(({kind}) => kind === 'unknown')
      return unnamed.length === 0
        ? pass(probe.tsms.map(({words}) => words).join(', '))
        : notKnown(`${unnamed.map(({tsm}) => tsm).join(', ')}: provider not recognised`, unnamed.map(named))
    },
  },
  'tsm.link': {
    title: 'TSM connects devices',
    for: ['host'],
    passes: 'a registered TSM serves the host side (connect)',
    remedy: 'The registered TSM takes devices into a guest: run this on the host, or with --for guest.',
    requires: ['tsm.registered'],
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: ({probe}) => serves(probe, 'host', 'link', 'connect'),
  },
  'tsm.connectable': {
    title: 'functions to connect',
    for: ['host'],
    passes: 'the kernel offers at least one function to the TSM (tsm/connect)',
    remedy:
      'See the topology checks: function 0 of a PCIe endpoint needs selective IDE, with a root port that has it too, or TEE-IO.',
    requires: ['tsm.link', 'kernel.pci-tsm'],
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: machine => offered(machine, 'connect'),
  },
  'tsm.devsec': {
    title: 'TSM takes devices in',
    for: ['guest'],
    passes: 'a registered TSM serves the guest side (lock, accept)',
    remedy:
      'Mainline Linux has no guest side yet: it needs a kernel with the staged series, and a host that assigns a TDI.',
    requires: ['tsm.registered'],
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: ({probe}) => serves(probe, 'guest', 'devsec', 'lock'),
  },
  'tsm.lockable': {
    title: 'functions to take in',
    for: ['guest'],
    passes: 'at least one function is a TDI (tsm/lock)',
    remedy: 'Have the host connect a device and assign it to this VM as a TDI.',
    requires: ['tsm.devsec', 'kernel.pci-tsm'],
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: machine => offered(machine, 'lock'),
  },
  'tsm.evidence': {
    title: 'evidence interface',
    for: ['guest'],
    passes: 'the kernel shows evidence of a locked TDI through an interface this tsmctl knows',
    remedy:
      'Without evidence no device can be verified: it needs a kernel with a later guest series, or a tsmctl that knows this one.',
    requires: ['tsm.lockable'],
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine: evidence,
  },
})
