/** Preflight, first half: may this function be connected at all, by this TSM, by this user, now? */
import {printable} from '../errors.js'
import {type Known, mapKnown, thenKnown, unknown, valueOf} from '../known.js'
import {
  bdfParts,
  CMA_SPDM,
  type DoeFeature,
  type FunctionFacts,
  offers,
  PORT_TYPE,
  PORT_TYPE_NAMES,
  SECURED_CMA_SPDM,
  slotOf,
} from '../pci/index.js'
import type {Check, ConnectFacts, Finding} from './preflight.js'

export const pass = (reason: string): Finding => ({result: 'pass', reason})
export const unknownBecause = (reason: string, remedy?: string): Finding => ({
  result: 'unknown',
  reason,
  ...(remedy !== undefined && {remedy}),
})
export const fails = (reason: string, remedy: string): Finding => ({result: 'fail', reason, remedy})

/** A refusal by TSMs that make IDE streams; of the others nobody knows. */
export const failsWithStreams = ({tsms, tsm}: ConnectFacts, reason: string, remedy: string): Finding =>
  tsms.find(({tsm: name}) => name === tsm)?.makesStreams
    ? fails(reason, remedy)
    : {result: 'warn', reason: `${reason}; a TSM that makes IDE streams refuses this`, remedy}

/** Device/Port Type; undefined for a conventional PCI function. */
export const portTypeOf = ({config}: FunctionFacts): Known<number | undefined> =>
  thenKnown(config, space => mapKnown(space.express, express => express?.portType))

const CONNECTABLE: readonly number[] = [PORT_TYPE.endpoint, PORT_TYPE.upstreamPort, PORT_TYPE.rcIntegratedEndpoint]

/** Why the kernel shows no `tsm/connect` for this function. */
function withoutInterface(device: FunctionFacts): Finding {
  const {bdf, physfn, config, siblings} = device
  const owner = slotOf((physfn.present ? valueOf(physfn.value) : undefined) ?? bdf).first
  if (physfn.present) return fails(`it is a virtual function; its DSM would be ${owner}`, `Connect ${owner}.`)
  const portType = portTypeOf(device)
  if (portType.known && portType.value === undefined)
    return fails('it is not a PCI Express function', 'Choose a PCI Express device.')
  if (portType.known && !CONNECTABLE.includes(portType.value!))
    return fails(
      `it is a ${PORT_TYPE_NAMES[portType.value!] ?? 'port of unknown type'}`,
      portType.value === PORT_TYPE.legacyEndpoint
        ? `Linux connects no legacy endpoint. ${ANOTHER}`
        : 'Choose an endpoint; ports are one end of a stream and need no connect of their own.',
    )
  if (bdfParts(bdf).fn !== 0) {
    const hasOwner = valueOf(siblings)?.includes(owner)
    return fails(
      `only function 0 of a device can be connected${hasOwner ? `; that is ${owner}` : ''}`,
      hasOwner ? `Connect ${owner}.` : ANOTHER,
    )
  }
  const space = valueOf(config)
  if (space?.teeIo.known && !space.teeIo.value && space.ide.known && space.ide.value === undefined)
    return fails('it has neither TEE-IO nor an IDE capability', ANOTHER)
  return fails(
    'the kernel shows no tsm/connect for it: it accepted neither its IDE capability nor TEE-IO, or its TSM has only just registered',
    'tsmctl ide list says which ports the kernel ignores; right after a TSM was loaded, try again.',
  )
}

const ANOTHER = 'Choose a device whose STATE is not "-" in tsmctl list.'

function looksForInterface({device}: ConnectFacts): Finding {
  return device.tsm.connect.present ? pass('the kernel offers tsm/connect') : withoutInterface(device)
}

/** Configuration space behind the first 64 bytes is for CAP_SYS_ADMIN only, and so it tells who we are. */
function looksForPrivilege({device: {configBytes}, uid}: ConnectFacts): Finding {
  const remedy = 'Run as root.'
  if (configBytes.known && configBytes.value.length > 64) return pass('all of configuration space is readable')
  return uid !== null && uid !== 0
    ? fails('connecting is for root', remedy)
    : unknownBecause('configuration space is not readable as a whole, so the write may be refused too', remedy)
}

