/** What this process is allowed to see. Nothing here can fail: being refused is a fact about us, not about the machine. */
import {checks, notKnown, pass, plural, skip, undecided} from './types.js'

const AS_ROOT = 'Run as root.'
const MOUNT = 'Mount securityfs: mount -t securityfs none /sys/kernel/security'

export const PRIVILEGE_CHECKS = checks({
  'privilege.root': {
    title: 'CAP_SYS_ADMIN',
    for: ['host', 'guest'],
    passes: 'this process has CAP_SYS_ADMIN: the kernel shows it all of configuration space',
    remedy: AS_ROOT,
    yields: ['PASS', 'UNKNOWN'],
    examine({host}) {
      if (!host.privileged.known) return notKnown(host.privileged.reason)
      return host.privileged.value
        ? pass('effective')
        : notKnown('not effective: much of what follows could not be read')
    },
  },
  'privilege.config-space': {
    title: 'configuration space',
    for: ['host', 'guest'],
    passes: 'the extended capabilities of every PCI function were read',
    remedy: AS_ROOT,
    yields: ['PASS', 'SKIP', 'UNKNOWN'],
    examine({devices}) {
      if (devices.length === 0) return skip('there is no PCI function')
      const unread = devices.flatMap(({bdf, extended}) => (extended.known ? [] : [`${bdf}: ${extended.reason}`]))
      return unread.length === 0
        ? pass(`all of ${plural(devices.length, 'PCI function')}`)
        : notKnown(`${unread.length} of ${plural(devices.length, 'PCI function')} could not be read in full`, unread)
    },
  },
  'privilege.tsm-attributes': {
    title: 'TSM attributes',
    for: ['host', 'guest'],
    passes: 'the tsm/ attributes of every function that has them were read',
    remedy: AS_ROOT,
    yields: ['PASS', 'SKIP', 'UNKNOWN'],
    examine({devices}) {
      const facts = devices.flatMap(({bdf, tsm}) =>
        Object.values(tsm).flatMap(fact => (fact.present ? [{bdf, value: fact.value}] : [])),
      )
      if (facts.length === 0) return skip('no function has tsm/ attributes')
      const unread = facts.flatMap(({bdf, value}) => (value.known ? [] : [`${bdf}: ${value.reason}`]))
      return unread.length === 0
        ? pass(plural(facts.length, 'attribute'))
        : notKnown(`${unread.length} of ${plural(facts.length, 'attribute')} could not be read`, unread)
    },
  },
  'privilege.lockdown': {
    title: 'kernel lockdown',
    for: ['host', 'guest'],
    passes:
      'the lockdown level is known: any but none refuses writes to configuration space, which tsmctl does not need',
    remedy: MOUNT,
    yields: ['PASS', 'UNKNOWN'],
    examine({host: {lockdown, config}}) {
      if (!lockdown.present)
        return config.known && !config.value.has('SECURITY_LOCKDOWN_LSM')
          ? pass('this kernel has no lockdown')
          : undecided('there is no /sys/kernel/security/lockdown', MOUNT)
      return lockdown.value.known ? pass(lockdown.value.value) : notKnown(lockdown.value.reason)
    },
  },
})
