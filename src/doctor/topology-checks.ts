/** Can any device be connected where it sits? Linux drivers/pci/{ide,tsm}.c say which ports and functions qualify. */
import {known, mapKnown, valueOf} from '../known.js'
import {CMA_SPDM, offers, PORT_TYPE, SECURED_CMA_SPDM} from '../pci/index.js'
import {
  canHoldDsm,
  functionNumber,
  functionZero,
  hasIde,
  isUpstreamPort,
  leaves,
  protectable,
  rootPorts,
  select,
  type Selection,
} from './devices.js'
import {knowsDoe} from './kernel-checks.js'
import type {DiagnosedDevice, DiagnosedMachine} from './machine.js'
import {type Answer, checks, fail, notKnown, pass, plural, skip} from './types.js'

const PROTECTABLE = 'with IDE or TEE-IO'

/** Is there any among `of`? What could not be read may be one. */
function some({wanted, unread}: Selection, of: number, what: string): Answer {
  const bdfs = wanted.map(({bdf}) => bdf)
  if (bdfs.length > 0) return pass(`${bdfs.length} of ${plural(of, what)}`, bdfs)
  return unread.length > 0
    ? notKnown(`none found; ${plural(unread.length, 'function')} could not be looked at`, unread)
    : fail(of === 0 ? `there is no ${what}` : `none of ${plural(of, what)}`)
}

/** Nothing wrong with any function `which`: `wrong` says what is, `undefined` when nothing is, or why that is not known. */
function none(
  which: string,
  {wanted, unread}: Selection,
  wrong: (device: DiagnosedDevice) => string | {readonly unknown: string} | undefined,
): Answer {
  const faults: string[] = []
  const open = [...unread]
  for (const device of wanted) {
    const fault = wrong(device)
    if (typeof fault === 'string') faults.push(`${device.bdf}: ${fault}`)
    else if (fault !== undefined) open.push(`${device.bdf}: ${fault.unknown}`)
  }
  if (faults.length > 0) return fail(`${faults.length} of ${plural(wanted.length, 'function')} ${which}`, faults)
  if (open.length > 0) return notKnown(`${plural(open.length, 'function')} could not be looked at`, open)
  return wanted.length === 0
    ? skip(`there is no function ${which}`)
    : pass(`${plural(wanted.length, 'function')} ${which}`)
}

/** What of the streams could not be read; undefined when everything was. */
function unreadStreams({bridges, findings}: DiagnosedMachine['account']): Answer | undefined {
  const functions = bridges.flatMap(bridge => bridge.unread)
  if (functions.length > 0) return notKnown(`${plural(functions.length, 'function')} could not be looked at`, functions)
  // nobody can say whose an enabled block is, nor whether the ends of a named stream agree
  const rest = findings.filter(({code}) => code === 'registers-unread')
  if (rest.length === 0) return undefined
  const items = rest.map(({subject, message}) => `${subject}: ${message}`)
  return notKnown(`${plural(rest.length, 'host bridge')} could not be looked at as a whole`, items)
}

/** The upstream port right above the switch port the function hangs on: the only one that can hold its DSM from above. */
const switchAbove = ({ports}: DiagnosedDevice): string | undefined => ports.at(-2)

const holdsDsm = (machine: DiagnosedMachine, bdf: string | undefined): boolean => {
  const holds = bdf === undefined ? known(false) : canHoldDsm(machine, bdf)
  return holds.known && holds.value
}