function looksForConnection({device: {tsm, bdf}, tsm: wanted}: ConnectFacts): Finding {
  const lock = tsm.lock.present ? valueOf(tsm.lock.value) : undefined
  if (lock !== undefined && lock !== '')
    return fails(`it is locked by ${printable(lock)}, which serves the guest's side`, `tsmctl unlock ${bdf} first.`)
  const value = tsm.connect.present ? tsm.connect.value : unknown('there is no tsm/connect')
  if (!value.known) return unknownBecause(value.reason)
  if (value.value === '') return pass('it is connected to no TSM')
  return value.value === wanted
    ? fails(`it is connected to ${printable(wanted)} already`, 'Nothing to do.')
    : fails(`it is connected to ${printable(value.value)}`, `tsmctl disconnect ${bdf} first.`)
}

function looksForTsm({tsm, tsms}: ConnectFacts): Finding {
  const found = tsms.find(({tsm: name}) => name === tsm)
  const remedy = 'tsmctl list names the TSMs there are.'
  if (found === undefined) return fails(`there is no TSM ${printable(tsm)}`, remedy)
  if (found.mode !== null && found.mode !== 'link')
    return fails(`${tsm} is not a host-side TSM (its pci_mode is ${printable(found.mode)})`, remedy)
  if (found.mode === null && tsms.length > 1)
    return unknownBecause('there are several TSMs and the kernel does not say which of them is a host-side one')
  return pass(`${tsm}, provided by ${found.words}`)
}

function looksForFeature(facts: ConnectFacts, feature: DoeFeature, name: string, code: string): Finding {
  const offered = offers(facts.device.doeFeatures, feature)
  if (!offered.known) return unknownBecause(offered.reason)
  return offered.value
    ? pass(`a DOE mailbox offers ${name} (${code})`)
    : failsWithStreams(
        facts,
        `no DOE mailbox offers ${name} (${code})`,
        'The device cannot speak SPDM this way; its firmware or a setting may have to enable it.',
      )
}

function looksForEndpoint(facts: ConnectFacts): Finding {
  const type = portTypeOf(facts.device)
  if (!type.known) return unknownBecause(type.reason)
  const name = PORT_TYPE_NAMES[type.value ?? -1] ?? 'function of unknown type'
  return type.value === PORT_TYPE.endpoint
    ? pass('it is an endpoint')
    : failsWithStreams(facts, `it is a ${name}, and the kernel makes streams for endpoints only`, 'Choose an endpoint.')
}

export const DEVICE_CHECKS: readonly Check[] = [
  {
    id: 'interface',
    title: 'the kernel offers connect for it',
    errno: 'ENOENT',
    kind: 'unsupported',
    firm: true,
    look: looksForInterface,
  },
  {
    id: 'privilege',
    title: 'you may write it',
    errno: 'EACCES',
    kind: 'not-permitted',
    look: looksForPrivilege,
  },
  {
    id: 'not-connected',
    title: 'it is not connected yet',
    errno: 'EBUSY',
    kind: 'busy',
    firm: true,
    look: looksForConnection,
  },
  {id: 'tsm', title: 'the TSM is there', errno: 'ENXIO', kind: 'not-found', firm: true, look: looksForTsm},
  {
    id: 'cma-spdm',
    title: 'it offers CMA-SPDM',
    errno: 'ENXIO',
    kind: 'unsupported',
    look: facts => looksForFeature(facts, CMA_SPDM, 'CMA-SPDM', '0001:01'),
  },
  {
    id: 'secured-cma',
    title: 'it offers Secured CMA-SPDM',
    errno: 'EFAULT',
    kind: 'unsupported',
    look: facts => looksForFeature(facts, SECURED_CMA_SPDM, 'Secured CMA-SPDM', '0001:02'),
  },
  {id: 'endpoint', title: 'it is an endpoint', errno: 'EFAULT', kind: 'unsupported', look: looksForEndpoint},
]