export const TOPOLOGY_CHECKS = checks({
  'topology.root-port-ide': {
    title: 'root ports with IDE',
    for: ['host'],
    passes: 'a root port has selective IDE streams that the kernel accepts',
    remedy:
      'Turn on IDE for the root ports in the firmware settings; without it only devices that need no link encryption can be connected.',
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine(machine) {
      const ports = rootPorts(machine)
      if (machine.bare && ports.wanted.length === 0) return notKnown('the dump holds no root port')
      const able = select(ports.wanted, ({bdf}) => {
        const ignored = machine.portAt.get(bdf)?.ignored
        return ignored ? known(false) : hasIde(machine, bdf)
      })
      return some({wanted: able.wanted, unread: [...ports.unread, ...able.unread]}, ports.wanted.length, 'root port')
    },
  },
  'topology.endpoint-ide': {
    title: 'devices with IDE',
    for: ['host'],
    passes: 'a device has selective IDE streams',
    remedy: 'Use a device with IDE (its data sheet says so), and turn IDE on in its firmware.',
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine(machine) {
      const all = leaves(machine)
      const able = select(all.wanted, ({bdf}) => hasIde(machine, bdf))
      return some({wanted: able.wanted, unread: [...all.unread, ...able.unread]}, all.wanted.length, 'PCIe device')
    },
  },
  'topology.endpoint-tee': {
    title: 'devices with TEE-IO',
    for: ['host', 'guest'],
    passes: 'a device says that it can be a TDI (TEE-IO Supported in its Device Capabilities)',
    remedy: 'Use a device with TDISP and turn it on in its firmware, or, in a guest, have the host assign one.',
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine(machine) {
      const all = leaves(machine)
      const able = select(all.wanted, ({teeIo}) => teeIo)
      return some({wanted: able.wanted, unread: [...all.unread, ...able.unread]}, all.wanted.length, 'PCIe device')
    },
  },
  'topology.doe': {
    title: 'devices that authenticate',
    for: ['host'],
    passes: 'every function 0 with IDE or TEE-IO offers CMA-SPDM and Secured CMA-SPDM in a DOE mailbox',
    remedy:
      'Update the firmware of the device: without both it cannot be connected (ENXIO, or EFAULT if only the second is missing).',
    requires: ['kernel.pci-doe'],
    yields: ['PASS', 'SKIP', 'FAIL', 'UNKNOWN'],
    examine(machine) {
      const {wanted, unread} = protectable(machine)
      const kernelKnows = knowsDoe(machine)
      return none(
        PROTECTABLE,
        {wanted: wanted.filter(({bdf}) => functionNumber(bdf) === 0), unread},
        ({doeFeatures}) => {
          if (kernelKnows !== true && !doeFeatures.present) return {unknown: 'whether this kernel knows DOE is unknown'}
          for (const [name, feature] of [
            ['CMA-SPDM', CMA_SPDM] as const,
            ['Secured CMA-SPDM', SECURED_CMA_SPDM] as const,
          ]) {
            const offered = offers(doeFeatures, feature)
            if (!offered.known) return {unknown: offered.reason}
            if (!offered.value) return `offers no ${name}`
          }
          return undefined
        },
      )
    },
  },
  'topology.function-zero': {
    title: 'function 0 of each slot',
    for: ['host'],
    passes:
      'every function with IDE or TEE-IO has a function that can be connected for it: function 0 of its slot, or the switch above',
    remedy: 'The kernel connects only function 0: configure the device so that function 0 carries IDE or TEE-IO.',
    yields: ['PASS', 'SKIP', 'FAIL', 'UNKNOWN'],
    examine: machine =>
      none(PROTECTABLE, protectable(machine), device => {
        const zero = canHoldDsm(machine, functionZero(device.bdf))
        if (!zero.known) return {unknown: zero.reason}
        return zero.value || holdsDsm(machine, switchAbove(device))
          ? undefined
          : `${functionZero(device.bdf)} cannot be connected for it`
      }),
  },
  'topology.port-type': {
    title: 'types of devices',
    for: ['host'],
    passes: 'every function with IDE or TEE-IO is a PCIe Endpoint: the kernel makes streams for no other type',
    remedy:
      'Nothing can be done on this kernel: it leaves out legacy endpoints and makes no stream for integrated ones.',
    yields: ['PASS', 'SKIP', 'FAIL', 'UNKNOWN'],
    examine: machine =>
      none(PROTECTABLE, protectable(machine), ({portType}) => {
        if (!portType.known) return {unknown: portType.reason}
        if (portType.value === PORT_TYPE.endpoint) return undefined
        return portType.value === PORT_TYPE.legacyEndpoint ? 'a legacy endpoint' : 'integrated into the root complex'
      }),
  },
  'topology.port-above': {
    title: 'IDE above each device',
    for: ['host'],
    passes: 'every device with IDE sits below a root port with IDE',
    remedy:
      'Move the device to a slot below a root port with IDE, or turn IDE on for this root port in the firmware settings.',
    yields: ['PASS', 'SKIP', 'FAIL', 'UNKNOWN'],
    examine(machine) {
      const all = leaves(machine)
      const able = select(all.wanted, ({bdf}) => hasIde(machine, bdf))
      const found = {wanted: able.wanted, unread: [...all.unread, ...able.unread]}
      return none('with IDE', found, ({ports: [root], portType}) => {
        if (root === undefined && valueOf(portType) !== PORT_TYPE.endpoint) return undefined
        if (root === undefined)
          return machine.bare ? {unknown: 'the dump does not hold what is above'} : 'there is no root port above it'
        const above = hasIde(machine, root)
        if (!above.known) return {unknown: `root port ${above.reason}`}
        if (!above.value) return `root port ${root} has no selective IDE`
        const ignored = machine.portAt.get(root)?.ignored
        return ignored ? `root port ${root} is ignored by the kernel: ${ignored}` : undefined
      })
    },
  },
  'topology.dsm-distance': {
    title: 'distance to the DSM',
    for: ['host'],
    passes: 'no device relies on a switch more than one level above: the kernel looks no further for a DSM',
    remedy: 'Move the device up by one switch, or connect the device itself where it has IDE or TEE-IO.',
    yields: ['PASS', 'SKIP', 'FAIL', 'UNKNOWN'],
    examine(machine) {
      const all = leaves(machine)
      const switches = new Set(
        select(machine.devices, isUpstreamPort)
          .wanted.map(({bdf}) => bdf)
          .filter(bdf => holdsDsm(machine, bdf)),
      )
      const below = select(all.wanted, ({bdf, ports}) =>
        mapKnown(canHoldDsm(machine, functionZero(bdf)), own => !own && ports.some(port => switches.has(port))),
      )
      return none(
        'that relies on a switch',
        {wanted: below.wanted, unread: [...all.unread, ...below.unread]},
        device =>
          holdsDsm(machine, switchAbove(device))
            ? undefined
            : `the DSM in ${device.ports.findLast(port => switches.has(port))} is out of reach`,
      )
    },
  },
  'topology.firmware-streams': {
    title: 'streams held by firmware',
    for: ['host'],
    passes: 'no Stream ID is in use by a stream that the kernel does not know of',
    remedy:
      'See tsmctl ide list. Turn off IDE set-up by firmware, and start the machine again: Linux never frees these IDs, and a TSM that picks one of them fails with EBUSY every time.',
    requires: ['topology.root-port-ide'],
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine({account}) {
      const {bridges} = account
      const held = bridges.flatMap(({name, heldIds, liveIds}) =>
        heldIds.map(id => `${name}: Stream ID ${id} at ${(liveIds.get(id) ?? []).join(', ')}`),
      )
      if (held.length > 0) return fail(plural(held.length, 'Stream ID'), held)
      return unreadStreams(account) ?? pass('none')
    },
  },
  'topology.stream-slots': {
    title: 'stream slots',
    for: ['host'],
    passes: 'the platform allows streams on every host bridge with an IDE root port; all of them may be taken',
    remedy: 'The platform allows no stream there: see its firmware settings, or use a slot below another host bridge.',
    requires: ['kernel.pci-ide', 'topology.root-port-ide'],
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine(machine) {
      const roots = new Set(
        machine.account.ports
          .filter(({role, ignored}) => role === 'root port' && ignored === null)
          .map(({bridge}) => bridge),
      )
      const bridges = machine.account.bridges.filter(({name}) => roots.has(name))
      const empty = bridges.filter(({pool}) => pool.known && pool.value === 0).map(({name}) => `${name}: no slots`)
      if (empty.length > 0) return fail(`${empty.length} of ${bridges.length} host bridges have none`, empty)
      const unread = bridges.flatMap(({name, pool}) => (pool.known ? [] : [`${name}: ${pool.reason}`]))
      if (unread.length > 0) return notKnown(`${plural(unread.length, 'host bridge')} unread`, unread)
      const used = bridges.map(
        ({name, pool, slots}) => `${name}: ${slots.length} of ${pool.known ? pool.value : '?'} in use`,
      )
      return pass(plural(bridges.length, 'host bridge'), used)
    },
  },
  'topology.streams': {
    title: 'IDE streams',
    for: ['host'],
    passes: 'stream accounting finds no error: both ends of every stream agree and are in state Secure',
    remedy: 'See tsmctl ide list for each finding and its remedy.',
    requires: ['topology.root-port-ide'],
    yields: ['PASS', 'FAIL', 'UNKNOWN'],
    examine({account}) {
      const {findings, streams} = account
      const errors = findings.flatMap(({severity, subject, message}) =>
        severity === 'error' ? [`${subject}: ${message}`] : [],
      )
      if (errors.length > 0) return fail(plural(errors.length, 'finding'), errors)
      return unreadStreams(account) ?? pass(plural(streams.length, 'stream'))
    },
  },
})
